"""Files and frames as series: what is accepted, what is refused and how it is named."""

import datetime
import os
import re

import numpy as np
import pandas as pd
import pytest

from keraseq import data

HAS_DATA = "KERASEQ_DATA" in os.environ
needs_data = pytest.mark.skipif(not HAS_DATA, reason="needs KERASEQ_DATA")


def hours(rows=60, **columns):
    """A wide frame with a column of times; a column given as None holds random values."""
    rng = np.random.default_rng(0)
    frame = {"date": pd.date_range("2026-01-05", periods=rows, freq="h")}
    for name, value in (columns or {"y": None}).items():
        frame[name] = rng.normal(size=rows) if value is None else value
    return pd.DataFrame(frame)


def long(**lengths):
    """Nixtla's long format, days."""
    parts = []
    for name, rows in lengths.items():
        days = pd.date_range("2026-01-01", periods=rows, freq="D")
        parts.append(pd.DataFrame({"unique_id": name, "ds": days, "y": np.arange(float(rows))}))
    return pd.concat(parts, ignore_index=True)


def refused(message, source, error=ValueError, **options):
    with pytest.raises(error, match=re.escape(message)) as caught:
        data.series(source, **options)
    assert "\n" not in str(caught.value)


def test_a_wide_frame():
    frame = hours(100, y=0.0, wind=1.0, holiday=2.0, note=3.0)
    found = data.series(
        frame[["note", "holiday", "date", "wind", "y"]],
        targets="y",
        past_covariates=["wind"],
        future_covariates=["holiday"],
    )
    assert found.columns == ("y", "wind", "holiday")
    assert list(found.frames["series"]) == ["y", "wind", "holiday"]  # `note` is left out
    assert (found.freq, found.season) == ("h", 24)
    assert found.borders["series"] == (70, 85)
    assert [len(found.part(part)["series"]) for part in ("train", "validation", "test")] == [
        70, 15, 15,
    ]  # fmt: skip


def test_a_long_frame_of_unequal_lengths():
    found = data.series(long(a=30, b=50), validation=5, test=4)
    assert {name: len(frame) for name, frame in found.frames.items()} == {"a": 30, "b": 50}
    assert (found.targets, found.freq, found.season) == (("y",), "D", 7)
    assert found.borders == {"a": (21, 26), "b": (41, 46)}
    shuffled = long(a=30, b=50).sample(frac=1, random_state=0)
    again = data.series(shuffled, validation=5, test=4, fill="previous")
    pd.testing.assert_frame_equal(again.frames["b"], found.frames["b"], check_freq=False)


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "parquet"])
def test_files(tmp_path, ending):
    path, frame = tmp_path / f"load.{ending}", hours(y=1.0)
    if ending == "parquet":
        pytest.importorskip("pyarrow")
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False)
    found = data.series(path)
    assert list(found.frames) == ["load"]
    np.testing.assert_allclose(found.frames["load"]["y"], frame["y"])
    assert found.freq == "h"


def test_rows_without_times_are_numbered():
    found = data.series(pd.DataFrame({"y": np.arange(20.0)}))
    assert (found.freq, found.season) == (None, 1)
    assert found.times_after("series", 2).tolist() == [20, 21]
    steps = pd.DataFrame({"unique_id": "a", "ds": range(1, 21), "y": 1.0})
    assert data.series(steps).freq is None
    refused("needs rows with times", pd.DataFrame({"y": np.arange(20.0)}), freq="h")
    refused(
        "calendar features need rows with times", pd.DataFrame({"y": [1.0] * 20}), calendar=["hour"]
    )


def test_gaps_duplicates_order_and_nan_are_named_and_filled_as_asked():
    gap = hours().drop(index=[7, 8])
    refused("series 'series': 2 times are missing, the first before row 7 (2026-01-05 09:00)", gap)
    twice = pd.concat([hours(), hours().iloc[[5]]]).sort_values("date")
    refused("row 6 (2026-01-05 05:00) has the time of the row before", twice)
    refused("row 1 (2026-01-07 10:00) follows 2026-01-07 11:00", hours().iloc[::-1])
    hole = hours()
    hole.loc[9, "y"] = np.nan
    refused("series 'series': nan in row 9 (2026-01-05 09:00), column 'y'; give fill=", hole)

    whole = data.series(hours()).frames["series"]
    filled = data.series(gap, fill="previous").frames["series"]
    assert len(filled) == 60
    np.testing.assert_allclose(filled["y"].iloc[[7, 8]], whole["y"].iloc[6])
    lines = data.series(gap, fill="linear").frames["series"]
    y = whole["y"]
    np.testing.assert_allclose(lines["y"].iloc[7], y.iloc[6] + (y.iloc[9] - y.iloc[6]) / 3)
    mixed = twice.copy()
    mixed.iloc[6, 1] = 77.0  # of duplicates the last stays
    assert data.series(mixed.iloc[::-1].iloc[::-1], fill="previous").frames["series"]["y"].iloc[
        5
    ] == pytest.approx(77.0)
    refused("unknown fill 'linar'", gap, fill="linar")


