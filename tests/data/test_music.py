"""MIDI files as piano rolls and back, and what is said of files that are none."""

import io
import sys

import mido
import numpy as np
import pytest

import keraseq
from keraseq import data
from keraseq.data import music


def file_of(*messages, ticks=480, kind=0, tracks=1):
    """A MIDI file of `(type, key, time)`, or of whole messages, on each of its tracks."""
    track = mido.MidiTrack(
        mido.Message(one[0], note=one[1], velocity=64, time=one[2]) if type(one) is tuple else one
        for one in messages
    )
    content = io.BytesIO()
    mido.MidiFile(type=kind, ticks_per_beat=ticks, tracks=[track] * tracks).save(file=content)
    return content.getvalue()


def piece(frames=12, seed=0):
    """A piece whose last frame sounds: silence at the end is not kept in a file."""
    found = (np.random.default_rng(seed).random((frames, music.KEYS)) < 0.05).astype("float32")
    found[-1, 40] = 1
    return found


@pytest.mark.parametrize("step", [0.25, 0.5, 1 / 3, 2])
def test_there_and_back(tmp_path, step):
    for roll in (piece(), piece()[4:], np.pad(piece(), ((3, 0), (0, 0)))):
        music.write_midi(roll, tmp_path / "a.mid", step=step)
        np.testing.assert_array_equal(music.read_midi(tmp_path / "a.mid", step), roll)
    found = music.notes(roll)
    np.testing.assert_array_equal(music.roll(found), roll)
    np.testing.assert_array_equal(music.roll(found, 20)[15:], 0)
    twice = music.read_midi(tmp_path / "a.mid", step / 2)
    np.testing.assert_array_equal(twice, roll.repeat(2, axis=0))


def test_what_a_player_writes(tmp_path):
    path = tmp_path / "played.mid"
    messages = [
        ("note_on", 60, 30),  # late by a sixteenth of a quarter: frame 0
        ("note_on", 64, 210),
        mido.Message("note_on", note=60, velocity=0, time=230),  # an end as many write it
        ("note_on", 60, 10),
        ("note_on", 60, 240),  # struck again without an end
        mido.Message("note_on", note=35, channel=9, time=0),  # a drum
        ("note_off", 64, 5),
        mido.Message("note_on", note=67, velocity=64, time=0),
        ("note_off", 67, 1),  # shorter than a frame
        ("note_off", 99, 0),  # never begun
        ("note_off", 60, 479),
    ]
    path.write_bytes(file_of(*messages))
    found = music.notes(music.read_midi(path, 0.5))
    assert found[["key", "start", "frames"]].values.tolist() == [[60, 0, 5], [64, 1, 2], [67, 3, 1]]
    path.write_bytes(file_of(("note_on", 60, 0), ("note_off", 60, 480), kind=1, tracks=2))
    assert music.read_midi(path).shape == (2, music.KEYS)  # two tracks, one keyboard


SMPTE = b"MThd\x00\x00\x00\x06\x00\x00\x00\x01\xe7\x28MTrk\x00\x00\x00\x04\x00\xff\x2f\x00"
BAD = {
    "no MIDI file, or a damaged one": b"Dear diary",
    "is empty": b"",
    "is no MIDI file": file_of(("note_on", 60, 0), ("note_off", 60, 9))[:-9],
    "holds no notes": file_of(),
    "has the note 110; a piano has those from 21 to 108": file_of(("note_on", 110, 0)),
    "has the note 20; a piano": file_of(("note_on", 20, 0), ("note_off", 20, 480)),
    "counts time in seconds": SMPTE,
    "holds pieces of their own": file_of(("note_on", 60, 0), kind=2),
    "has 559,241 frames": file_of(("note_on", 60, 0), ("note_off", 60, 2**27), ticks=480),
    "has 1 frames; a piece has at least 2": file_of(("note_on", 60, 0), ("note_off", 60, 9)),
}


