"""Tasks of data that somebody brings: a file, or what `keraseq.data` made of it."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from keraseq import data, evaluate, models
from keraseq.checks import one_of, positive_integer
from keraseq.data import Part
from keraseq.data.labelled import LabelledSeries, LabelledTexts
from keraseq.data.labelled.series import ARCHIVES
from keraseq.data.labelled.table import FILES, table
from keraseq.experiments.tasks import variants
from keraseq.experiments.tasks.arrays import ArrayTask, sizes, squared_error
from keraseq.experiments.tasks.forecasting import Forecasting
from keraseq.experiments.tasks.task import Task

KINDS = (data.Series, data.Labelled, data.Parts)  # of data that are a task as they are
ROWS = 12  # to forecast, where no season is known
WORDS, WIDTH, READ = 5_000, 16, 200  # most words of a vocabulary; of a vector; of a text
TOWER = 5_000  # parameters beside the vectors
FORECAST = ("target", "time", "season", "freq", "fill", "horizon", "look_back")
TELL = ("label", "text", "id", "time", "validation", "test")


class OwnSeries(Forecasting):
    """MASE of forecasts of one series of somebody's own.

    Args:
        series: What `keraseq.data.series` gives. Covariates are not read.
        horizon: Rows to forecast. Default: a season, or 12.
        look_back: Rows that a model sees. Default: two seasons, or three horizons.
    """

    series = None  # of each instance
    own = True

    def __init__(self, series: data.Series, name="series", horizon=None, look_back=None):
        if len(series.frames) != 1 or len(series.targets) != 1:
            raise ValueError(
                f"{name}: a comparison forecasts one column of one series; received "
                f"{len(series.frames)} series, columns {', '.join(series.targets)}: choose a "
                "target (--target), or one series"
            )
        [(key, frame)], [borders] = series.frames.items(), series.borders.values()
        self.name, self.season = name, series.season
        least = min(borders.test - borders.validation, len(frame) - borders.test)
        usual = series.season if series.season > 1 else ROWS
        self.horizon = positive_integer("horizon", horizon or min(usual, least))
        back = 2 * series.season if series.season > 1 else 3 * self.horizon
        back = look_back or max(1, min(back, borders.validation - self.horizon))
        self.look_back = positive_integer("look_back", back)
        if self.horizon > least or self.look_back + self.horizon > borders.validation:
            raise ValueError(
                f"{name}: {len(frame)} rows are too few for look_back={self.look_back} and "
                f"horizon={self.horizon}: the smallest part has {least} rows, training "
                f"{borders.validation}"
            )
        only = {key: frame[list(series.targets)]}
        self.series = replace(series, frames=only, past_covariates=(), future_covariates=())
        self.title = f"{name}: {series.targets[0]}, 1 to {self.horizon} rows ahead"
        self.floor = next(iter(self.methods()))
        self.scale = evaluate.seasonal_scale(self.values[: borders.validation], self.season)

    def methods(self):
        """The last season, where there is one, and the last value."""
        return dict(list(super().methods().items())[self.season == 1 :])

    def facts(self):
        [target], every = self.series.targets, self.series.freq or "no times"
        about = f"{len(self.frame):,} rows of {target} ({every}), season {self.season} rows."
        return {"Data": about, **super().facts()}

    def raw(self):
        return f"{list(self.frame.index)}{self.borders}{self.season}".encode() + super().raw()


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

    def baselines(self):
        """What does not look at the sequence."""
        train, test = self.parts["train"].targets, self.parts["test"].targets
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
    """The task of what `keraseq.data` read: one series, labelled texts or series, or arrays."""
    if isinstance(given, data.Series):
        return OwnSeries(given, name or given.source or "series")
    if isinstance(given, data.Labelled):
        return labelled(given, name or given.name)
    return OwnArrays(given, name or "arrays")


def is_file(name: str) -> bool:
    """Whether a task's name is that of a file, with options in brackets if it has any."""
    path = name.partition("[")[0].lower()
    return path.endswith((*FILES, *ARCHIVES)) or (Path(path).suffix != "" and ":" not in path)


def read(name: str) -> Task:
    """The task of a file: `sales.csv[target=units]` or `reviews.csv[label=stars]`.

    Raises:
        ValueError: It is not said what is to be forecast or told apart, or there is no such column.
        FileNotFoundError: There is no such file.
    """
    path, options = variants.parse(name)
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {path!r}")
    archive = path.lower().endswith(ARCHIVES)
    if "target" in options:
        for option in options:
            one_of(f"option of {path}", option, FORECAST)
        shape = {one: options.pop(one) for one in ("horizon", "look_back") if one in options}
        series = data.series(path, targets=[str(options.pop("target"))], **options)
        return OwnSeries(series, Path(path).name, **shape)
    for option in options:
        one_of(f"option of {path}", option, TELL)
    if "label" not in options and not archive:
        raise ValueError(
            f"{path}: say which column is to be forecast (--target COLUMN) or told apart (--label "
            f"COLUMN); its columns are {', '.join(map(str, table(path)[0].columns))}"
        )
    options |= {one: str(options[one]) for one in ("label", "text", "id") if one in options}
    if not archive and "id" not in options:
        options.setdefault("text", text_column(path, options["label"]))
    if options.get("text"):
        return labelled(data.reviews(path, **options), Path(path).name)
    options.pop("text", None)
    return labelled(data.labelled_series(path, **options), Path(path).name)


def text_column(path: str, label: str) -> str | None:
    """The column of texts beside the label: `text`, or the only one that holds no numbers."""
    frame, *_ = table(path)
    words = frame.drop(columns=label, errors="ignore").select_dtypes(exclude="number").columns
    if "text" in words or len(words) > 1:
        return "text"
    return str(words[0]) if len(words) else None


def digest(name: str) -> str | None:
    """SHA-256 of the file of a task, if it is one; else None."""
    path = Path(name.partition("[")[0])
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


__all__ = ["KINDS", "OwnArrays", "OwnSeries", "digest", "is_file", "of", "read"]