def test_lines_are_drawn_inside_the_training_part_alone():
    """A line across a border, or after it, would know the next part."""
    frame = hours(100)
    frame.loc[[68, 69, 70, 71, 90], "y"] = np.nan  # the border is at 70
    filled = data.series(frame, fill="linear").frames["series"]["y"]
    np.testing.assert_array_equal(filled.iloc[68:72], frame["y"].iloc[67])
    assert filled.iloc[90] == frame["y"].iloc[89]


def test_a_gap_at_the_start_has_nothing_to_be_filled_from():
    frame = hours()
    frame.loc[0, "y"] = np.nan
    refused("no known value before it to fill from", frame, fill="previous")


def test_columns_that_are_not_what_they_must_be():
    refused("unknown target 'z'; columns: 'date', 'y'.", hours(), targets="z")
    refused("Did you mean 'temp'?", hours(temp=1.0), targets="tmp")
    refused("unknown future covariate 'x'", hours(), future_covariates=["x"])
    refused("column 'y' is both target and past covariate", hours(), targets="y",
            past_covariates=["y"])  # fmt: skip
    text = hours().astype({"y": object})
    text.loc[3, "y"] = "12,5"
    refused("series 'series': '12,5' in row 3, column 'y', is no number", text)
    empty = hours()
    empty["y"] = np.nan
    refused("column 'y' holds no value at all", empty, fill="previous")
    refused("the table is empty", hours().iloc[:0])
    refused("there is no target", hours()[["date"]])
    bad = hours().astype({"date": str})
    bad.loc[4, "date"] = "yesterday"
    refused("'yesterday' in row 4, column 'date', is no time", bad)
    refused("come from a pandas DataFrame, a path or a name; received list", [1, 2], TypeError)


def test_sources_that_are_not_there(tmp_path):
    refused("unknown series 'eth1'; accepted: a file ending in .csv", "eth1")
    refused("Did you mean 'etth1'?", "eth1")
    refused("there is no file", tmp_path / "a.csv", FileNotFoundError)
    (tmp_path / "b.csv").write_text("")
    refused("cannot be read as .csv", tmp_path / "b.csv")
    with pytest.raises(FileNotFoundError, match=r"there is no ett/ETTh1\.csv"):
        data.series("etth1", data_dir=tmp_path)


def test_frequencies():
    months = pd.DataFrame(
        {"month": pd.date_range("2020-01-01", periods=40, freq="MS").strftime("%Y-%m"), "y": 1.0}
    )
    found = data.series(months)
    assert (found.freq, found.season) == ("MS", 12)
    assert found.times_after("series", 1)[0] == pd.Timestamp("2023-05-01")
    assert data.series(months.drop(index=17), fill="previous").freq == "MS"  # in spite of the gap
    refused("lies between the times of freq 'D'", hours(), freq="D")
    refused("unknown freq 'hourli'", hours(), freq="hourli")
    odd = hours(12)
    odd["date"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(12) ** 2, unit="h")
    refused("the times have no frequency", odd)
    refused("cannot be inferred from 2 rows", hours(2))
    assert data.series(hours(40), freq="h").freq == "h"
    mixed = pd.concat([long(a=30), long(b=30)])
    mixed.loc[mixed.unique_id == "b", "ds"] = pd.date_range("2026-01-01", periods=30, freq="h")
    refused("series 'b' has frequency 'h', the others have 'D'", mixed)


