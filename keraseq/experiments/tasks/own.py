"""Tasks of data that somebody brings: a file, or what `keraseq.data` made of it."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from keraseq import data, evaluate, models
from keraseq.checks import few, one_of, positive_integer
from keraseq.data import Part
from keraseq.data.labelled import LabelledSeries, LabelledTexts
from keraseq.data.labelled.series import ARCHIVES
from keraseq.data.labelled.table import FILES, OF_FILES, table
from keraseq.experiments.tasks import variants
from keraseq.experiments.tasks.arrays import ArrayTask, sizes, squared_error
from keraseq.experiments.tasks.forecasting import Forecasting
from keraseq.experiments.tasks.task import Task
from keraseq.recipes.reading import ASKED, every, reading
from keraseq.recipes.recipe import Option

KINDS = (data.Series, data.Labelled, data.Parts)  # of data that are a task as they are
ROWS = 12  # to forecast, where no season is known
WORDS, WIDTH, READ = 5_000, 16, 200  # most words of a vocabulary; of a vector; of a text
SHOWN = 3  # targets in a title
TOWER = 5_000  # parameters beside the vectors


class OwnSeries(Forecasting):
    """MASE of forecasts of somebody's own series, all targets of all of them together.

    Args:
        series: What `keraseq.data.series` gives. Covariates are not read.
        horizon: Rows to forecast. Default: a season, or 12.
        look_back: Rows that a model sees. Default: two seasons, or three horizons.
    """

    series = None  # of each instance
    own = True

    def __init__(self, series: data.Series, name="series", horizon=None, look_back=None):
        targets = list(series.targets)
        frames = {key: frame[targets] for key, frame in series.frames.items()}
        self.name, self.season = name, series.season
        self.series = replace(series, frames=frames, past_covariates=(), future_covariates=())
        parts = [
            [len(one) for one in self.series.part(part).values()]  # rows of each series
            for part in data.Parts._fields
        ]
        known, least = min(parts[0]), min(*parts[1], *parts[2])
        usual = series.season if series.season > 1 else ROWS
        self.horizon = positive_integer("horizon", horizon or min(usual, least))
        back = 2 * series.season if series.season > 1 else 3 * self.horizon
        back = look_back or max(1, min(back, known - self.horizon))
        self.look_back = positive_integer("look_back", back)
        if self.horizon > least or self.look_back + self.horizon > known:
            raise ValueError(
                f"{name}: {min(map(len, frames.values()))} rows are too few for "
                f"look_back={self.look_back} and horizon={self.horizon}: the smallest part has "
                f"{least} rows, training {known}"
            )
        several = f" of {len(frames)} series" if len(frames) > 1 else ""
        self.title = f"{name}: {few(targets, SHOWN)}{several}, 1 to {self.horizon} rows ahead"
        self.floor = next(iter(self.methods()))
        self.scales  # noqa: B018 - which says what has none

    def methods(self):
        """The last season, where there is one, and the last value."""
        return dict(list(super().methods().items())[self.season == 1 :])

    def facts(self):
        every, count = self.series.freq or "no times", len(self.series.frames)
        several = f" in {count:,} series" if count > 1 else ""
        what = f"{len(self.values):,} rows{several} of {few(self.series.targets, SHOWN)}"
        about = f"{what} ({every}), season {self.season} rows."
        return {"Data": about, **super().facts()}

    def raw(self):
        """Times, names and borders besides: other ones are other data."""
        frames = [(key, list(one.index), list(one)) for key, one in self.series.frames.items()]
        return f"{frames}{self.series.borders}{self.season}".encode() + super().raw()


class OwnArrays(ArrayTask):
    """Sequences, each with a class or with numbers.

    Args:
        parts: Train, validation and test. Inputs are numbers `(n, steps, features)` or token ids
            `(n, steps)`; targets are classes `(n,)`, integers from 0, or numbers `(n,)` or
            `(n, k)`, of which the mean squared error counts.
        name: Of the data.
        about: A sentence on them.
        **options: Of the builder, in place of those that follow from the arrays.
    """

    builder = staticmethod(models.sequence_classifier)
    steps = 400
    learning_rate = 5e-3
    batch_size = 32
    step_cost = 10.0
    parts = None  # of each instance
    own = True

    def __init__(self, parts: data.Parts, name="arrays", about="Arrays as given.", **options):
        self.name, self.about, self.title = name, about, f"{name}: own data"
        self.parts = {
            key: Part(np.asarray(one[0]), np.asarray(one[1]))
            for key, one in zip(data.Parts._fields, parts, strict=True)
        }
        inputs, targets = self.parts["train"]
        tokens = np.issubdtype(inputs.dtype, np.integer) and inputs.ndim == 2
        self.classes = np.issubdtype(targets.dtype, np.integer) and targets.ndim == 1
        if (not tokens and inputs.ndim != 3) or not (self.classes or targets.ndim in (1, 2)):
            raise ValueError(
                f"{name}: inputs are (n, steps, features), or integers (n, steps), and targets "
                "integers (n,), or numbers (n,) or (n, k); received "
                f"{inputs.dtype} {inputs.shape} and {targets.dtype} {targets.shape}"
            )
        most = max(int(one.inputs.max()) for one in self.parts.values()) + 1 if tokens else 0
        reads = (
            {"vocabulary": most, "embedding": WIDTH} if tokens else {"features": inputs.shape[-1]}
        )
        if self.classes:
            outputs = max(int(one.targets.max()) for one in self.parts.values()) + 1
            self.floor, names = "majority class", ("accuracy", "accuracy", "max")
        else:
            self.parts = {
                key: Part(one.inputs, one.targets.reshape(len(one.targets), -1).astype("float32"))
                for key, one in self.parts.items()
            }
            outputs = self.parts["train"].targets.shape[1]
            self.floor, names = "always the mean", ("mse", "mean squared error", "min")
            self.measure = squared_error
        self.metric, self.metric_label, self.direction = names
        self.options = {"classes": outputs, "length": inputs.shape[1], **reads, **options}
        self.budget = TOWER + self.options.get("vocabulary", 0) * WIDTH

    def baselines(self, part="test"):
        """What does not look at the sequence."""
        train, test = self.parts["train"].targets, self.parts[part].targets
        if self.classes:
            return {self.floor: evaluate.majority_class(train, test)}
        return {self.floor: float(np.square(test - train.mean(0)).mean())}

    def facts(self):
        return {
            "Data": self.about,
            "Split": sizes(self.parts),
            "Model": "One recurrent layer; the output is of its last step.",
            "Baselines": f"{self.floor.capitalize()} of the training part.",
        }


def labelled(parts: data.Labelled, name: str) -> OwnArrays:
    """The task of naming the label of a text or a series, encoded as the training part says."""
    if isinstance(parts, LabelledTexts):
        encoder = data.TextEncoder.of(parts.train.inputs, size=WORDS, length=READ)
        reads, fill = {"vocabulary": len(encoder), "embedding": WIDTH}, 0
    elif isinstance(parts, LabelledSeries):
        encoder = data.SeriesEncoder.of(parts.train.inputs, parts.channels)
        reads, fill = {"features": len(encoder), "masked": True}, np.nan
    else:
        raise TypeError(f"{name}: no texts and no series; received {type(parts).__name__}")
    rows = {part: encoder.rows(parts.part(part).inputs) for part in data.Parts._fields}
    longest = max(len(row) for some in rows.values() for row in some)
    made = {}
    for part, some in rows.items():
        whole = np.full((len(some), longest, *some[0].shape[1:]), fill, some[0].dtype)
        for one, row in zip(whole, some, strict=True):
            one[: len(row)] = row
        made[part] = Part(whole, parts.part(part).targets)
    task = OwnArrays(data.Parts(**made), name, f"{parts}.", **reads, classes=len(parts.classes))
    task.title = f"{name}: {len(parts.classes)} classes of {parts.what}"
    return task


def of(given, name: str | None = None) -> Task:
    """The task of what `keraseq.data` read: series, labelled texts or series, or arrays."""
    if isinstance(given, data.Series):
        return OwnSeries(given, name or given.source or "series")
    if isinstance(given, data.Labelled):
        return labelled(given, name or given.name)
    return OwnArrays(given, name or "arrays")


def is_file(name: str) -> bool:
    """Whether a task's name is that of a file, with options in brackets if it has any."""
    path = name.partition("[")[0].lower()
    return path.endswith((*FILES, *ARCHIVES)) or (Path(path).suffix != "" and ":" not in path)


