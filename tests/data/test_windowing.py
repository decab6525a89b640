import re
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from keraseq import data
from keraseq.data import Scaler


def weeks(rows, columns=("a",)):
    index = pd.date_range("2020-01-04", periods=rows, freq="W-SAT")
    values = np.random.default_rng(0).normal(size=(rows, len(columns))).cumsum(axis=0)
    return pd.DataFrame(values, index=index, columns=list(columns))


def cut(frame, part="train", look_back=5, horizon=3, stride=1, **options):
    """All windows of a part, and the scaler of the training part."""
    found = data.series(frame, **options)
    scaler = Scaler.fit(found.part("train")["series"])
    shape = {"look_back": look_back, "horizon": horizon, "stride": stride}
    return data.SeriesWindows(found, part, **shape).arrays(), scaler


def test_windows_line_up_with_the_series():
    frame = weeks(30, ("a", "b"))
    found, _ = cut(frame, "all", targets="b", past_covariates=["a"])
    assert found.inputs.shape == (23, 5, 2)
    assert found.targets.shape == (23, 3, 1)
    for inputs, targets, origin in zip(*found, strict=True):
        np.testing.assert_allclose(inputs[:, 0], frame["b"][origin - 5 : origin], rtol=1e-6)
        np.testing.assert_allclose(inputs[:, 1], frame["a"][origin - 5 : origin], rtol=1e-6)
        np.testing.assert_allclose(targets[:, 0], frame["b"][origin : origin + 3], rtol=1e-6)
    assert cut(frame, "all", stride=4)[0].origins.tolist() == [5, 9, 13, 17, 21, 25]


def test_no_target_leaves_its_part_and_none_is_in_two():
    edges = [0, *data.split_by_time(100, validation=0.15, test=0.15), 100]
    rows = []
    for part, (first, last) in zip(data.Parts._fields, pairwise(edges), strict=True):
        found, _ = cut(weeks(100), part, look_back=10, horizon=4, validation=0.15, test=0.15)
        targets = found.origins[:, None] + np.arange(4)
        assert targets.min() == max(first, 10)
        assert targets.max() == last - 1
        rows.append(set(targets.ravel().tolist()))
    assert not rows[0] & rows[1] and not rows[1] & rows[2] and not rows[0] & rows[2]


def test_the_future_moves_neither_the_training_part_nor_its_scaler():
    """Leakage: whatever comes from the border on, the training part stays as it is."""
    frame = weeks(120)
    other = frame.copy()
    other.iloc[data.split_by_time(120).validation :] = 1e6
    (part, scaler), (part_, scaler_) = (cut(one, look_back=12, horizon=6) for one in (frame, other))
    assert scaler == scaler_
    np.testing.assert_array_equal(part.inputs, part_.inputs)
    np.testing.assert_array_equal(part.targets, part_.targets)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"horizon": 40},
            "look_back=5 and horizon=40 do not fit: its train part lets 16 of its",
        ),
        ({"look_back": 30}, "look_back=30 and horizon=3 do not fit: its train part lets 0 of its"),
        ({"part": "test", "horizon": 8}, "lets 4 of its 30 rows be targets; give keraseq.data.ser"),
        ({"look_back": 0}, "look_back must be a positive integer; received look_back=0"),
        ({"horizon": 2.5}, "horizon must be a positive integer; received horizon=2.5"),
        ({"stride": 0}, "stride must be a positive integer; received stride=0"),
        ({"part": "tset"}, "Did you mean 'test'?"),
    ],
)
def test_windows_that_do_not_fit(options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        cut(weeks(30), **options)


def test_nan_is_named_with_row_and_column():
    frame = weeks(30, ("a", "b"))
    frame.iloc[7, 1] = np.nan
    frame.iloc[9, 0] = np.inf
    with pytest.raises(ValueError, match=r"nan in row 7 \(2020-02-22\), column 'b' and 1 more"):
        data.series(frame)
    with pytest.raises(ValueError, match=r"inf in row 9 \(2020-03-07\), column 'a'; fill"):
        Scaler.fit(frame[["a"]])


def test_frames_that_are_no_series():
    with pytest.raises(ValueError, match=r"column 'a' holds .*, not numbers"):
        data.check_series(pd.DataFrame({"a": ["x", "y"]}))
    with pytest.raises(ValueError, match=r"row 1 \(2020-01-04\) follows 2020-01-11"):
        data.check_series(weeks(2).iloc[::-1])
    with pytest.raises(TypeError, match="a pandas DataFrame; received list"):
        data.check_series([1, 2])


def test_gaps_are_filled_as_asked():
    frame = pd.DataFrame({"a": [1.0, None, None, 4.0, None]})
    assert data.fill_gaps(frame)["a"].tolist() == [1, 1, 1, 4, 4]
    with pytest.raises(ValueError, match=r"row 4 \(4\), column 'a', has no known value after it"):
        data.fill_gaps(frame, "linear")
    assert data.fill_gaps(frame[:4], "linear")["a"].tolist() == [1, 2, 3, 4]
    with pytest.raises(ValueError, match=r"row 0 \(0\), column 'a', has no known value before it"):
        data.fill_gaps(frame[::-1].reset_index(drop=True))
    with pytest.raises(ValueError, match="Did you mean 'previous'"):
        data.fill_gaps(frame, "previos")


def test_scaler_is_inverse_and_comes_back_from_json():
    frame = weeks(50, ("a", "b"))
    frame["c"] = 3.0  # never changes
    scaler = Scaler.fit(frame)
    scaled = scaler.transform(frame)
    np.testing.assert_allclose(scaled[["a", "b"]].mean(), 0, atol=1e-12)
    np.testing.assert_allclose(scaled[["a", "b"]].std(ddof=0), 1)
    assert (scaled["c"] == 0).all()
    np.testing.assert_allclose(scaler.inverse(scaled), frame)
    np.testing.assert_allclose(scaler.inverse(scaled[["b"]], columns=["b"]), frame[["b"]])
    assert Scaler.from_json(scaler.to_json()) == scaler
    with pytest.raises(ValueError, match="column 'b' is missing"):
        scaler.transform(frame[["a", "c"]])
    with pytest.raises(ValueError, match="not a scaler"):
        Scaler.from_json("{}")


def test_split_into_an_empty_part():
    with pytest.raises(ValueError, match="leave a part of 2 rows empty"):
        data.split_by_time(2)


def test_co2_is_filled_and_its_table_has_its_gaps():
    table, _ = data.sets.SETS["co2"].read()
    with pytest.raises(ValueError, match=r"column 'co2' and 58 more; fill gaps first"):
        data.check_series(table)
    known, found = table["co2"], data.load("co2")
    filled = found.frames["series"]["co2"]
    np.testing.assert_array_equal(filled[known.notna()], known.dropna())
    assert len(filled) == len(known) and not filled.isna().any()