def test_daylight_saving():
    """Germany 2026: 29 March has 23 hours, 25 October 25."""
    for day, count in (("2026-03-28", 71), ("2026-10-24", 73)):
        local = pd.date_range(day, periods=count, freq="h", tz="Europe/Berlin")
        frame = pd.DataFrame({"date": local, "y": np.arange(float(count))})
        found = data.series(frame, calendar=["hour"])
        assert len(found.frames["series"]) == count and found.freq == "h"
        assert str(found.frames["series"].index.tz) == "UTC"
        noon = found.frames["series"].index.tz_convert("Europe/Berlin").hour == 12
        np.testing.assert_allclose(found.frames["series"]["hour_cos"][noon], -1)  # the local clock
        naive = frame.assign(date=local.tz_localize(None))
        refused("if clocks change here, give tz, such as tz='Europe/Berlin'", naive)
        again = data.series(naive, tz="Europe/Berlin")
        pd.testing.assert_index_equal(
            again.frames["series"].index, found.frames["series"].index, exact="equiv"
        )
        text = frame.assign(date=frame["date"].astype(str))  # two offsets in one column
        assert len(data.series(text).frames["series"]) == count
    refused("cannot be local times of tz='Europe/Berln'", naive, tz="Europe/Berln")


BERLIN = {"tz": "Europe/Berlin"}


@pytest.mark.parametrize("day, count", [("2026-03-28", 71), ("2026-10-24", 73)])
@pytest.mark.parametrize("form", ["iso", "%d.%m.%Y %H:%M %z", "objects", "index"])
def test_a_calendar_of_several_offsets_needs_the_zone(form, day, count):
    local = pd.date_range(day, periods=count, freq="h", tz="Europe/Berlin")
    how = {"calendar": ["hour", "weekday"]}
    times = [one.isoformat() for one in local]
    if form.startswith("%"):
        times, how["date_format"] = [f"{one:{form}}" for one in local], form
    elif form == "objects":
        times = pd.Series([datetime.datetime.fromisoformat(one) for one in times], dtype=object)
    frame = pd.DataFrame({"date": times, "y": np.arange(float(count))})
    frame = frame.set_index("date") if form == "index" else frame
    refused("several offsets from UTC, and the calendar is that of one clock: give tz, such as "
            "tz='Europe/Berlin' (in a shell --tz Europe/Berlin)", frame, **how)  # fmt: skip
    found = data.series(frame, **how, **BERLIN).frames["series"]
    np.testing.assert_allclose(found["hour_cos"], np.cos(2 * np.pi * local.hour / 24), atol=1e-9)
    by_utc = data.series(frame, **how, tz="UTC").frames["series"]
    hour = local.tz_convert("UTC").hour
    np.testing.assert_allclose(by_utc["hour_cos"], np.cos(2 * np.pi * hour / 24), atol=1e-9)
    one = frame.iloc[:24]  # of one offset, whose clock it is
    alone = data.series(one, **how).frames["series"]
    np.testing.assert_allclose(alone["hour_cos"], found["hour_cos"].iloc[:24], atol=1e-9)


@pytest.mark.parametrize("freq", ["2h", "3h", "6h", "12h"])
@pytest.mark.parametrize("begin", ["2026-03-25", "2026-10-21"])
def test_steps_of_hours_follow_the_clock_that_they_are_written_by(freq, begin):
    """Either 0:00, 6:00, 12:00 by the clock of the day, or every sixth hour that passes."""
    clock = pd.date_range(begin, periods=120, freq=freq)
    true = clock.tz_localize("Europe/Berlin", ambiguous=np.ones(120, bool),
                             nonexistent="shift_forward")  # fmt: skip
    passing = pd.date_range(begin, periods=120, freq=freq, tz="Europe/Berlin")
    for index, local in ((true, clock), (passing, passing.tz_localize(None))):
        coming = pd.DataFrame({"date": local.astype(str), "y": 1.0})
        for rows in (60, 110, int((index < index[0] + pd.Timedelta(days=4)).sum())):
            found = data.series(coming[:rows], **BERLIN)
            assert found.freq == freq and list(found.frames["series"].index) == list(index[:rows])
        found = data.series(coming[:110], **BERLIN)
        assert list(found.times_after("series", 10)) == list(index[110:])
    refused("lies between", pd.DataFrame({"date": passing.tz_localize(None), "y": 1.0}))
    refused("tz='Europe/Berlin' (in a shell --tz Europe/Berlin)",
            pd.DataFrame({"date": passing.tz_localize(None), "y": 1.0}))  # fmt: skip


