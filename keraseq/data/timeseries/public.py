"""Public series as tables: ETT, M4, temperatures, carbon dioxide. Their rows stand in `sets.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from keraseq.data.public import fetch

if TYPE_CHECKING:
    import pandas as pd

    from keraseq.data.sets import PublicSet

ETT_DAYS = 20 * 30  # twelve months to train, four to validate, four to test


def co2(row: PublicSet) -> tuple[pd.DataFrame, str]:
    """Weekly carbon dioxide, ppm, `NaN` in the 59 weeks in which nothing was measured."""
    from statsmodels.datasets import co2

    return co2.load_pandas().data, "series"


def melbourne(row: PublicSet, data_dir=None) -> tuple[pd.DataFrame, str]:
    """Daily minimum temperature, °C; two leap days are missing."""
    import pandas as pd

    path = fetch(row.files["temperatures"], data_dir)
    frame = pd.read_csv(path, index_col="Date", parse_dates=True)
    return frame.rename(columns={"Temp": "temperature"}), "series"


def ett(row: PublicSet, data_dir=None) -> tuple[pd.DataFrame, str]:
    """The rows that published tables use: twenty months of thirty days. The rest is left out."""
    import pandas as pd

    [(name, file)] = row.files.items()
    frame = pd.read_csv(fetch(file, data_dir), index_col="date", parse_dates=True)
    frame = frame[frame.index < frame.index[0] + pd.Timedelta(days=ETT_DAYS)]
    return frame.rename_axis(None), name


def m4(row: PublicSet, data_dir=None) -> tuple[pd.DataFrame, str]:
    """All series in one long table, each with what the competition asked for at its end."""
    import pandas as pd

    parts = [pd.read_csv(fetch(file, data_dir), index_col=0) for file in row.files.values()]
    values = pd.concat(parts, axis=1).to_numpy("float64")
    known = np.isfinite(values)
    return pd.DataFrame(
        {
            "unique_id": np.repeat(parts[0].index, known.sum(axis=1)),
            "ds": (np.cumsum(known, axis=1) - 1)[known],
            "y": values[known],
        }
    ), "series"
