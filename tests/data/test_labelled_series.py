"""Labelled series: every source, in parts; what cannot be used is one line that names the place."""

import gzip

import numpy as np
import pandas as pd
import pytest

from keraseq import data
from keraseq.data import labelled_series

RNG = np.random.default_rng(0)
ARRAYS = [RNG.normal(size=(4 + i % 5, 2)) for i in range(40)]
LABELS = ["walk", "run"] * 20


def long_frame(arrays=ARRAYS, labels=LABELS):
    frames = [
        pd.DataFrame(
            {"who": f"r{i}", "t": range(len(one)), "what": label, "x": one[:, 0], "y": one[:, 1]}
        )
        for i, (one, label) in enumerate(zip(arrays, labels, strict=True))
    ]
    return pd.concat(frames, ignore_index=True)


LONG = {"id": "who", "time": "t", "label": "what"}
TS = """#comment
@problemName Two
@timestamps false
@classLabel true walk run
@data
"""


def as_ts(arrays=ARRAYS, labels=LABELS):
    def text(value):
        return "?" if np.isnan(value) else repr(float(value))

    lines = [
        ":".join([*(",".join(map(text, channel)) for channel in one.T), label])
        for one, label in zip(arrays, labels, strict=True)
    ]
    return TS + "\n".join(lines) + "\n"


def same(one, other):
    for name in ("train", "validation", "test"):
        ours, theirs = one.part(name), other.part(name)
        np.testing.assert_array_equal(ours.targets, theirs.targets)
        for a, b in zip(ours.inputs, theirs.inputs, strict=True):
            np.testing.assert_array_equal(a, b)
    assert one.sha256 == other.sha256 and one.classes == other.classes


def test_every_source_gives_the_same_parts(tmp_path):
    """Whatever the order of rows and examples, and whether packed."""
    found = labelled_series(ARRAYS, LABELS)
    assert found.classes == ("run", "walk") and found.channels == ("channel 1", "channel 2")
    assert [len(found.part(p).inputs) for p in ("train", "validation", "test")] == [26, 6, 8]
    assert "26, validation 6, test 8 series of 4 to 8 steps, 2 channels" in str(found)
    shuffled = long_frame().sample(frac=1, random_state=1)
    same(labelled_series(shuffled, **LONG), found)
    shuffled.to_csv(tmp_path / "long.csv", index=False)
    long = labelled_series(tmp_path / "long.csv", **LONG)
    same(long, found)
    assert long.channels == ("x", "y")
    same(labelled_series(**long.options), long)
    (tmp_path / "two.ts").write_text(as_ts())
    same(labelled_series(tmp_path / "two.ts"), found)
    (tmp_path / "two.ts.gz").write_bytes(gzip.compress(as_ts().encode()))
    same(labelled_series(tmp_path / "two.ts.gz"), found)
    assert not found.options  # arrays cannot be read again


def test_parts_are_apart_and_have_the_same_mix():
    twice = labelled_series([*ARRAYS, *ARRAYS[:10]], [*LABELS, *LABELS[:10]])
    assert twice.dropped == 10
    keys = [
        {one.tobytes() for one in twice.part(p).inputs} for p in ("train", "validation", "test")
    ]
    assert not keys[0] & keys[1] and not keys[0] & keys[2] and not keys[1] & keys[2]
    for part in ("train", "validation", "test"):
        assert (
            np.bincount(twice.part(part).targets).tolist()
            == [len(twice.part(part).targets) / 2] * 2
        )
    other = labelled_series(ARRAYS, LABELS, seed=1)
    assert {one.tobytes() for one in other.test.inputs} != keys[2]
    given = labelled_series(ARRAYS, LABELS, test=(ARRAYS[:6], LABELS[:6]), validation=0.25)
    assert given.dropped == 6 and len(given.test.inputs) == 6
    assert {len(given.train.inputs), len(given.validation.inputs)} == {26, 8}


def test_wide_tables_end_where_their_rows_end():
    rows = [[1.0, 2.0, 3.0], [1.0, np.nan, 2.0], [4.0, np.nan, np.nan]] * 4
    frame = pd.DataFrame(np.array(rows) + np.arange(12)[:, None], columns=list("abc"))
    found = labelled_series(frame.assign(label=["p", "q"] * 6))
    assert found.channels == ("value",)
    every = [one for p in ("train", "validation", "test") for one in found.part(p).inputs]
    assert sorted({one.shape for one in every}) == [(1, 1), (3, 1)]
    assert sum(np.isnan(one).any() for one in every) == 4  # a gap within stays one
    square = labelled_series(np.arange(120.0).reshape(12, 10), ["p", "q"] * 6)
    assert square.train.inputs[0].shape == (10, 1)