def test_the_hour_that_is_missing_and_the_one_that_comes_twice():
    for freq in ("h", "30min"):
        for day in ("2026-03-28", "2026-10-24"):
            index = pd.date_range(day, periods=200, freq=freq, tz="Europe/Berlin")
            frame = pd.DataFrame({"date": index.tz_localize(None), "y": np.arange(200.0)})
            back = data.series(frame[::-1], fill="previous", **BERLIN)  # newest first
            assert list(back.frames["series"].index) == list(index)
            assert back.frames["series"]["y"].tolist() == frame["y"].tolist()
        steady = pd.date_range("2026-03-28", periods=200, freq=freq)
        frame = pd.DataFrame({"date": steady, "y": 1.0})
        refused("never showed 2026-03-29 02:00:00: if the clock of these rows never changes give "
                "tz='UTC+01:00'", frame, fill="previous", **BERLIN)  # fmt: skip
        found = data.series(frame, tz="UTC+01:00")
        assert found.frames["series"].index[0] == pd.Timestamp("2026-03-27 23:00", tz="UTC")
        assert found.freq == freq and len(found.frames["series"]) == 200
        once = pd.DataFrame({"date": pd.date_range("2026-10-24", periods=200, freq=freq), "y": 1.0})
        refused("it is an hour that comes twice", once, **BERLIN)
        refused("which row is of which moment only their order says",
                frame.assign(date=index.tz_localize(None)).sample(frac=1, random_state=1),
                fill="previous", **BERLIN)  # fmt: skip


@pytest.mark.parametrize(
    "tz, day",
    [
        ("America/Sao_Paulo", "2017-10-15"),
        ("Africa/Cairo", "2026-04-24"),
        ("Asia/Beirut", "2026-03-29"),
    ],
)
def test_days_of_a_zone_that_skips_midnight(tz, day):
    days = pd.date_range(pd.Timestamp(day) - pd.Timedelta(days=15), periods=40)
    true = days.tz_localize(tz, nonexistent="shift_forward")
    assert true[15].hour == 1
    frame = pd.DataFrame({"date": days, "y": np.arange(40.0)})
    for rows in (14, 15, 16, 17, 37):  # the day is ahead, the last one, or behind
        for source in (frame[:rows], frame[:rows].assign(date=true[:rows])):
            found = data.series(source, tz=tz)
            assert found.freq == "D" and list(found.frames["series"].index) == list(true[:rows])
            assert list(found.times_after("series", 3)) == list(true[rows : rows + 3])
    gap = data.series(frame.drop(index=[15, 20]), tz=tz, fill="previous")
    assert list(gap.frames["series"].index) == list(true)


@pytest.mark.parametrize("freq", ["D", "W-MON", "MS", "12h"])
def test_offsets_that_change_need_the_zone(freq):
    index = pd.date_range("2026-02-02", periods=120, freq=freq)
    index = index.tz_localize("Europe/Berlin")
    text = pd.DataFrame({"date": [one.isoformat() for one in index], "y": np.arange(120.0)})
    refused("tz='Europe/Berlin' (in a shell --tz Europe/Berlin)", text)
    found = data.series(text, **BERLIN)
    assert found.freq == freq and found.tz == "Europe/Berlin"
    assert list(found.frames["series"].index) == list(index)


def test_calendar_features_go_on_after_the_end():
    found = data.series(hours(48), targets="y", calendar=["hour", "weekday"])
    assert found.columns == ("y", "hour_sin", "hour_cos", "weekday_sin", "weekday_cos")
    future = found.future("series", 24)
    past = found.frames["series"][["hour_sin", "hour_cos"]].iloc[:24]
    np.testing.assert_allclose(future[["hour_sin", "hour_cos"]], past, atol=1e-12)
    refused("unknown calendar feature 'hours'", hours(), calendar=["hours"])


def test_future_covariates_that_end_too_early():
    found = data.series(
        hours(48, y=0.0, holiday=1.0), targets="y", future_covariates=["holiday"], calendar=["hour"]
    )
    known = pd.DataFrame({"holiday": [0.0, 1.0]})
    with pytest.raises(ValueError, match="have no times: give them as the index"):
        found.future("series", 2, known)  # never by position
    known.index = pd.date_range("2026-01-07", periods=2, freq="h")
    with pytest.raises(ValueError, match=r"'holiday' ends too early .* none at 2026-01-07 02:00"):
        found.future("series", 3, known)
    assert found.future("series", 2, known)["holiday"].tolist() == [0, 1]
    with pytest.raises(ValueError, match="'holiday' is missing over the horizon"):
        found.future("series", 2)
    dated = known.set_axis(pd.date_range("2026-01-07 01:00", periods=2, freq="h"))
    with pytest.raises(ValueError, match="there is none at 2026-01-07 00:00:00"):
        found.future("series", 1, dated)


