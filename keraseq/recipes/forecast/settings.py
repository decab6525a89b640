"""The options of `forecast`.

Numbers below are squared errors on ETTh1, 96 hours from 96 hours, on the validation part.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from keraseq.checks import one_of, positive_integer, positive_number, rate
from keraseq.recipes import recipe
from keraseq.recipes.recipe import COMMON, DERIVED, MODEL, READING, TRAINING


def rising(name: str, value) -> tuple[float, ...]:
    """Probabilities between 0 and 1, each above the one before."""
    if list(value) != sorted(set(value)) or not all(0 < one < 1 for one in value) or not value:
        raise ValueError(f"{name} must rise from 0 to 1; received {list(value)}")
    return value


def share(name: str, value) -> float | int:
    """A fraction below 1, or a number of rows."""
    if isinstance(value, float) and value >= 1 and value.is_integer():  # as a shell reads it
        value = int(value)
    return positive_integer(name, value) if value not in (0, 1) and value > 1 else rate(name, value)


def written_times(name: str, value: str) -> str:
    """A format of `strptime`, or a unit of time."""
    from keraseq.data.timeseries.times import SERIAL, UNITS

    return value if "%" in value else one_of(name, value, (*UNITS, SERIAL))


Columns = tuple[str, ...] | None
Part = Annotated[float | None, share, "Fraction, or number, of the rows. Default: 0.15.", READING]


@dataclass(frozen=True, kw_only=True)
class Settings(recipe.Settings):
    """What a forecaster is made of and how it is trained; `None` follows from the series."""

    follows: ClassVar[dict[str, str]] = {
        "epochs": "30, or as many as 1,500 steps take",
        "batch_size": "256, or a 32nd of the windows",
        "patience": "a third of the epochs",
        "normalize": "last; season for several series with seasons",
        "scale": "train; window for several series",
    }

    horizon: Annotated[int, positive_integer, "Rows to forecast.", COMMON]
    look_back: Annotated[
        int | None,
        positive_integer,
        "Rows that the model sees. Default: four seasons or two horizons, whichever is more, but "
        "no more than a third of the shortest training part.",
        COMMON,
    ] = None
    # Segment: few steps, and no forecast is fed back.
    model: Annotated[
        Literal["segment", "direct", "recursive", "encoder-decoder"],
        "segment, direct, recursive or encoder-decoder.",
        COMMON,
    ] = "segment"
    targets: Annotated[Columns, "Columns to forecast. Default: all.", COMMON] = None
    head: Annotated[
        Literal["point", "quantiles", "gaussian"], "point, quantiles or gaussian.", MODEL
    ] = "point"
    quantiles: Annotated[
        tuple[float, ...],
        rising,
        "Probabilities of the quantiles that every forecast comes with; pairs such as 0.1 and 0.9 "
        "are intervals, and calibrated.",
        MODEL,
    ] = (0.1, 0.5, 0.9)
    normalize: Annotated[
        Literal["last", "mean", "standard", "season", "none"] | None,
        "What a window is measured from: last, mean, standard, season or none.",
        MODEL,
    ] = None
    segment: Annotated[
        int | None,
        positive_integer,
        "Rows in a segment, of the model of that name. Default: a season.",
        MODEL,
    ] = None
    scale: Annotated[
        Literal["train", "window"] | None,
        "train scales by mean and deviation of the training part; window the targets by what is "
        "found in each window besides.",
        MODEL,
    ] = None
    transform: Annotated[
        Literal["log"] | None,
        "log: the model reads and forecasts logarithms of the targets, which must be positive, so "
        "that it errs by as many percent on small values as on large ones.",
        MODEL,
    ] = None
    prior: Annotated[
        float | None,
        positive_number,
        "With the Gaussian head, standard deviation of a normal prior of the weights.",
        MODEL,
    ] = None
    # Absolute error is what MASE counts; and its squared error too is lower than that of training
    # on squared errors: 0.674 against 0.678.
    loss: Annotated[str, "Loss of the point head, a name that Keras knows.", TRAINING] = "mae"
    stride: Annotated[
        int, positive_integer, "Rows from one window of the training part to the next.", TRAINING
    ] = 1
    dropout: recipe.Dropout = 0.5
    epochs: recipe.Epochs = None
    batch_size: recipe.Batch = None
    decay: recipe.Decay = "falling"
    patience: recipe.Patience = None
    season: Annotated[int | None, positive_integer, "Rows in a season.", DERIVED] = None
    past_covariates: Annotated[Columns, "Columns that are known up to now.", READING] = None
    future_covariates: Annotated[Columns, "Columns that are known beforehand.", READING] = None
    calendar: Annotated[Columns, "Of minute, hour, weekday, day, month and yearday.", READING] = (
        None
    )
    time: Annotated[
        Columns, "Column of times, or several, such as date,time or year,month,day.", READING
    ] = None
    id: Annotated[Columns, "Columns that tell series apart, such as store.", READING] = None
    start: Annotated[str | None, "First time that counts, such as 2024-01-01.", READING] = None
    sep: recipe.Sep = None
    decimal: recipe.Decimal = None
    date_format: Annotated[
        str | None,
        written_times,
        "Such as %d.%m.%Y; s or ms since 1970; excel for its days.",
        READING,
    ] = None
    header: recipe.Header = None
    encoding: recipe.Encoding = None
    freq: Annotated[str | None, "Such as h, D or MS. Default: inferred.", READING] = None
    tz: Annotated[str | None, "Time zone, such as Europe/Berlin.", READING] = None
    fill: Annotated[
        Literal["previous", "linear"] | None,
        "previous or linear. Default: gaps are an error.",
        READING,
    ] = None
    validation: Part = None
    test: Part = None

    def check(self) -> None:
        """Raises if options do not go together."""
        if self.prior is not None and self.head != "gaussian":
            raise ValueError(
                f"prior={self.prior!r} needs head='gaussian'; received head={self.head!r}"
            )