def test_a_test_table_is_read_as_the_training_table():
    frame = long_frame()
    late = frame.who.isin([f"r{i}" for i in range(30, 40)])
    swapped = frame.loc[late, ["y", "x", "t", "who", "what"]]
    found = labelled_series(frame[~late], **LONG, test=swapped)
    for one, other in zip(found.test.inputs, ARRAYS[30:], strict=True):
        np.testing.assert_array_equal(one, other)  # x stays x
    wide = pd.DataFrame(RNG.normal(size=(12, 3)), columns=list("abc")).assign(what=["p", "q"] * 6)
    assert labelled_series(wide, label="what", test=wide[:4]).columns.values == (*"abc",)
    with pytest.raises(ValueError, match="'b' stands where 'a' does in the training table"):
        labelled_series(wide, label="what", test=wide[["b", "a", "c", "what"]])


def test_channels_can_be_chosen_and_texts_are_none():
    frame = long_frame().assign(note="fine")
    assert labelled_series(frame, **LONG).channels == ("x", "y")
    assert labelled_series(frame, **LONG, channels=["y"]).channels == ("y",)
    times = frame.assign(t=pd.Timestamp("2026-01-01") + pd.to_timedelta(frame.t, unit="min"))
    same(labelled_series(times, **LONG), labelled_series(frame, **LONG))
    same(
        labelled_series(times.assign(t=times.t.astype(str)), **LONG), labelled_series(frame, **LONG)
    )


def changed(row, column, value):
    frame = long_frame()
    frame[column] = frame[column].astype(object)
    frame.loc[row, column] = value
    return frame


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        (long_frame(), {**LONG, "id": "whoo"}, r"table: there is no column 'whoo'.*mean 'who'\?"),
        (long_frame(), {**LONG, "channels": ["z"]}, "table: unknown channel 'z'; columns: 'x'"),
        (long_frame(), {**LONG, "label": "wat"}, "table: there is no column 'wat' of labels"),
        (changed(3, "x", "abc"), LONG, "table: 'abc' in row 3, column 'x', is no number"),
        (changed(3, "x", np.inf), LONG, "table: example r0 is infinite in step 3, x"),
        (changed(3, "what", "run"), LONG, "table: example r0 has two labels, 'walk' and 'run'"),
        (changed(3, "what", None), LONG, "column 'what' has no value in 1 of 240 rows, first"),
        (changed(3, "who", None), LONG, "column 'who' has no value in 1 of 240 rows, first"),
        (changed(3, "t", 2), LONG, "table: example r0 has t 2 twice"),
        (changed(3, "t", "noon"), LONG, "column 't', is no time"),
        (long_frame().head(0), LONG, "table: the table has no rows"),
        (long_frame().assign(what="run"), LONG, "all 40 labels are of one class, 'run'"),
        (long_frame().drop(columns=["x", "y"]), LONG, "there is no column of numbers beside w"),
        (long_frame(), {"label": "what"}, "table: 'r0' in row 0, column 'who', is no number"),
        (long_frame(), {"label": "what", "time": "t"}, "time='t' is of a long table: give id, the"),
        (long_frame(), {"labels": [1]}, "labels are of arrays; in a table or file they stand b"),
        (long_frame()[["what"]], {"label": "what"}, "there are no columns of steps beside 'what'"),
        ((ARRAYS, LABELS[1:]), {}, "labels must be one for each of 40 series; received 39"),
        ((ARRAYS, [*LABELS[1:], None]), {}, "arrays: example 39 has no label"),
        (([*ARRAYS[:39], np.ones((3, 3))], LABELS), {}, "example 39 has 3 channels, the first "),
        (([*ARRAYS[:39], np.ones((0, 2))], LABELS), {}, "arrays: example 39 has no values"),
        (([*ARRAYS[:39], np.full((3, 2), np.nan)], LABELS), {}, "arrays: example 39 has no values"),
        (([*ARRAYS[:39], [["a"]]], LABELS), {}, "arrays: example 39 is no array of numbers"),
        (([*ARRAYS[:39], np.ones((3, 2, 1))], LABELS), {}, r"must have shape \(steps, channels\)"),
        (([], []), {}, "arrays: there are no series"),
        ((ARRAYS, ["a", "b", "c", "c"] + ["a", "b"] * 18), {}, "class 'c' has 2 different series"),
        ((ARRAYS, LABELS), {"test": (np.ones((4, 5)), ["run"] * 4)}, "arrays has 1 channels, a"),
        ((ARRAYS, LABELS), {"test": (ARRAYS, ["fly"] * 40)}, "label 'fly' in row 0 is none of"),
        ((ARRAYS, LABELS), {"validation": 0.0}, "validation must be above 0"),
        (3, {}, "a table comes from a path or a pandas DataFrame; received int"),
        ("no.ts", {}, "there is no file 'no.ts'"),
        ("no.xls", {}, r"'no.xls' must end in one of \.csv"),
    ],
)  # fmt: skip
def test_what_cannot_be_read(source, options, message):
    given = source if isinstance(source, tuple) else (source,)
    with pytest.raises((ValueError, TypeError, FileNotFoundError), match=message) as caught:
        labelled_series(*given, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TS + "1,2:3,4:walk\n1,b:2,2:run", "line 7, channel 1: could not convert string to float"),
        (TS + "1,2:3,4:wlak", "line 6: label 'wlak' is none of the file's: walk, run"),
        (TS + "1,2:3,4:walk\n1,2:run", "example 1 has 1 channels, the first one 2"),
        (TS + "?,?:walk", "example 0 has no values"),
        (TS + "walk", "line 6 holds no values before its label"),
        (TS, "there are no series"),
        (TS.replace("@data", ""), "cannot be read as .ts: it has no line @data"),
        (TS.replace("stamps false", "stamps true"), "line 5: series with time stamps are not read"),
        ("hello", "line 1 is neither a comment nor a line that begins with @"),
        (TS.replace("true walk run", "false") + "1,2:3,4", "the series have no labels"),
    ],
)  # fmt: skip
def test_ts_files_that_cannot_be_read(tmp_path, text, message):
    (tmp_path / "bad.ts").write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        labelled_series(tmp_path / "bad.ts")
    assert "\n" not in str(caught.value) and "bad.ts" in str(caught.value)