def with_options(names: list[str], given: dict) -> list[str]:
    """Names of tasks, those of files with options besides.

    Raises:
        ValueError: There is no such option, or no file among the tasks.
    """
    given = {name: value for name, value in given.items() if value is not None}
    for one in given:
        one_of("option of a task that is a file", one, every())
    if given and not any(map(is_file, names)):
        [(one, value), *_] = given.items()
        raise ValueError(f"{one}={value!r} is of a file, and there is no file among the tasks")
    return [with_own(name, given) if given and is_file(name) else name for name in names]


def with_own(name: str, given: dict) -> str:
    """The name of a file with options besides; those in its brackets win."""
    path, said = variants.parse(name)
    kind = next((one for one in ASKED if one in said), None)
    others = {
        one: value if isinstance(value, (str, int, float)) else ",".join(map(str, value))
        for one, value in given.items()
        if one not in ASKED or kind in (None, one)
    }
    return variants.written(path, {**others, **said})


def read(name: str) -> Task:
    """The task of a file: `sales.csv[target=units]` or `reviews.csv[label=stars]`.

    Raises:
        ValueError: It is not said what is to be forecast or told apart, or there is no such column.
        FileNotFoundError: There is no such file.
    """
    path, said = variants.parse(name)
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {path!r}")
    archive = path.lower().endswith(ARCHIVES)
    both = [one for one in ASKED if one in said]
    if len(both) > 1:
        raise ValueError(f"{path}: give a target to forecast or a label to tell, not both")
    if not both and not archive:
        form = {one: str(said[one]) for one in OF_FILES if one in said}
        raise ValueError(
            f"{path}: say which column is to be forecast (--target COLUMN) or told apart (--label "
            f"COLUMN); its columns are {', '.join(map(str, table(path, **form)[0].columns))}"
        )
    accepted = reading(*(both or ["label"]))
    chosen = {}
    for one, value in said.items():
        option = accepted[one_of(f"option of {path}", one, accepted)]
        chosen[option.name] = checked(option, value)
    if "target" in both:
        shape = {one: chosen.pop(one) for one in ("horizon", "look_back") if one in chosen}
        return OwnSeries(data.series(path, **chosen), Path(path).name, **shape)
    form = {one: chosen[one] for one in OF_FILES if one in chosen}
    if not archive and "id" not in chosen and "text" not in chosen:
        chosen["text"] = text_column(path, chosen["label"], form)
    if chosen.get("text"):
        return labelled(data.reviews(path, **chosen), Path(path).name)
    chosen.pop("text", None)
    return labelled(data.labelled_series(path, **chosen), Path(path).name)