def test_series_that_are_too_short_are_named():
    found = data.series(long(a=40, b=12), validation=3, test=3)
    with pytest.raises(ValueError, match=r"series 'b': look_back=5 and horizon=3 do not fit: its "
                       r"train part lets 1 of its 12 rows be targets"):  # fmt: skip
        data.SeriesWindows(found, "train", look_back=5, horizon=3)
    refused("series 'series': validation=", hours(3))


def test_a_column_that_never_changes_has_deviation_1():
    """0.1 is no number of float64, and its mean is another one; a true change is told from that."""
    from keraseq.data import Scaler

    frame = pd.DataFrame({"tenth": np.full(280, 0.1), "true": 1e6 + np.arange(280) % 2 * 1e-3})
    tenth, true = Scaler.fit(frame).deviation
    assert tenth == 1.0
    assert true == pytest.approx(5e-4, rel=1e-3)


def test_a_constant_series_is_accepted():
    found = data.series(hours(y=5.0))
    scaler = data.Scaler.fit(found.part("train")["series"])
    assert (scaler.transform(found.frames["series"])["y"] == 0).all()
    mean, deviation = data.window_scale(np.full((1, 9, 1), 0.1))
    assert deviation.item() == 1.0 and mean.item() == pytest.approx(0.1)


def test_datasets_give_every_window_once_an_epoch_in_a_new_order():
    found = data.series(hours(100, a=None, b=None))
    windows = data.SeriesWindows(found, "train", look_back=5, horizon=3)
    arrays = windows.arrays()
    assert len(windows) == 63 == len(arrays.inputs)

    def epoch(shuffle):
        batches = list(windows.dataset(16, shuffle=shuffle))
        assert [len(x) for x, _ in batches] == [16, 16, 16, 15]  # none is dropped
        return np.concatenate([x for x, _ in batches]), np.concatenate([y for _, y in batches])

    for inputs, targets in (epoch(False),):
        np.testing.assert_array_equal(inputs, arrays.inputs)
        np.testing.assert_array_equal(targets, arrays.targets)
    np.random.seed(1)  # noqa: NPY002
    one, two = epoch(True), epoch(True)
    np.random.seed(1)  # noqa: NPY002
    again = epoch(True)
    assert np.abs(one[0] - two[0]).max() > 0
    np.testing.assert_array_equal(one[0], again[0])
    key = arrays.inputs[:, 0, 0]
    np.testing.assert_array_equal(np.sort(one[0][:, 0, 0]), np.sort(key))
    order = [int(np.flatnonzero(key == first)[0]) for first in one[0][:, 0, 0]]
    np.testing.assert_array_equal(one[1], arrays.targets[order])


def test_the_future_moves_neither_inputs_nor_scales():
    """Leakage: all that comes from an origin on may change; the window before it does not."""
    frame = hours(100, y=None, holiday=None)
    options = {"targets": "y", "future_covariates": ["holiday"]}
    for per_window in (False, True):
        found = data.series(frame, **options)
        row = found.borders["series"].test  # 85: the first window of the test part starts here
        other = frame.copy()
        other.loc[row:, "y"] = 1e6
        changed = data.series(other, **options)
        first = []
        for one in (found, changed):
            scaler = data.Scaler.fit(one.part("train")["series"])
            windows = data.SeriesWindows(
                one, "test", look_back=12, horizon=6, scaler=scaler, per_window=per_window
            )
            first.append((scaler, windows.scales, windows.dataset(1)[0]))
        (scaler, scales, (inputs, targets)), (scaler_, scales_, (inputs_, targets_)) = first
        assert scaler == scaler_
        np.testing.assert_array_equal(inputs["features"], inputs_["features"])
        np.testing.assert_array_equal(inputs["future"], inputs_["future"])
        assert np.abs(targets - targets_).max() > 1e3  # the test changes something
        if per_window:
            np.testing.assert_array_equal(scales[0], scales_[0])