def test_missing_values_and_channels_of_unequal_length_in_ts(tmp_path):
    lines = [f"{i},?,3:1,{i}:{'walk' if i % 2 else 'run'}" for i in range(12)]
    (tmp_path / "gaps.ts").write_text(TS + "\n".join(lines))
    found = labelled_series(tmp_path / "gaps.ts")
    one = found.train.inputs[0]
    assert one.shape == (3, 2) and np.isnan(one).tolist() == [[0, 0], [1, 0], [0, 1]]


def test_the_encoder_fits_the_training_part_alone_and_fills_gaps():
    train = [np.array([[0.0, 5.0], [np.nan, 5.0], [4.0, 5.0]]), np.array([[2.0, 5.0]])]
    encoder = data.SeriesEncoder.of(train, ["x", "y"])
    assert encoder.scaler.mean == (2.0, 5.0) and encoder.scaler.deviation[1] == 1.0
    assert encoder.gaps == ("x",) and len(encoder) == 3
    again = data.SeriesEncoder.from_dict(encoder.to_dict())
    ends = np.array([[np.nan, np.nan], [4.0, np.nan], [np.nan, np.nan]])
    for one in (encoder, again):
        first, last = one.rows([train[0], ends])
        assert first.dtype == "float32" and first[:, 0].tolist() == pytest.approx(
            [-1.2247449, 0, 1.2247449]
        )
        assert first[:, 2].tolist() == [1, 0, 1]
        # The nearest value at the ends; a channel that is missing throughout is at its mean.
        assert last[:, 0].tolist() == pytest.approx([1.2247449] * 3) and not last[:, 1].any()
        assert last[:, 2].tolist() == [0, 1, 0]
    with pytest.raises(
        ValueError, match=r"series 1 must have shape \(steps, 2\), channels x, y; re"
    ):
        encoder.rows([ends, np.ones((3, 1))])
    with pytest.raises(ValueError, match="channel 'y' has no value in the training part"):
        data.SeriesEncoder.of([ends], ["x", "y"])
    with pytest.raises(ValueError, match="gaps must be channels, each once; received 'z'"):
        data.SeriesEncoder(encoder.scaler, ["z"])


def test_basicmotions():
    try:
        found = data.load("basicmotions")
    except (FileNotFoundError, ConnectionError):
        pytest.skip("needs KERASEQ_DATA")
    assert [len(found.part(p).inputs) for p in ("train", "validation", "test")] == [32, 8, 40]
    assert found.classes == ("Badminton", "Running", "Standing", "Walking")
    assert {one.shape for one in found.test.inputs} == {(100, 6)}
    assert np.bincount(found.validation.targets).tolist() == [2] * 4