def checked(option: Option, value):
    """The value of an option that stood in brackets, as the recipe has it."""
    if option.kind is str or option.several is str:
        value = str(value)  # columns may be called 1, 2, ...
    elif option.kind in (int, float) and isinstance(value, str):
        try:
            value = option.kind(value)
        except ValueError:
            raise ValueError(f"{option.name} must be a number; received {value!r}") from None
    return option.checked(option.parsed(value))


def text_column(path: str, label: str, form: dict) -> str | None:
    """The column of texts beside the label: `text`, or the only one that holds no numbers.

    Raises:
        ValueError: Its texts come again and again beside numbers, as identifiers of series do.
    """
    frame = table(path, **form).frame.drop(columns=label, errors="ignore")
    words = frame.select_dtypes(exclude="number").columns
    if "text" in words or len(words) > 1:
        return "text"
    if not len(words):
        return None
    [one] = words
    if frame.shape[1] > 1 and 2 * frame[one].nunique() <= len(frame):
        raise ValueError(
            f"{path}: column {one!r} may hold texts, or say which series a row is a step of: give "
            f"text={one!r} or id={one!r} (in a shell --text {one} or --id {one})"
        )
    return str(one)


def digest(name: str) -> str | None:
    """SHA-256 of the file of a task, if it is one; else None."""
    path = Path(name.partition("[")[0])
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


__all__ = ["KINDS", "OwnArrays", "OwnSeries", "digest", "is_file", "of", "read", "with_options"]
