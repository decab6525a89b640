"""Series: scaled channels, and the simple methods for them."""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import numpy as np

from keraseq import data, models
from keraseq.data.labelled.parts import labels_of
from keraseq.data.labelled.series import ARCHIVES, Examples, examples, some_numbers
from keraseq.data.labelled.table import FILES, OF_FILES, table
from keraseq.data.parts import PARTS
from keraseq.evaluate import accuracy
from keraseq.files import checked_json
from keraseq.recipes.classify.kinds import Kind
from keraseq.recipes.classify.settings import Settings

EPOCHS, STEPS = 30, 400  # so many epochs, or as many more as so many steps need
BATCHES, BATCH = 4, (8, 64)  # so many batches in an epoch, each of so many rows at least and most
PENALTIES = (0.01, 0.1, 1.0, 10.0)  # C of the logistic regression, chosen on validation
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
LARGEST = 3e9  # pairs of steps that dynamic time warping may compare: about a minute
READING = ("label", "id", "time", "channels", "decimal", *OF_FILES)


@dataclass(frozen=True)
class Stored:
    """What `keraseq.data.SeriesEncoder.to_dict` writes."""

    scaler: str
    gaps: list[str]


class Series(Kind):
    """Series of one or several channels; see `Kind`. Padding is `NaN`, which the model masks."""

    name, Data, column, fill = "series", data.LabelledSeries, "series", math.nan

    def takes(self, source, settings: Settings) -> bool:
        """Arrays, `.ts` files, tables with an `id`, and tables of numbers beside the label."""
        if isinstance(source, (np.ndarray, list, tuple)) or settings.id or settings.channels:
            return True
        if settings.text is not None or source is None:
            return False
        path = str(source).lower() if isinstance(source, (str, Path)) else None
        if path is not None and not path.endswith(FILES):
            return path.endswith(ARCHIVES)
        frame = table(source, **{name: getattr(settings, name) for name in OF_FILES}).frame
        frame = frame.drop(columns=settings.label or "label", errors="ignore")
        return "text" not in frame and all(some_numbers(frame[one]) for one in frame)

    def read(self, source, **options) -> data.LabelledSeries:
        """A table, a `.ts` file, or arrays and their labels as a pair."""
        arrays = source if isinstance(source, tuple) else (source,)
        return data.labelled_series(*arrays, **options)

    def all(self, source, encoder: data.SeriesEncoder, options: dict) -> Examples:
        """The series of a source, read as those of the training; tables have its columns."""
        if isinstance(source, (np.ndarray, list, tuple)):
            return examples(*(source if isinstance(source, tuple) else (source,)))
        like = options.get("columns")
        roles = {name: like and getattr(like, name) for name in ("label", "id", "time")}
        chosen = {name: one for name, one in roles.items() if one is not None}
        chosen |= {name: options[name] for name in READING if name in options}
        if "id" in chosen:
            chosen.setdefault("channels", encoder.channels)
        return examples(source, **chosen, like=like, option="--reading {}=COLUMN")

    def whole(self, source, encoder, options: dict) -> tuple[list, list, str]:
        """All series of a source."""
        found = self.all(source, encoder, options)
        return found.inputs, labels_of(found), found.name

    def raw(self, given, encoder, options: dict) -> tuple[list, list[str]]:
        """A file (also as a list of one), lines of a CSV table, a frame, or arrays."""
        if isinstance(given, list) and given and isinstance(given[0], (str, bytes)):
            if isinstance(given[0], bytes):
                given = [b"\n".join(given)]
            if len(given) > 1:
                raise ValueError(f"series come from one file; received {', '.join(given)}")
            [given] = given
        found = self.all(given, encoder, options)
        return encoder.rows(found.inputs), found.ids

    def follows(self, parts: data.LabelledSeries) -> dict:
        """Rows in a step, and epochs."""
        count = len(parts.train.inputs)
        batch = min(max(BATCH[0], count // BATCHES), BATCH[1])
        return {"batch_size": batch, "epochs": max(EPOCHS, math.ceil(STEPS / -(-count // batch)))}

    def encoder(self, parts: data.LabelledSeries, settings: Settings) -> data.SeriesEncoder:
        """Means and deviations of the training part."""
        return data.SeriesEncoder.of(parts.train.inputs, parts.channels)

    def decoded(self, stored: dict) -> data.SeriesEncoder:
        """The means and deviations that were kept."""
        return data.SeriesEncoder.from_dict(asdict(checked_json(json.dumps(stored), Stored)))

    def build(self, encoder, classes: int, settings: Settings) -> keras.Model:
        """The model."""
        return models.sequence_classifier(
            classes,
            features=len(encoder),
            embedding_dropout=0.0,
            masked=True,
            **settings.tower(),
        )

    def baselines(self, parts: data.LabelledSeries, encoder, report, leave_out) -> Iterator[tuple]:
        """Summaries, random kernels, and the nearest neighbour."""
        rows = {name: encoder.rows(parts.part(name).inputs) for name in ("train", "validation")}
        labels = {name: parts.part(name).targets for name in rows}

        def of_names(name_rows: Callable) -> Callable:
            """Probabilities of a method that only names classes: it is as sure as it was right."""
            right = (name_rows(rows["validation"]) == labels["validation"]).sum()
            sure, classes = (right + 1) / (len(labels["validation"]) + 2), len(parts.classes)

            def chances(inputs):
                others = (1 - sure) / (classes - 1)
                named = name_rows(encoder.rows(inputs))
                return np.where(np.arange(classes) == named[:, None], sure, others)

            return chances

        report("logistic regression on summaries of the channels")
        logistic = regression(rows, labels)
        yield (
            "logistic regression, summaries of the channels",
            lambda inputs: logistic.predict_proba(summaries(encoder.rows(inputs))),
        )
        report("MiniRocket")
        lengths = {len(one) for part in PARTS for one in parts.part(part).inputs}
        try:
            if len(lengths) > 1:
                leave_out("MiniRocket is left out: it reads series of one length")
            else:
                yield "MiniRocket", of_names(minirocket(rows["train"], labels["train"]))
        except ImportError:
            leave_out("MiniRocket is left out: it needs `pip install aeon`")
        pairs = sum(map(len, rows["train"])) * sum(
            len(one) for part in PARTS[1:] for one in parts.part(part).inputs
        )
        if pairs > LARGEST:
            leave_out(f"the nearest neighbour is left out: {pairs:.1e} pairs of steps to compare")
        else:
            report("nearest neighbour under dynamic time warping")
            yield (
                "nearest neighbour, dynamic time warping",
                of_names(lambda some: nearest(some, rows["train"], labels["train"])),
            )


def summaries(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Of each channel mean, deviation, extremes, slope, quantiles; and the length."""
    found = []
    for row in rows:
        time = np.linspace(-1, 1, len(row))
        slope = time @ row / max(time @ time, 1e-9)
        extremes = (row.mean(0), row.std(0), row.min(0), row.max(0), slope)
        found.append(np.concatenate([*extremes, *np.quantile(row, QUANTILES, axis=0), [len(row)]]))
    return np.array(found)


def regression(rows: dict, labels: dict):
    """scikit-learn's logistic regression on summaries, with the penalty best on validation."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    seen, check = (summaries(rows[part]) for part in ("train", "validation"))
    fitted = [
        make_pipeline(StandardScaler(), LogisticRegression(C=one, max_iter=2000)).fit(
            seen, labels["train"]
        )
        for one in PENALTIES
    ]
    return max(fitted, key=lambda one: accuracy(one.predict_proba(check), labels["validation"]))


def minirocket(rows: Sequence[np.ndarray], labels: np.ndarray) -> Callable:
    """aeon's MiniRocket and scikit-learn's ridge regression, as its paper has them.

    References:
        Dempster, Schmidt & Webb 2021, "MiniRocket: A Very Fast (Almost) Deterministic Transform for
        Time Series Classification".
    """
    from aeon.transformations.collection.convolution_based import MiniRocket
    from sklearn.linear_model import RidgeClassifierCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    def transposed(rows):
        return np.stack(rows).transpose(0, 2, 1).astype("float32")

    ridge = RidgeClassifierCV(alphas=np.logspace(-3, 3, 10))
    kernels = MiniRocket(random_state=0)
    method = make_pipeline(kernels, StandardScaler(with_mean=False), ridge)
    method.fit(transposed(rows), labels)
    return lambda rows: method.predict(transposed(rows))


def nearest(rows: Sequence[np.ndarray], known: Sequence[np.ndarray], labels) -> np.ndarray:
    """The label of the nearest of known rows under dynamic time warping, all channels together."""
    return labels[[warped(row, known).argmin() for row in rows]]


def warped(row: np.ndarray, others: Sequence[np.ndarray]) -> np.ndarray:
    """How far a row is from each of others `(steps, channels)`, along the best of all warpings.

        d(i, j) = |row_i - other_j|^2 + min(d(i-1, j), d(i, j-1), d(i-1, j-1))

    Returns:
        d at the ends. It is found diagonal by diagonal, for all others at once.

    References:
        Sakoe & Chiba 1978, "Dynamic Programming Algorithm Optimization for Spoken Word
        Recognition".
    """
    lengths, steps = np.array([len(one) for one in others]), len(row)
    table = np.zeros((len(others), lengths.max(), row.shape[1]))
    for one, other in zip(table, others, strict=True):
        one[: len(other)] = other
    found, i = np.empty(len(others)), np.arange(steps)
    before, last = np.full((2, len(others), steps + 1), np.inf)  # by i + 1, of two diagonals
    before[:, 0] = 0.0
    for diagonal in range(steps + lengths.max() - 1):
        j = diagonal - i
        inside = (j >= 0) & (j < table.shape[1])
        cost = ((row[inside] - table[:, j[inside]]) ** 2).sum(-1)
        best = np.minimum(np.minimum(last[:, :-1], last[:, 1:]), before[:, :-1])[:, inside]
        now = np.full_like(last, np.inf)
        now[:, 1:][:, inside] = cost + best
        before, last = last, now
        ends = lengths + steps - 2 == diagonal
        found[ends] = last[ends, steps]
    return found
