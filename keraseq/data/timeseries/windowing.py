"""Windows of a series: what a forecaster sees, and what it must forecast."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from keraseq.checks import boolean, positive_integer
from keraseq.data.timeseries.scaling import window_scale

if TYPE_CHECKING:
    from keraseq.data.timeseries.scaling import Scaler
    from keraseq.data.timeseries.series import Series


class Windows(NamedTuple):
    """Pieces of a series for a forecaster.

    `inputs (n, look_back, features)`, `targets (n, horizon, targets)`, both float32, and `origins
    (n,)`: the row of each window's first target.
    """

    inputs: np.ndarray
    targets: np.ndarray
    origins: np.ndarray


class SeriesWindows:
    """All windows of one part of a `Series`, in batches or as arrays.

    A window's targets all lie in its part; its inputs are the `look_back` rows before them and may
    lie in the part before, for the past is known. Values are scaled once; a batch is gathered
    from them, so that overlapping windows take no memory.

    Args:
        series: A `keraseq.data.Series`.
        part: `"train"`, `"validation"`, `"test"` or `"all"`.
        look_back: Rows that a forecaster sees.
        horizon: Rows that it forecasts.
        stride: Rows from one window to the next. Defaults to 1.
        scaler: A `Scaler` of the training part with the columns of the series. Default: the values
            as they are.
        per_window: Whether to scale the target columns of each window, past and horizon, by what
            `keraseq.data.window_scale` finds in its past. Defaults to `False`.

    Raises:
        ValueError: A series has no window in this part, because it is too short.

    Example:

    >>> import pandas as pd
    >>> series = keraseq.data.series(pd.DataFrame({"y": range(20)}, dtype="float"))
    >>> windows = keraseq.data.SeriesWindows(series, "train", look_back=4, horizon=2)
    >>> len(windows), windows.arrays().targets[0, :, 0].tolist()
    (9, [4.0, 5.0])
    """

    def __init__(
        self,
        series: Series,
        part: str,
        *,
        look_back: int,
        horizon: int,
        stride: int = 1,
        scaler: Scaler | None = None,
        per_window: bool = False,
    ):
        self.look_back = positive_integer("look_back", look_back)
        self.horizon = positive_integer("horizon", horizon)
        stride = positive_integer("stride", stride)
        self.targets, self.future = len(series.targets), len(series.future_covariates)
        values, origins, scales, starts = [], [], [], 0
        for name, frame in series.frames.items():
            first, last = series.rows(part, name)
            first = max(first, self.look_back)
            if last - first < self.horizon:
                more = "" if part == "train" else f"; give keraseq.data.series a larger {part}"
                raise ValueError(
                    f"series {name!r}: look_back={look_back} and horizon={horizon} do not fit: its "
                    f"{part} part lets {max(last - first, 0)} of its {len(frame)} rows be "
                    f"targets{more}"
                )
            frame = frame if scaler is None else scaler.transform(frame)
            rows = np.arange(first, last - self.horizon + 1, stride)
            origins.append(starts + rows)
            if per_window:
                ours = frame.to_numpy("float64")[:, : self.targets]
                past = sliding_window_view(ours, self.look_back, axis=0).swapaxes(1, 2)
                scales.append(
                    np.concatenate(window_scale(past[rows - self.look_back], series.season), axis=1)
                )
            values.append(frame.to_numpy("float64" if per_window else "float32"))
            starts += len(frame)
        self.values = np.concatenate(values)
        self.origins = np.concatenate(origins)  # rows of `values`
        self.scales = np.concatenate(scales) if per_window else None  # mean, deviation of each
        self.counts = dict(zip(series.frames, map(len, origins), strict=True))

    def __len__(self) -> int:
        return len(self.origins)

    def arrays(self) -> Windows:
        """All windows at once, inputs as `dataset` gives them; origins count rows of all series."""
        inputs, targets = self._gather(np.arange(len(self)))
        return Windows(inputs, targets, self.origins)

    def dataset(self, batch_size: int = 256, *, shuffle: bool = False):
        """Batches `(inputs, targets)` for `fit`; the last batch may be smaller, none is dropped.

        Args:
            batch_size: Windows in a batch. Defaults to 256.
            shuffle: Whether to draw a new order in each epoch, from NumPy's global random numbers:
                `keraseq.train.Resume` then repeats the order of an epoch that was killed. Defaults
                to `False`.

        Returns:
            A `keras.utils.PyDataset`. Inputs are `(batch, look_back, columns)`; with future
            covariates a dictionary of them as `features`, and of `future`, `(batch, horizon,
            future)`.
        """
        from keraseq.data.batches import Batches, cut  # which loads Keras

        batch_size, count = positive_integer("batch_size", batch_size), len(self)

        def draw(shuffle):
            order = np.random.permutation(count) if shuffle else np.arange(count)  # noqa: NPY002
            return cut(order, batch_size)

        return Batches(draw, self._gather, boolean("shuffle", shuffle))

    def _gather(self, which: np.ndarray):
        """The inputs and targets of windows by their numbers."""
        origins = self.origins[which]
        past = self._rows(origins - self.look_back, self.look_back)
        future = self._rows(origins, self.horizon)
        targets = future[:, :, : self.targets]
        if self.scales is not None:
            mean, deviation = np.split(self.scales[which], 2, axis=1)
            past[:, :, : self.targets] = (past[:, :, : self.targets] - mean) / deviation
            targets = (targets - mean) / deviation
        past, targets = past.astype("float32", copy=False), targets.astype("float32")
        if not self.future:
            return past, targets
        return {"features": past, "future": future[:, :, -self.future :].astype("float32")}, targets

    def _rows(self, first: np.ndarray, count: int) -> np.ndarray:
        """So many rows from each of these on, `(n, count, columns)`, copied as one piece each."""
        columns = self.values.shape[1]
        pieces = sliding_window_view(self.values.ravel(), count * columns)[::columns]
        return pieces[first].reshape(len(first), count, columns)
