"""What the recipe `forecast` trains and a bundle restores: a model that reads raw numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import NormalDist
from typing import Annotated, Literal

import keras
import numpy as np
from pandas import Timestamp
from pandas.tseries.frequencies import to_offset
from pydantic import Field

from keraseq import data
from keraseq.bundle import Bundle, array
from keraseq.checks import positive_integer
from keraseq.data.timeseries import CALENDAR, dummies
from keraseq.evaluate import Conformal, intervals
from keraseq.recipes.forecast.settings import Settings

WAVES = ("_sin", "_cos")  # how columns of calendar features end
# Options of reading: how the cells of a file are read, and all that may be others later.
OF_FILES = ("sep", "decimal", "date_format", "header", "encoding")
READS_AGAIN = (*OF_FILES, "time", "id", "start", "freq", "tz", "fill")
LARGEST = 1e30  # of scaled numbers: the model computes in float32
LEAST, MOST = 100, 3_000  # windows that intervals are calibrated on


def transformed(series: data.Series, transform: str | None) -> data.Series:
    """The series as a model reads it, see `Settings.transform`."""
    if transform is None:
        return series
    frames = {}
    for name, frame in series.frames.items():
        targets = frame[list(series.targets)]
        low = targets.min()
        if low.min() <= 0:
            raise ValueError(
                f"series {name!r}: transform='log' needs positive values; column "
                f"{low.idxmin()!r} has {low.min():g}"
            )
        frames[name] = frame.assign(**np.log(targets))
    return replace(series, frames=frames)


@dataclass(frozen=True)
class Stored:
    """The preprocessing of a bundle of this recipe."""

    settings: Settings
    targets: Annotated[tuple[str, ...], Field(min_length=1)]
    past_covariates: tuple[str, ...]
    future_covariates: tuple[str, ...]
    scaler: str
    margins: dict[str, array()]  # type: ignore[valid-type]
    source: str | None
    calendar: tuple[Literal[tuple(CALENDAR)], ...]  # type: ignore[valid-type]
    freq: str | None
    season: int
    tz: str | None = None
    id: tuple[str, ...] = ()
    time: tuple[str, ...] = ()
    day_first: bool | None = None
    categories: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self):
        if self.freq is not None:
            to_offset(self.freq)
        if self.tz is not None:
            Timestamp("2000-01-01", tz=self.tz)
        waves = {f"{name}{wave}" for name in self.calendar for wave in WAVES}
        if waves != {one for one in self.future_covariates if one.endswith(WAVES)}:
            raise ValueError(f"calendar={self.calendar} is not what its future covariates say")
        if len({*self.time, *self.id}) < len(self.time + self.id):
            raise ValueError(f"time={self.time} and id={self.id} name a column twice")
        hot = {one for name, texts in self.categories.items() for one in dummies(name, texts)}
        if not hot <= {*self.past_covariates, *self.future_covariates}:
            raise ValueError(f"categories={self.categories} are not what its covariates say")
        if self.calendar and self.freq is None:
            raise ValueError(f"calendar={self.calendar} needs a frequency")


class Forecaster:
    """A trained model with all that a forecast needs: a method for `keraseq.evaluate.backtest`.

    Call arguments:
        past: `(windows, look_back, columns)` in the data's own units, columns in the order of the
            series: targets, past covariates, future covariates.
        horizon: Rows to forecast, at most what it was trained for. Default: that.
        future: `(windows, horizon, future covariates)` in the data's own units.

    Returns:
        A dictionary: `mean`, `(windows, horizon, targets)` in the data's own units, and
        `quantiles`, probability -> array of that shape, widened or narrowed by the margins that
        `keraseq.recipes.forecast.recipe.calibrated` measured. For a model trained on absolute
        errors, and one of quantiles, `mean` is the median.

    Raises:
        ValueError: The horizon is longer than trained for, or a shape is another.

    Example:

    >>> import pandas as pd
    >>> series = keraseq.data.series(pd.DataFrame({"y": [float(i % 7) for i in range(140)]}))
    >>> tiny = {"horizon": 7, "look_back": 14, "units": 4, "epochs": 1, "report": None}
    >>> bundle = keraseq.recipes.train("forecast", series, **tiny)
    >>> method = keraseq.recipes.forecast.Forecaster.of(bundle)
    >>> method([[[float(i % 7)] for i in range(14)]])["mean"].shape
    (1, 7, 1)
    """

    def __init__(
        self,
        model: keras.Model,
        settings: Settings,
        *,
        targets: Sequence[str],
        past_covariates: Sequence[str] = (),
        future_covariates: Sequence[str] = (),
        scaler: data.Scaler,
        margins: dict | None = None,
    ):
        self.margins = dict(margins or {})
        self.model, self.settings, self.scaler = model, settings, scaler
        self.targets, self.past_covariates = tuple(targets), tuple(past_covariates)
        self.future_covariates = tuple(future_covariates)

    @classmethod
    def of(cls, bundle: Bundle) -> "Forecaster":
        """The forecaster that a bundle holds."""
        with bundle.reading(Stored, "forecaster of this recipe") as stored:
            forecaster = cls(
                bundle.model,
                stored.settings,
                targets=stored.targets,
                past_covariates=stored.past_covariates,
                future_covariates=stored.future_covariates,
                scaler=data.Scaler.from_json(stored.scaler),
                margins=stored.margins,
            )
            forecaster.check_parts()
        return forecaster

    def check_parts(self) -> None:
        """Raises if model, settings, columns, scaler and margins do not belong together."""
        settings, columns, targets = self.settings, len(self.columns), len(self.targets)
        quantiles = settings.quantiles
        last = {"point": (), "gaussian": (2,), "quantiles": (len(quantiles),)}
        inputs = {"features": (None, settings.look_back, columns)}
        if self.future_covariates:
            inputs["future"] = (None, settings.horizon, len(self.future_covariates))
        output = (None, settings.horizon, targets, *last[settings.head])
        for what, wanted, found in (
            ("reads", inputs, {one.name: one.shape for one in self.model.inputs}),
            ("gives", output, self.model.output_shape),
        ):
            if found != wanted:
                raise ValueError(f"its model {what} {found}, its settings say {wanted}")
        if tuple(self.scaler.columns) != self.columns:
            raise ValueError(f"its scaler knows {self.scaler.columns}, its columns: {self.columns}")
        mean, deviation = np.array(self.scaler.mean), np.array(self.scaler.deviation)
        sizes = [np.abs(mean) / deviation, deviation, 1 / deviation, *self.margins.values()]
        if max(np.abs(one).max(initial=0.0) for one in sizes) > LARGEST:
            raise ValueError(f"its scaler or margins hold numbers beyond {LARGEST:g}")
        coverages = {f"{high - low:.6g}" for low, high in intervals(quantiles)}
        for coverage, margin in self.margins.items():
            if coverage not in coverages or margin.shape != output[1:3]:
                raise ValueError(f"its margins {coverage!r} of shape {margin.shape} fit nothing")

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of `past`, in order."""
        return self.targets + self.past_covariates + self.future_covariates

    def __call__(self, past, horizon: int | None = None, future=None) -> dict:
        found, center, scale = self.scaled_quantiles(past, horizon, future)
        middle = found.pop("mean")
        for low, high in intervals(self.settings.quantiles):
            margin = self.margins.get(f"{high - low:.6g}")
            if margin is not None:
                margin = margin[: middle.shape[1]]
                found[low] = np.minimum(found[low] - margin, middle)
                found[high] = np.maximum(found[high] + margin, middle)
        answer = {"mean": self.from_model(middle * scale + center)}
        if self.margins or self.settings.head != "point":
            answer["quantiles"] = {
                q: self.from_model(found[q] * scale + center) for q in self.settings.quantiles
            }
        return answer

    def to_model(self, targets) -> np.ndarray:
        """Targets as the model sees them before any scale."""
        targets = np.asarray(targets, "float64")
        if self.settings.transform is None:
            return targets
        if targets.size and targets.min() <= 0:
            raise ValueError(
                f"the model forecasts logarithms (transform='log'); received {targets.min():g}"
            )
        return np.log(targets)

    def from_model(self, targets: np.ndarray) -> np.ndarray:
        """What `to_model` changed, in the units of the data again."""
        return targets if self.settings.transform is None else np.exp(targets)

    @property
    def look_back(self) -> int:
        """Rows that it sees."""
        return int(self.settings.look_back)

    def scaled_quantiles(self, past, horizon: int | None = None, future=None):
        """What the model says before margins, in its own scale, with center and scale.

        Returns:
            A dictionary of `mean` and of every quantile, each `(windows, horizon, targets)`; center
            and scale turn them into the units of the data, or into those of `to_model`. All
            quantiles of a point head are its forecast.
        """
        past = np.asarray(past, "float64")
        horizon = self._check(past, horizon, future)
        inputs, center, scale = self._scaled(past, future)
        raw = np.asarray(self.model.predict(inputs, batch_size=1024, verbose=0), "float64")
        raw, quantiles = raw[:, :horizon], self.settings.quantiles
        if self.settings.head == "point":
            return {"mean": raw, **dict.fromkeys(quantiles, raw)}, center, scale
        if self.settings.head == "gaussian":
            mean, deviation = raw[..., 0], raw[..., 1]
            found = {q: mean + NormalDist().inv_cdf(q) * deviation for q in quantiles}
            return {"mean": mean, **found}, center, scale
        middle = self.model.get_layer("forecast").middle
        found = {q: raw[..., i] for i, q in enumerate(quantiles)}
        return {"mean": raw[..., middle], **found}, center, scale

    def forecast(self, series: data.Series, known=None, **reading):
        """The rows after the end of each series, as one long frame.

        Args:
            series: Of the columns that the model was trained on.
            known: Future covariates that are no calendar features: a frame or file with their
                times, or identifier -> frame; see `keraseq.data.Series.future`.
            **reading: How that file is read.

        Returns:
            A frame `unique_id, ds` (in the zone of the series, if they have one), a column
            for each target, and for each quantile of it one named
            like `y-0.9`; the intervals are those of `recalibrated`.

        Raises:
            ValueError: A column is missing, a series is shorter than the look-back, or the future
                covariates end before the horizon does.
        """
        import pandas as pd

        self.check_columns(series)
        frames, horizon = [], self.settings.horizon
        pasts, futures = [], []
        for name, frame in series.frames.items():
            if len(frame) < self.settings.look_back:
                raise ValueError(
                    f"series {name!r} has {len(frame)} rows; the model looks back "
                    f"{self.settings.look_back}"
                )
            pasts.append(frame[list(self.columns)].to_numpy()[-self.settings.look_back :])
            if self.future_covariates:
                futures.append(series.future(name, horizon, known, **reading).to_numpy())
        method, found = self.recalibrated(series), None
        if method is self:
            found = self(np.stack(pasts), horizon, np.stack(futures) if futures else None)
        for i, name in enumerate(series.frames):
            if method is not self:
                future = futures[i][None] if futures else None
                found, i = method.of_series(name)(pasts[i][None], horizon, future), 0
            times = series.times_after(name, horizon)
            if getattr(times, "tz", None) is not None and series.tz is not None:
                times = times.tz_convert(series.tz)
            columns = {"unique_id": name, "ds": times}
            for j, target in enumerate(self.targets):
                columns[target] = found["mean"][i, :, j]
                for q, values in found.get("quantiles", {}).items():
                    columns[f"{target}-{q:g}"] = values[i, :, j]
            frames.append(pd.DataFrame(columns))
        return pd.concat(frames, ignore_index=True)

    def recalibrated(self, series: data.Series, part: str | None = None):
        """This method with intervals from its latest forecasts of these series.

        Errors change with the season, and the margins of the training are those of its validation
        part; see `keraseq.evaluate.Conformal`. Windows of the training part are left out.

        Args:
            series: Of the columns that the model was trained on.
            part: What is to be forecast. Default: what comes after the series.

        Returns:
            A `keraseq.evaluate.Conformal` of a month of seasons, at most `MOST` windows; or the
            method itself, if before the part not even `LEAST` windows are known.
        """
        settings = self.settings
        for name, frame in series.frames.items():
            first = max(series.rows("validation", name)[0], settings.look_back)
            end = len(frame) if part is None else series.rows(part, name)[0]
            if end - first - settings.horizon + 1 < LEAST:
                return self
        recent = min(max(LEAST, 30 * settings.season), MOST)
        return Conformal(
            self, series, settings.horizon, quantiles=settings.quantiles, recent=recent
        )

    def check_columns(self, series: data.Series) -> None:
        """Raises if a series has not the columns that the model was trained on."""
        for role in ("targets", "past_covariates", "future_covariates"):
            wanted, given = getattr(self, role), getattr(series, role)
            if tuple(wanted) != tuple(given):
                raise ValueError(
                    f"the model was trained with {role}={list(wanted)}; received {list(given)}"
                )

    def _check(self, past, horizon, future) -> int:
        horizon = positive_integer("horizon", horizon or self.settings.horizon)
        if horizon > self.settings.horizon:
            raise ValueError(
                f"the model was trained to forecast {self.settings.horizon} rows; received "
                f"horizon={horizon}: train one with that horizon"
            )
        wanted = (self.settings.look_back, len(self.columns))
        if past.ndim != 3 or past.shape[1:] != wanted:
            raise ValueError(
                f"past must be (windows, {wanted[0]}, {wanted[1]}), its columns "
                f"{', '.join(self.columns)}; received shape {past.shape}"
            )
        if self.future_covariates and (future is None or np.shape(future)[1] < horizon):
            received = "none" if future is None else f"{np.shape(future)[1]} rows"
            raise ValueError(
                f"the future covariates {', '.join(self.future_covariates)} must be given for "
                f"{horizon} rows; received {received}"
            )
        return horizon

    def _scaled(self, past, future):
        """The model's inputs, and center and scale of its outputs."""
        count, futures = len(self.targets), len(self.future_covariates)
        if self.settings.transform is not None:
            past = np.concatenate([self.to_model(past[:, :, :count]), past[:, :, count:]], axis=-1)
        mean, deviation = (np.array(v) for v in (self.scaler.mean, self.scaler.deviation))
        past = (past - mean) / deviation
        center, scale = mean[:count], deviation[:count]
        if self.settings.scale == "window":
            inner, spread = data.window_scale(past[:, :, :count], self.settings.season)
            past = np.concatenate([(past[:, :, :count] - inner) / spread, past[:, :, count:]], -1)
            center, scale = inner * scale + center, spread * scale
        past = past.astype("float32")
        if not futures:
            return past, center, scale
        future = (np.asarray(future, "float64") - mean[-futures:]) / deviation[-futures:]
        future = future.astype("float32")
        rest = self.settings.horizon - future.shape[1]  # a shorter horizon was asked for
        future = np.pad(future, ((0, 0), (0, max(rest, 0)), (0, 0)), mode="edge")
        return (
            {"features": past, "future": future[:, : self.settings.horizon]},
            center,
            scale,
        )
