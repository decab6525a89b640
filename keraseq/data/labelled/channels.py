"""Labelled series as rows of scaled steps: what a model reads of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from keraseq.data.timeseries.scaling import ROUNDING, Scaler


class SeriesEncoder:
    """What turns series into the steps that a model reads, and is kept with the model.

        y = (x - mean) / deviation          channel by channel, as measured on the training part

    A missing value is filled within its series, on a straight line between the values before and
    after it, at the ends with the nearest; a channel without any value in a series is at its mean.
    So that a model can tell, each channel that lacked values in the training part gets another one
    beside the channels: 1 where it was measured, 0 where it was filled.

    Args:
        scaler: The channels, their means and deviations.
        gaps: Names of the channels that lacked values in the training part. Defaults to none.

    Raises:
        ValueError: `gaps` names no channel.

    Example:

    >>> import numpy as np
    >>> series = [np.array([[1.0, 0.0], [np.nan, 0.0], [3.0, 0.0]])]
    >>> encoder = keraseq.data.SeriesEncoder.of(series, ["x", "y"])
    >>> encoder.rows(series)[0].tolist()                         # x, y, whether x was measured
    [[-1.0, 0.0, 1.0], [0.0, 0.0, 0.0], [1.0, 0.0, 1.0]]
    """

    def __init__(self, scaler: Scaler, gaps: Sequence[str] = ()):
        self.scaler, self.gaps = scaler, tuple(gaps)
        unknown = [one for one in self.gaps if one not in scaler.columns]
        if unknown or len(set(self.gaps)) < len(self.gaps):
            raise ValueError(
                f"gaps must be channels, each once; received {', '.join(map(repr, self.gaps))}"
            )

    @classmethod
    def of(cls, series: Sequence[np.ndarray], channels: Sequence[str]) -> SeriesEncoder:
        """The encoder of a training part; give it nothing else.

        Args:
            series: Arrays `(steps, channels)`, `NaN` where nothing was measured.
            channels: Names of the channels.
        """
        values = np.concatenate(series)
        known = ~np.isnan(values)
        empty = [name for name, any in zip(channels, known.any(axis=0), strict=True) if not any]
        if empty:
            raise ValueError(f"channel {empty[0]!r} has no value in the training part")
        mean, deviation = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
        deviation[deviation <= ROUNDING * np.nanmax(np.abs(values), axis=0)] = 1.0
        gaps = [name for name, all in zip(channels, known.all(axis=0), strict=True) if not all]
        return cls(Scaler(tuple(channels), tuple(mean.tolist()), tuple(deviation.tolist())), gaps)

    @property
    def channels(self) -> tuple[str, ...]:
        """Their names."""
        return self.scaler.columns

    def __len__(self) -> int:
        """Width of a step: channels, and those that say what was measured."""
        return len(self.channels) + len(self.gaps)

    def rows(self, series: Iterable[np.ndarray]) -> list[np.ndarray]:
        """Each series as float32 `(steps, len(self))`; an error names it by its position."""
        shift, scale = np.array(self.scaler.mean), np.array(self.scaler.deviation)
        gaps, found = [self.channels.index(one) for one in self.gaps], []
        for i, one in enumerate(series):
            values = np.asarray(one, "float64")
            if values.ndim != 2 or values.shape[1] != len(shift) or not len(values):
                raise ValueError(
                    f"series {i} must have shape (steps, {len(shift)}), channels "
                    f"{', '.join(self.channels)}; received {values.shape}"
                )
            known = ~np.isnan(values)
            scaled = (values - shift) / scale
            for channel in np.flatnonzero(~known.all(axis=0)):
                at = np.flatnonzero(known[:, channel])
                steps = np.arange(len(values))
                scaled[:, channel] = np.interp(steps, at, scaled[at, channel]) if len(at) else 0.0
            found.append(np.concatenate([scaled, known[:, gaps]], axis=1, dtype="float32"))
        return found

    def lengths(self, series: Iterable[np.ndarray]) -> np.ndarray:
        """How many steps each series has."""
        return np.array([len(one) for one in series])

    def to_dict(self) -> dict:
        """All of it, for a bundle's `preprocessing` and `from_dict`."""
        return {"scaler": self.scaler.to_json(), "gaps": list(self.gaps)}

    @classmethod
    def from_dict(cls, values: dict) -> SeriesEncoder:
        """The encoder that `to_dict` described."""
        return cls(Scaler.from_json(values["scaler"]), values["gaps"])
