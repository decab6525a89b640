"""What moves: skeletons, and sequences of frames. Training varies them anew in every epoch."""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import keras
import numpy as np

from keraseq import data, models
from keraseq import train as training
from keraseq.checks import one_of
from keraseq.data.batches import Batches
from keraseq.data.labelled import frames, skeletons
from keraseq.data.labelled.batches import groups
from keraseq.data.labelled.parts import labels_of
from keraseq.data.labelled.skeleton_rows import HIP, between, varied
from keraseq.evaluate import probabilities
from keraseq.files import checked_json
from keraseq.recipes.classify.kinds import KINDS, Kind
from keraseq.recipes.classify.series import regression, summaries
from keraseq.recipes.classify.settings import NONE, Settings

TOGETHER = 32  # rows in a batch of those that are only read
MULTIPLE = 16  # of the batches' lengths: few lengths are few compilations
MOMENTS = 20  # frames that the nearest neighbour compares
SHARP = 0.02  # how fast its probabilities fall with the distance
SHIFT, SLOWER = 2, 0.2  # pixels that frames are moved by, and the spread of their log pace
BODY = (len(skeletons.JOINTS), 3)


class Moving(Kind):
    """What skeletons and frames have in common: rows `(frames, ...)` that training varies.

    A kind has `varied(row, length)`, `scale`, by which rows are divided, `reader`, which makes
    parts, and `reading`, which reads examples.
    """

    column, fill, scale = "source", math.nan, 1.0

    def batches(self, rows, labels=None, settings=None, weights=None, shuffle=False):
        """Batches; those of a training hold other variations in every epoch."""
        size = TOGETHER if settings is None else settings.batch_size
        columns = [one for one in (labels, weights) if one is not None]
        now, lengths = list(rows), np.array([len(row) for row in rows])

        def width(chosen):
            return -(-max(len(now[i]) for i in chosen) // MULTIPLE) * MULTIPLE

        # TensorFlow compiles for one length if the first two batches have one: then all have it.
        widths = {width(one) for one in groups(lengths, size, False, MULTIPLE)}
        same = int(lengths.max()) if len(widths) == 1 else None

        def draw(shuffle):
            if shuffle:
                now[:] = [self.varied(row, same or settings.length) for row in rows]
            return groups(np.array([len(row) for row in now]), size, shuffle, MULTIPLE)

        def gather(chosen):
            shape = (len(chosen), same or width(chosen), *now[0].shape[1:])
            table = np.full(shape, self.fill, "float32")
            for place, i in zip(table, chosen, strict=True):
                place[: len(now[i])] = now[i] / np.float32(self.scale)
            return (table, *(one[chosen] for one in columns)) if columns else table

        return Batches(draw, gather, shuffle)

    def called(self, settings: Settings) -> str:
        """The model in a few words."""
        told = {("average",): "averaged predictions", ("last",): "last state"}
        told = told.get(tuple(settings.pooling), " and ".join(settings.pooling) + " pooling")
        cell = "no recurrence" if settings.cell == NONE else settings.cell
        return f"{'bidirectional ' * settings.bidirectional}{cell}, {told}"

    def read(self, source, **options):
        """Files, or arrays and their labels as a pair."""
        return self.reader(*(source if isinstance(source, tuple) else (source,)), **options)

    def all(self, given):
        """The examples of files, of folders, or of arrays, with their labels as a pair."""
        if isinstance(given, (str, Path)):
            return self.reading(given)
        if isinstance(given, tuple):
            return self.reading(*given)
        if not len(given) or not isinstance(given[0], (str, bytes, Path)):
            return self.reading(given)
        if len(given) == 1:
            return self.all(given[0].decode() if isinstance(given[0], bytes) else given[0])
        every = [self.reading(one.decode() if isinstance(one, bytes) else one) for one in given]
        inputs, names = ([x for one in every for x in getattr(one, k)] for k in ("inputs", "names"))
        return replace(every[0], inputs=inputs, names=names, labels=None)

    def raw(self, given, encoder, options: dict) -> tuple[list, list[str]]:
        """Files or folders, one or several, or arrays."""
        found = self.all(given)
        return encoder.rows(found.inputs, found.names), found.names

    def whole(self, source, encoder, options: dict) -> tuple[list, list, str]:
        """All examples of a source."""
        found = self.all(source)
        return found.inputs, labels_of(found), found.name


@dataclass(frozen=True)
class StoredSkeletons:
    """What `keraseq.data.SkeletonEncoder.to_dict` writes."""

    length: int


class Skeletons(Moving):
    """Joints of a moving body; see `Kind`."""

    name, Data = "skeletons", data.LabelledSkeletons
    reader, reading = staticmethod(data.labelled_skeletons), staticmethod(skeletons.read)
    varied = staticmethod(varied)

    def takes(self, source, settings: Settings) -> bool:
        """Arrays `(frames, 20, 3)`, archives, files that are called as MSR Action3D's."""
        if isinstance(source, (str, Path)):
            if str(source).lower().endswith(skeletons.ARCHIVES):
                return True
            return any(skeletons.NAME.search(str(one)) for one in (source, *within(source, "**/*")))
        return is_array(source, lambda one: one.ndim == 3 and one.shape[1:] == BODY)

    def encoder(self, parts: data.LabelledSkeletons, settings: Settings) -> data.SkeletonEncoder:
        """How many frames are read."""
        return data.SkeletonEncoder(settings.length)

    def decoded(self, stored: dict) -> data.SkeletonEncoder:
        """That number again."""
        return data.SkeletonEncoder(**asdict(checked_json(json.dumps(stored), StoredSkeletons)))

    def build(self, encoder, classes: int, settings: Settings) -> keras.Model:
        """The model."""
        return models.sequence_classifier(
            classes,
            features=len(encoder),
            embedding_dropout=0.0,
            masked=True,
            **settings.tower(),
        )

    def baselines(self, parts: data.LabelledSkeletons, encoder, report, leave_out) -> Iterator:
        """The nearest neighbour, and a logistic regression that knows little of the order."""
        report("nearest neighbour")
        known, labels = flat(parts.train.inputs), parts.train.targets

        def nearest(inputs):
            far = ((flat(inputs)[:, None] - known) ** 2).mean(-1)
            each = [far[:, labels == one].min(1) for one in range(len(parts.classes))]
            return probabilities(-np.stack(each, 1), SHARP)

        yield f"nearest neighbour, {MOMENTS} frames", nearest
        report("logistic regression on summaries of the joints")
        rows = {name: encoder.rows(parts.part(name).inputs) for name in ("train", "validation")}
        logistic = regression(rows, {name: parts.part(name).targets for name in rows})
        yield (
            "logistic regression, summaries of the joints",
            lambda inputs: logistic.predict_proba(summaries(encoder.rows(inputs))),
        )


def flat(bodies: Sequence[np.ndarray]) -> np.ndarray:
    """Each as a vector: joints beside the hip in 20 evenly spaced frames."""
    found = []
    for one in bodies:
        beside = one - one[:, HIP : HIP + 1]
        found.append(between(beside, np.linspace(0, len(one) - 1, MOMENTS)).ravel())
    return np.array(found)


@dataclass(frozen=True)
class StoredFrames:
    """What `keraseq.data.FrameEncoder.to_dict` writes."""

    height: int
    width: int
    channels: int
    length: int


class Frames(Moving):
    """Sequences of pictures; see `Kind`."""

    name, Data, scale = "frames", data.LabelledFrames, 255.0
    reader, reading = staticmethod(data.labelled_frames), staticmethod(frames.read)

    def takes(self, source, settings: Settings) -> bool:
        """Arrays of frames, and folders of folders of them."""
        if isinstance(source, (str, Path)):
            if str(source).lower().endswith(frames.ARRAYS):
                return True
            return any(map(frames.is_sequence, within(source, "*/*")))
        return is_array(source, lambda one: one.ndim == 4)

    def accepts(self, settings: Settings) -> None:
        """A cell or none, and one thing that is told of its outputs."""
        if settings.cell != NONE:
            super().accepts(settings)
        one_of("pooling of frames", ",".join(settings.pooling), ("average", "last"))

    def varied(self, row: np.ndarray, length: int) -> np.ndarray:
        """Moved by a pixel or two, and at another pace."""
        down, right = np.random.randint(0, 2 * SHIFT + 1, 2)  # noqa: NPY002
        slower = np.exp(np.random.normal(0, SLOWER))  # noqa: NPY002
        count = min(max(round(len(row) * slower), 2), length)
        row = row[np.linspace(0, len(row) - 1, count).round().astype(int)]
        edge, (height, width) = (SHIFT, SHIFT), row.shape[1:3]
        return np.pad(row, ((0, 0), edge, edge, (0, 0)))[
            :, down : down + height, right : right + width
        ]

    def encoder(self, parts: data.LabelledFrames, settings: Settings) -> data.FrameEncoder:
        """The size of a frame, and how many are read."""
        return data.FrameEncoder(*parts.train.inputs[0].shape[1:], length=settings.length)

    def decoded(self, stored: dict) -> data.FrameEncoder:
        """Those again."""
        return data.FrameEncoder(**asdict(checked_json(json.dumps(stored), StoredFrames)))

    def check(self, model: keras.Model, encoder: data.FrameEncoder) -> None:
        """The model must read frames of that size."""
        if model.input_shape != (None, None, *encoder.shape):
            raise ValueError(
                f"its model reads inputs of shape {model.input_shape}, its encoder gives frames of "
                f"{encoder.shape}: they do not belong together"
            )

    def build(self, encoder, classes: int, settings: Settings) -> keras.Model:
        """The model."""
        tower = settings.tower()
        [pooling] = tower.pop("pooling")
        cell = tower.pop("cell")
        height, width, channels = encoder.shape
        return models.frame_classifier(
            classes,
            height=height,
            width=width,
            channels=channels,
            embedding=settings.embedding,
            cell=None if cell == NONE else cell,
            pooling=pooling,
            masked=True,
            **tower,
        )

    def baselines(self, parts: data.LabelledFrames, encoder, report, leave_out) -> Iterator:
        """The same convolutions without recurrence, trained as by default."""
        report("average of single frames")
        yield "average of single frames", frame_average(self, parts, encoder)


def frame_average(kind: Frames, parts: data.LabelledFrames, encoder) -> Callable:
    """Probabilities of a model that looks at each frame alone; the best epoch on validation."""
    settings = replace(Settings(kind=kind.name), **{**KINDS[kind.name].defaults, "cell": NONE})
    rows = {name: encoder.rows(parts.part(name).inputs) for name in ("train", "validation")}
    model = training.compile(
        kind.build(encoder, len(parts.classes), settings), learning_rate=settings.learning_rate
    )
    model.fit(
        kind.batches(rows["train"], parts.train.targets, settings, shuffle=True),
        validation_data=kind.batches(rows["validation"], parts.validation.targets, settings),
        epochs=settings.epochs,
        shuffle=False,  # the data set does it
        callbacks=[keras.callbacks.EarlyStopping(patience=4, restore_best_weights=True)],
        verbose=0,
    )
    return lambda inputs: probabilities(kind.logits(model, encoder.rows(inputs)))


def within(source, pattern: str) -> list[Path]:
    """What a folder holds; nothing where a source is none, such as a long text."""
    try:
        return sorted(Path(source).glob(pattern)) if Path(source).is_dir() else []
    except (OSError, ValueError):
        return []


def is_array(source, of_kind: Callable[[np.ndarray], bool]) -> bool:
    """Whether a source is a sequence of arrays of some kind, with labels beside it or not."""
    inputs = source[0] if isinstance(source, tuple) and len(source) else source
    if not isinstance(inputs, (list, np.ndarray)) or not len(inputs):
        return False
    return isinstance(inputs[0], np.ndarray) and of_kind(inputs[0])
