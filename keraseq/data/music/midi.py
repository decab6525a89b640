"""MIDI files as piano rolls, and piano rolls as MIDI files."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np

from keraseq import files
from keraseq.checks import positive_number

LOWEST, KEYS = 21, 88  # of a piano, as MIDI counts keys
DRUMS = 9  # the channel whose keys are no notes
LONGEST = 100_000  # frames of a piece
TICKS, LOUDNESS = 480, 80  # of a quarter note, of 127: what is written


def mido():
    """The package that knows the format, which is loaded when it is needed."""
    try:
        import mido
    except ImportError:
        raise ImportError("MIDI files need mido: pip install 'keraseq[music]'") from None
    return mido


def read_midi(path: str | Path, step: float = 0.5) -> np.ndarray:
    """The piano roll of a MIDI file: all its tracks on one keyboard, without drums.

    A note begins at the frame that is nearest to its begin, and is at least a frame long. A roll
    knows which keys sound, not when one is struck again; how loud and how fast is not read.
    Silence at the end is left out.

    Args:
        path: The file.
        step: Quarter notes in a frame. Defaults to 0.5, an eighth.

    Returns:
        `(frames, 88)`, float32, 1 where a key sounds; the first key is MIDI's 21.

    Raises:
        FileNotFoundError: There is no such file.
        ImportError: mido is not installed.
        ValueError: It is no MIDI file, is damaged, holds no notes or such as no piano has, or does
            not count time in beats; the error names the file.

    Example:

    >>> import numpy as np
    >>> keraseq.data.music.write_midi(np.eye(2, 88), "scale.mid", step=1.0)
    >>> keraseq.data.music.read_midi("scale.mid", step=0.5).sum(axis=1).tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    step, content = positive_number("step", step), Path(path).read_bytes()
    midi_file = mido().MidiFile
    if not content:
        raise ValueError(f"{str(path)!r} is empty")
    try:
        file = midi_file(file=io.BytesIO(content))
        tracks = [list(track) for track in file.tracks]
    except Exception as error:  # mido has no error of its own: EOFError, IndexError, OSError, ...
        why = str(error) or type(error).__name__
        raise ValueError(f"{str(path)!r} is no MIDI file, or a damaged one: {why}") from None
    if file.type == 2:
        raise ValueError(f"{str(path)!r} holds pieces of their own (type 2); accepted: types 0, 1")
    if file.ticks_per_beat <= 0:
        raise ValueError(f"{str(path)!r} counts time in seconds, not in beats: it has no steps")
    ticks, played = step * file.ticks_per_beat, []
    for track in tracks:
        played += played_in(track)
    if not played:
        raise ValueError(f"{str(path)!r} holds no notes")
    for key, *_ in played:
        if not LOWEST <= key < LOWEST + KEYS:
            raise ValueError(
                f"{str(path)!r} has the note {key}; a piano has those from {LOWEST} to "
                f"{LOWEST + KEYS - 1}"
            )
    frame = lambda time: math.floor(time / ticks + 0.5)  # noqa: E731
    spans = [(key, frame(begin), max(frame(end), frame(begin) + 1)) for key, begin, end in played]
    length = max(end for *_, end in spans)
    if length > LONGEST:
        raise ValueError(
            f"{str(path)!r} has {length:,} frames of {step:g} quarter notes; at most {LONGEST:,}"
        )
    found = np.zeros((length, KEYS), "float32")
    for key, begin, end in spans:
        found[begin:end, key - LOWEST] = 1
    return found


def played_in(track) -> list[tuple[int, int, int]]:
    """Key, begin and end, in ticks, of each note of a track."""
    now, begun, played = 0, {}, []
    for message in track:
        now += message.time
        if message.type not in ("note_on", "note_off") or message.channel == DRUMS:
            continue
        note = (message.channel, message.note)
        if note in begun:  # struck again, it ends too
            played.append((message.note, begun.pop(note), now))
        if message.type == "note_on" and message.velocity:
            begun[note] = now
    return played + [(key, begin, now) for (_, key), begin in begun.items()]


def write_midi(
    roll: np.ndarray, path: str | Path, *, step: float = 0.5, tempo: float = 80.0
) -> None:
    """Writes a piano roll as a MIDI file; a key that sounds on is one note.

    Args:
        roll: `(frames, 88)`, 1 where a key sounds, else 0.
        path: The file; what was there is replaced.
        step: Quarter notes in a frame. Defaults to 0.5, an eighth.
        tempo: Quarter notes in a minute. Defaults to 80.

    Raises:
        ImportError: mido is not installed.
        ValueError: It is no piano roll, or step or tempo are not positive.
    """
    roll, mid = checked(roll), mido()
    ticks = positive_number("step", step) * TICKS
    pace = mid.bpm2tempo(positive_number("tempo", tempo))
    change = np.diff(np.pad(roll, ((1, 1), (0, 0))), axis=0)
    track, before = [mid.MetaMessage("set_tempo", tempo=min(pace, 2**24 - 1))], 0
    for frame, keys in enumerate(change):
        now = round(frame * ticks)
        for kind, sign in (("note_off", -1), ("note_on", 1)):
            for key in np.flatnonzero(keys == sign):
                note = {"note": LOWEST + int(key), "velocity": LOUDNESS, "time": now - before}
                track.append(mid.Message(kind, **note))
                before = now
    content = io.BytesIO()
    mid.MidiFile(type=0, ticks_per_beat=TICKS, tracks=[mid.MidiTrack(track)]).save(file=content)
    with files.replacing(path) as partial:
        partial.write_bytes(content.getvalue())


def checked(roll) -> np.ndarray:
    """A piano roll as integers, or an error that says what is none."""
    roll = np.asarray(roll)
    if roll.ndim != 2 or roll.shape[1] != KEYS or not np.isin(roll, (0, 1)).all():
        raise ValueError(
            f"a piano roll is an array (frames, {KEYS}) of 0 and 1; received shape {roll.shape}"
            + (" with other numbers" if roll.ndim == 2 and roll.shape[1] == KEYS else "")
        )
    return roll.astype("int8")
