"""WAV files and their log-mel frames."""

import io
import wave

import numpy as np
import pytest
import tones

from keraseq import data
from keraseq.data.labelled.mel import mel_filters, squeezed, varied
from keraseq.data.labelled.wav import Recording, resampled


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_samples_of_every_width(width, tmp_path):
    samples = np.linspace(-1, 1, 41)
    tones.write(tmp_path / "a.wav", samples, width=width)
    found = data.read_wav(tmp_path / "a.wav")
    assert found.rate == tones.RATE and found.samples.dtype == "float32"
    np.testing.assert_allclose(found.samples, samples, atol=1.6 * 2.0 ** (1 - 8 * width) + 1e-7)


def test_several_channels_become_their_mean(tmp_path):
    tones.write(tmp_path / "a.wav", np.tile([0.5, 0.25], (9, 1)))
    np.testing.assert_allclose(data.read_wav(tmp_path / "a.wav").samples, 0.375, atol=1e-4)


def test_files_that_are_none(tmp_path):
    """One line each, with the file's name."""
    (tmp_path / "text.wav").write_text("no sound at all")
    (tmp_path / "nothing.wav").touch()
    tones.write(tmp_path / "empty.wav", np.zeros(0))
    floats = io.BytesIO()
    with wave.open(floats, "wb") as file:
        file.setparams((1, 4, 8000, 1, "NONE", ""))
        file.writeframes(b"\0\0\0\0")
    raw = bytearray(floats.getvalue())
    raw[20] = 3  # IEEE floats
    (tmp_path / "floats.wav").write_bytes(raw)
    for name, message in (
        ("text.wav", "text.wav is no WAV file of PCM samples: file does not start with RIFF id"),
        ("nothing.wav", "nothing.wav is no WAV file of PCM samples: it ends too early"),
        ("empty.wav", "empty.wav holds no samples"),
        ("floats.wav", "floats.wav is no WAV file of PCM samples: unknown format: 3"),
    ):
        with pytest.raises(ValueError, match=message) as caught:
            data.read_wav(tmp_path / name)
        assert "\n" not in str(caught.value)
    with pytest.raises(FileNotFoundError, match=r"there is no file '.*lost\.wav'"):
        data.read_wav(tmp_path / "lost.wav")


@pytest.mark.parametrize("rate", [4000, 16_000])
def test_another_rate_keeps_the_tone(rate):
    """The samples are those that the same tone has at that rate."""
    time = np.arange(800) / 8000
    samples = np.sin(2 * np.pi * 500 * time).astype("float32")
    found = resampled(Recording(samples, 8000), rate)
    there = np.sin(2 * np.pi * 500 * np.arange(rate // 10) / rate)
    np.testing.assert_allclose(found, there, atol=1e-3)


def test_folders_and_tables(tmp_path):
    """The same recordings; a group that is held out is the test part."""
    table = tones.listed(tmp_path / "table.csv")
    by_folder = data.labelled_signals(tmp_path / "words")
    by_table = data.labelled_signals(table)
    assert by_folder.sha256 == by_table.sha256 and by_folder.classes == ("fall", "rise")
    assert "16" not in str(by_folder) and str(by_folder).endswith("classes fall, rise")
    parts = data.labelled_signals(table, group="who", held_out="b")
    assert len(parts.test.inputs) == 8 and set(parts.groups.values()) == {"a", "b"}
    assert data.labelled_signals(table, rate=1000).train.inputs[0].shape < (150,)
    for options, message in (
        ({"group": "who"}, "group='who' needs held_out, .*; groups: a, b"),
        ({"held_out": "a"}, "held_out='a' is a group: give group"),
        ({"group": "who", "held_out": "c"}, "unknown held_out 'c'; accepted: 'a', 'b'"),
        ({"path": "file"}, "table.csv: there is no column 'file'"),
    ):
        with pytest.raises(ValueError, match=message):
            data.labelled_signals(table, **options)
    (tmp_path / "none").mkdir()
    with pytest.raises(ValueError, match=r"none' holds no \.wav files, nor do the folders in it"):
        data.labelled_signals(tmp_path / "none")


def test_filters_sum_to_one_and_follow_the_mel_scale():
    filters = mel_filters(8000, 256, 40)
    np.testing.assert_allclose(filters.sum(0), 1)
    centres = filters.argmax(0)
    assert (np.diff(centres) >= 0).all() and centres[-1] > 110


def test_frames_know_no_loudness_and_no_colour():
    """Twice as loud is the same; every band has mean 0."""
    tone = tones.tone("fall", 0.3)
    encoder = data.SignalEncoder.of([tone, tones.tone("rise", 0.3)], tones.RATE)
    [row, louder] = encoder.rows([tone, 2 * tone])
    np.testing.assert_allclose(row, louder, atol=1e-5)
    np.testing.assert_allclose(row.mean(0), 0, atol=1e-5)
    assert encoder.lengths([tone]).tolist() == [len(row)]
    assert np.isfinite(encoder.rows([np.zeros(3), np.zeros(500)])[1]).all()
    again = data.SignalEncoder.from_dict(encoder.to_dict())
    np.testing.assert_array_equal(again.rows([tone])[0], row)
    with pytest.raises(ValueError, match=r"must have shape \(samples,\), one at least; received"):
        encoder.rows([np.zeros(0)])


def test_single_words_are_trimmed_and_know_no_room():
    """What is 20 dB below the loudest frame is left out at the ends, not inside."""
    rng, word = np.random.default_rng(0), tones.tone("rise", 0.4)
    word = np.concatenate([word, np.zeros(400, "float32"), word])
    encoder = data.SignalEncoder.of([word, tones.tone("fall", 0.4)], tones.RATE, words=True)
    quiet = 0.01 * rng.normal(size=600)
    [plain], [long] = (encoder.rows([x]) for x in (word, np.concatenate([quiet, word, quiet])))
    assert abs(len(long) - len(plain)) <= 3 and plain.shape[1] == len(encoder) == 20
    assert len(plain) > 0.9 * encoder.lengths([word])[0]
    assert data.SignalEncoder.from_dict(encoder.to_dict()).words
    assert np.isfinite(encoder.rows([np.zeros(500)])[0]).all()


def test_another_voice_is_another_row_of_about_that_length():
    row = np.random.default_rng(0).normal(size=(50, 40)).astype("float32")
    found = [varied(row, np.random.default_rng(seed)) for seed in range(20)]
    assert {len(one) for one in found} > {len(found[0])} and found[0].dtype == "float32"
    assert all(25 < len(one) < 80 and one.shape[1] == 40 for one in found)
    np.testing.assert_array_equal(found[3], varied(row, np.random.default_rng(3)))
    assert len(varied(row[:1], np.random.default_rng(0))) >= 1
    np.testing.assert_allclose(squeezed(np.array([[0.0], [2.0]]), np.array([0.5]))[0], 1.0)


def test_batches_change_rows_anew_in_each_epoch():
    rows = [np.zeros((3, 2), "float32") for _ in range(6)]
    change = lambda row, rng: row + rng.uniform(0, 1)  # noqa: E731
    sets = data.labelled.batches(rows, np.zeros(6), 6, shuffle=True, change=change)
    sets.on_epoch_begin()
    first, again = sets[0][0], sets[0][0]
    sets.on_epoch_begin()
    np.testing.assert_array_equal(first, again)
    assert len(np.unique(first)) == 6 and (sets[0][0] != first).any()
