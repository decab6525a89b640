"""Music as piano rolls: pieces `(frames, 88)`, 1 where a key sounds, from MIDI files and back."""

from keraseq.data.music.midi import KEYS, LOWEST, checked, read_midi, write_midi
from keraseq.data.music.rolls import (
    DOWN,
    UP,
    PianoRolls,
    batches,
    name_of,
    notes,
    piano_rolls,
    roll,
    whole,
)

__all__ = [
    "DOWN",
    "KEYS",
    "LOWEST",
    "UP",
    "PianoRolls",
    "batches",
    "checked",
    "name_of",
    "notes",
    "piano_rolls",
    "read_midi",
    "roll",
    "whole",
    "write_midi",
]


def __dir__():
    return __all__