@pytest.mark.parametrize("message", BAD)
def test_a_bad_file_is_named_in_one_line(tmp_path, message):
    for number in range(3):
        music.write_midi(piece(seed=number), tmp_path / f"{number}.mid")
    (tmp_path / "bad.MID").write_bytes(BAD[message])
    with pytest.raises(ValueError, match=rf"bad.MID'.*{message}") as error:
        data.piano_rolls(tmp_path)
    assert "\n" not in str(error.value)


def test_folders_and_lists(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there are no .mid or .midi files in"):
        data.piano_rolls(tmp_path)
    with pytest.raises(FileNotFoundError, match="there is no file or folder"):
        data.piano_rolls(tmp_path / "nowhere")
    (tmp_path / "below").mkdir()
    for number in range(10):
        music.write_midi(piece(10 + number, number), tmp_path / "below" / f"{number}.midi")
    found = data.piano_rolls(tmp_path, test=0.2, seed=1)
    assert str(found) == (
        f"{tmp_path.name}: train 7, validation 1, test 2 pieces; "
        f"{', '.join(f'{sum(map(len, p)):,}' for p in (found.train, found.validation, found.test))}"
        " frames of 0.5 quarter notes"
    )
    assert sorted(map(len, found.train + found.validation + found.test)) == list(range(10, 20))
    again = data.piano_rolls(**found.options)
    assert again.sha256 == found.sha256
    assert data.piano_rolls(tmp_path, test=0.2, seed=2).sha256 != found.sha256
    of_files = data.piano_rolls(sorted(map(str, tmp_path.rglob("*.midi"))), test=0.2, seed=1)
    assert of_files.sha256 == found.sha256
    with pytest.raises(ValueError, match="2 pieces are too few for a training, a validation"):
        data.piano_rolls([piece(), piece()])
    for bad in (np.ones((3, 12)), np.ones(88), np.full((3, 88), 0.5)):
        with pytest.raises(ValueError, match=r"a piano roll is an array \(frames, 88\) of 0 and 1"):
            data.piano_rolls([bad] * 3)


def test_batches_move_pieces_as_far_as_the_keyboard_goes():
    low, middle, high = (np.eye(88)[[at] * 5] for at in (0, 40, 86))
    assert [music.rolls.moves(one) for one in (low, middle, high)] == [(0, 6), (-5, 6), (-5, 1)]
    assert music.rolls.moves(np.zeros((3, 88))) == (0, 0)
    sets = music.batches([low, middle, high], 3, transpose=True, shuffle=True)
    seen = set()
    for _ in range(40):
        sets.on_epoch_begin()
        [(inputs, targets)] = (sets[at] for at in range(len(sets)))
        assert not inputs["frames"][:, 0].any()  # a piece begins after silence
        seen |= set(targets[:, 0].argmax(-1))
        np.testing.assert_array_equal(inputs["next"], np.maximum(targets, 0))
    assert seen == {*range(7), *range(35, 47), *range(81, 88)}


def test_long_pieces_are_cut_and_nothing_is_lost():
    long, short = piece(101), piece(20, 1)
    sets = music.batches([long, short], 9, length=40, following=False)
    rows = [(x, y) for inputs, targets in sets for x, y in zip(inputs, targets, strict=True)]
    assert len(rows) == 4 and sets[0][0].shape == (4, 64, 88)
    told = sorted((y[y[:, 0] >= 0] for _, y in rows), key=len)
    np.testing.assert_array_equal(told[0], short)
    assert sum(map(len, told)) == len(long) + len(short)


def test_without_the_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "mido", None)
    with pytest.raises(ImportError, match=r"pip install 'keraseq\[music\]'"):
        music.write_midi(piece(), tmp_path / "a.mid")
    (tmp_path / "a.mid").write_bytes(b"")
    with pytest.raises(ImportError, match="mido"):
        keraseq.data.music.read_midi(tmp_path / "a.mid")
