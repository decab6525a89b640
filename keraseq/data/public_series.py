"""Public series by name: ETT, M4 hourly, temperatures, carbon dioxide; local or downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from keraseq.checks import one_of
from keraseq.data.public import Public, fetch

if TYPE_CHECKING:
    import pandas as pd

SOURCE = "https://raw.githubusercontent.com/"
ETT_SOURCE = SOURCE + "zhouhaoyi/ETDataset/main/ETT-small/"
M4_SOURCE = SOURCE + "Mcompetitions/M4-methods/master/Dataset/"


FILES = {
    "etth1": Public(
        "ett/ETTh1.csv",
        ETT_SOURCE + "ETTh1.csv",
        "f18de3ad269cef59bb07b5438d79bb3042d3be49bdeecf01c1cd6d29695ee066",
    ),
    "ettm1": Public(
        "ett/ETTm1.csv",
        ETT_SOURCE + "ETTm1.csv",
        "6ce1759b1a18e3328421d5d75fadcb316c449fcd7cec32820c8dafda71986c9e",
    ),
    "m4-train": Public(
        "m4/Hourly-train.csv",
        M4_SOURCE + "Train/Hourly-train.csv",
        "ea59b7783573c49077a835ab6465c7d66f1474783360f310988a9a737fbca62f",
    ),
    "m4-test": Public(
        "m4/Hourly-test.csv",
        M4_SOURCE + "Test/Hourly-test.csv",
        "71a57fccb15e534d973626ada4fb87febf789e9317715b7cc6dd3b5f90db6f42",
    ),
    "melbourne": Public(
        "series/daily-min-temperatures.csv",
        SOURCE + "jbrownlee/Datasets/master/daily-min-temperatures.csv",
        "8b9de63ed6789492bf497625e7f9beb96a63d367b4b0a21754006f749fa5e5da",
    ),
}
M4_HORIZON = 48  # rows that the competition asks for
NAMES = ("etth1", "ettm1", "m4-hourly", "melbourne", "co2")


def co2() -> pd.DataFrame:
    """Weekly carbon dioxide at Mauna Loa, 1958-2001, ppm, inside statsmodels; 59 weeks are missing.

    Returns:
        A frame of one column, `co2`, with a row a week, `NaN` where nothing was measured.
    """
    from statsmodels.datasets import co2

    return co2.load_pandas().data


def melbourne(data_dir: str | Path | None = None) -> pd.DataFrame:
    """Daily minimum temperature in Melbourne, 1981-1990, °C; two leap days are missing.

    Args:
        data_dir: See `keraseq.data.series`.

    Returns:
        A frame of 3,650 rows and one column, `temperature`.

    References:
        Australian Bureau of Meteorology.
    """
    import pandas as pd

    path = fetch(FILES["melbourne"], data_dir)
    frame = pd.read_csv(path, index_col="Date", parse_dates=True)
    return frame.rename_axis(None).rename(columns={"Temp": "temperature"})


def ett(kind: str = "h1", data_dir: str | Path | None = None) -> pd.DataFrame:
    """Electricity transformer temperature: seven channels, hourly (`"h1"`) or each 15 minutes.

    The rows that published tables use: twelve months to train, four to validate, four to test, of
    thirty days each. The rest of the file is left out.

    Args:
        kind: `"h1"` or `"m1"`. Defaults to `"h1"`.
        data_dir: See `keraseq.data.series`.

    Returns:
        A frame of 14,400 rows (`"m1"`: 57,600) with the loads `HUFL, HULL, MUFL, MULL, LUFL, LULL`
        and the oil temperature `OT` in degrees Celsius.

    References:
        Zhou et al. 2021, "Informer: Beyond Efficient Transformer for Long Sequence Time-Series
        Forecasting", arXiv:2012.07436.
    """
    import pandas as pd

    kind = one_of("kind", kind, ("h1", "m1"))
    rows = 20 * 30 * 24 * (1 if kind == "h1" else 4)
    path = fetch(FILES[f"ett{kind}"], data_dir)
    frame = pd.read_csv(path, index_col="date", parse_dates=True, nrows=rows)
    return frame.rename_axis(None)


def m4_hourly(data_dir: str | Path | None = None) -> dict[str, pd.DataFrame]:
    """The 414 hourly series of the M4 competition; the last 48 rows of each are the test part.

    The files have no times: rows are numbered. Series have 748 or 1008 rows.

    Args:
        data_dir: See `keraseq.data.series`.

    Returns:
        Identifier (`"H1"` to `"H414"`) -> frame of one column, `y`.

    References:
        Makridakis, Spiliotis & Assimakopoulos 2020, "The M4 Competition: 100,000 time series and 61
        forecasting methods".
    """
    import pandas as pd

    paths = [fetch(FILES[f"m4-{part}"], data_dir) for part in ("train", "test")]
    parts = [pd.read_csv(path, index_col=0) for path in paths]
    frames = {}
    for name in parts[0].index:
        values = [part.loc[name].dropna().to_numpy("float64") for part in parts]
        frames[str(name)] = pd.DataFrame({"y": np.concatenate(values)})
    return frames
