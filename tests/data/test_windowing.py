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


def test_windows_line_up_with_the_series():
    frame = weeks(30, ("a", "b"))
    found = data.windows(frame, look_back=5, horizon=3, targets=["b"])
    assert found.inputs.shape == (23, 5, 2)
    assert found.targets.shape == (23, 3, 1)
    for inputs, targets, origin in zip(*found, strict=True):
        np.testing.assert_allclose(inputs[:, 0], frame["b"][origin - 5 : origin], rtol=1e-6)
        np.testing.assert_allclose(inputs[:, 1], frame["a"][origin - 5 : origin], rtol=1e-6)
        np.testing.assert_allclose(targets[:, 0], frame["b"][origin : origin + 3], rtol=1e-6)


def test_no_target_leaves_its_part_and_none_is_in_two():
    frame = weeks(100)
    borders = data.split_by_time(100, validation=0.15, test=0.15)
    edges = [0, *borders, 100]
    rows = []
    for first, last in pairwise(edges):
        part = data.windows(frame, look_back=10, horizon=4, first=first, last=last)
        targets = part.origins[:, None] + np.arange(4)
        assert targets.min() == max(first, 10)
        assert targets.max() == last - 1
        rows.append(set(targets.ravel().tolist()))
    assert not rows[0] & rows[1] and not rows[1] & rows[2] and not rows[0] & rows[2]


def test_the_future_moves_neither_inputs_nor_scaler():
    """Leakage: whatever comes from the border on, the training part stays as it is."""
    frame, border = weeks(120), 80
    other = frame.copy()
    other.iloc[border:] = 1e6

    def prepared(frame):
        scaler = Scaler.fit(frame.iloc[:border])
        return scaler, data.windows(scaler.transform(frame), look_back=12, horizon=6, last=border)

    (scaler, part), (scaler_, part_) = prepared(frame), prepared(other)
    assert scaler == scaler_
    np.testing.assert_array_equal(part.inputs, part_.inputs)
    np.testing.assert_array_equal(part.targets, part_.targets)
    # and inputs of any window do not know their own targets
    for row in (90, 100):
        changed = frame.copy()
        changed.iloc[row:] = -1e6
        for which in (frame, changed):
            assert data.windows(which, look_back=12, horizon=6, first=row).origins[0] == row
        np.testing.assert_array_equal(
            data.windows(frame, look_back=12, horizon=6, first=row).inputs[0],
            data.windows(changed, look_back=12, horizon=6, first=row).inputs[0],
        )


def test_stride():
    assert data.windows(weeks(30), look_back=5, horizon=3, stride=4).origins.tolist() == [
        5, 9, 13, 17, 21, 25,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (0, {}, "the series is empty: 0 rows, 1 columns"),
        (7, {}, "look_back=5 and horizon=3 needs 8 rows; received 7"),
        (30, {"horizon": 40}, "look_back=5 and horizon=40 needs 45 rows; received 30"),
        (30, {"horizon": 8, "first": 25}, "horizon=8 goes beyond the data: 5 rows can be targets"),
        (30, {"last": 31}, "rows between 0 and 30; received first=0, last=31"),
        (30, {"look_back": 0}, "look_back must be a positive integer; received look_back=0"),
        (30, {"horizon": 2.5}, "horizon must be a positive integer; received horizon=2.5"),
        (30, {"targets": ["A"]}, "unknown target 'A'; columns: 'a'"),
    ],
)
def test_windows_that_do_not_fit(rows, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        data.windows(weeks(rows), **{"look_back": 5, "horizon": 3, **options})


def test_nan_is_named_with_row_and_column():
    frame = weeks(30, ("a", "b"))
    frame.iloc[7, 1] = np.nan
    frame.iloc[9, 0] = np.inf
    with pytest.raises(ValueError, match=r"nan in row 7 \(2020-02-22\), column 'b' and 1 more"):
        data.windows(frame, look_back=5, horizon=3)
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


def test_co2_has_its_gaps():
    frame = data.co2()
    assert list(frame) == ["co2"]
    assert len(frame) > 2000 and frame["co2"].isna().sum() > 0
    with pytest.raises(ValueError, match=r"column 'co2' and \d+ more; fill gaps first"):
        data.check_series(frame)