def test_windows_scaled_by_themselves_can_be_undone():
    found = data.series(long(a=40, b=60), validation=5, test=5)
    plain = data.SeriesWindows(found, "train", look_back=6, horizon=2)
    scaled = data.SeriesWindows(found, "train", look_back=6, horizon=2, per_window=True)
    assert scaled.counts == {"a": 23, "b": 43}
    mean, deviation = scaled.scales[:, :1], scaled.scales[:, 1:]
    inputs, targets, _ = scaled.arrays()
    np.testing.assert_allclose(inputs.mean(axis=1), 0, atol=1e-6)
    np.testing.assert_allclose(inputs.std(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(inputs * deviation + mean, plain.arrays().inputs, atol=1e-5)
    np.testing.assert_allclose(targets * deviation + mean, plain.arrays().targets, atol=1e-5)


def test_the_scale_of_a_seasonal_window_is_that_of_mase():
    window = np.array([1.0, 5, 2, 7, 1, 9])[None, :, None]
    level, scale = data.window_scale(window, season=2)
    assert level.item() == pytest.approx(25 / 6)
    assert scale.item() == pytest.approx((1 + 2 + 1 + 2) / 4)
    assert data.window_scale(window, season=4)[1].item() == pytest.approx(window.std())
    repeats = np.tile([1.0, 3.0], 3)[None, :, None]  # never changes over a season
    assert data.window_scale(repeats, season=2)[1].item() == pytest.approx(0.01)


@needs_data
def test_ett_by_name():
    found = data.series("etth1")
    frame = found.frames["ETTh1"]
    assert frame.shape == (14400, 7) and list(frame)[-1] == "OT"
    assert found.borders["ETTh1"] == (8640, 11520) and found.freq == "h"
    sizes = {
        part: len(data.SeriesWindows(found, part, look_back=96, horizon=96))
        for part in ("train", "validation", "test")
    }
    assert sizes == {"train": 8449, "validation": 2785, "test": 2785}  # as everybody has it
    quarter = data.series("ettm1", targets="OT")
    assert quarter.columns[0] == "OT" and len(quarter.past_covariates) == 6
    assert (quarter.season, quarter.borders["ETTm1"]) == (96, (34560, 46080))


@needs_data
def test_m4_by_name():
    found = data.series("m4-hourly")
    assert len(found.frames) == 414 and found.season == 24
    windows = data.SeriesWindows(found, "test", look_back=24, horizon=48)
    assert len(windows) == 414  # one a series: its last 48 rows
    assert {len(frame) for frame in found.frames.values()} == {748, 1008}


@needs_data
def test_temperatures_by_name():
    series = data.series("melbourne")
    [frame] = series.frames.values()
    assert (series.targets, series.freq, series.season) == (("temperature",), "D", 7)
    assert len(frame) == 3652 and frame["temperature"].iloc[0] == 20.7  # with two leap days
    assert series.source == "melbourne"


def test_a_series_says_itself_in_a_line():
    table = pd.DataFrame({f"y{i}": np.arange(20.0) for i in range(7)})
    one = data.series(table.assign(x=1.0), targets=list(table), past_covariates=["x"])
    assert str(one) == (
        "series: train 14, validation 3, test 3 rows (no times); targets y0, y1, y2, y3, y4 and 2 "
        "more; covariates x"
    )


def test_months_and_years_beside_dates_are_numbers():
    """As a frame's other numbers; where nothing else is a date they might be the times."""
    frame = hours(60, y=None, month=1, year=2026)
    assert data.series(frame).targets == ("y", "month", "year")
    assert data.series(frame.set_index("date")).targets == ("y", "month", "year")
    text = frame.assign(date=frame.date.dt.strftime("%Y-%m-%d %H:%M")).astype(str)
    assert data.series(text).frames["series"]["month"].tolist() == [1.0] * 60
    assert data.series(frame, targets="y", past_covariates=["month"]).columns == ("y", "month")
    for column, cells in (
        ("month", 13), ("month", 202601), ("year", 26), ("month", "2026-01"), ("month", 1.5),
        ("timestamp", range(60)), ("time", 3),
    ):  # fmt: skip
        refused(
            f"column {column!r} holds times beside 'date'", hours(60, y=None, **{column: cells})
        )
    refused(
        "column 'month' holds times beside the index", hours(60, y=None, month=1)[["y", "month"]]
    )
