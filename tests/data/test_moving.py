"""Skeletons and sequences of frames: files -> parts -> rows, and frames that are made."""

import io
import tarfile

import numpy as np
import pytest
from PIL import Image

from keraseq import data
from keraseq.data.labelled import drawn, frames, moving, skeletons
from keraseq.data.labelled.skeleton_rows import PLACES, varied
from keraseq.data.parts import Part, Parts

RNG = np.random.default_rng(0)
BODY = RNG.normal(0, 1, (9, 20, 3)) + np.array([0, 0, 3])


def written(body, confidence=True):
    """The text of a file of skeletons."""
    rest = " 1.0" if confidence else ""
    return "".join(f"{x:.6f} {y:.6f} {z:.6f}{rest}\n" for x, y, z in body.reshape(-1, 3))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two actions of five people, as MSR Action3D has them."""
    place = tmp_path_factory.mktemp("skeletons")
    for action in (2, 13):
        for subject in (1, 2, 3, 4, 5):
            name = f"a{action:02}_s{subject:02}_e01_skeleton3D.txt"
            (place / name).write_text(written(BODY + action + subject / 10))
    return place


def test_skeletons_are_split_by_who_moves(folder):
    parts = data.labelled_skeletons(folder)
    assert parts.classes == ("horizontal arm wave", "bend")
    assert parts.split == "subjects of even numbers test; of the odd ones 5 validation"
    assert [len(parts.part(one).inputs) for one in ("train", "validation", "test")] == [4, 2, 4]
    np.testing.assert_allclose(parts.test.inputs[0], BODY + 2.2, atol=1e-6)
    again = data.labelled_skeletons(**parts.options)
    assert again.sha256 == parts.sha256
    whole = data.labelled_skeletons(folder, validation=0)
    assert [len(whole.part(one).inputs) for one in ("train", "validation", "test")] == [6, 2, 4]
    assert whole.split.endswith("5 validation, learned from as well")


def test_an_archive_holds_what_the_folder_holds(folder, tmp_path):
    for name in ("all.tar.xz", "all.zip"):
        if name.endswith("zip"):
            import zipfile

            with zipfile.ZipFile(tmp_path / name, "w") as archive:
                for one in folder.iterdir():
                    archive.write(one, f"inside/{one.name}")
        else:
            with tarfile.open(tmp_path / name, "w:xz") as archive:
                archive.add(folder, "inside")
        found = data.labelled_skeletons(tmp_path / name)
        assert found.sha256 == data.labelled_skeletons(folder).sha256
        half = (tmp_path / name).read_bytes()[:-600]
        (tmp_path / name).write_bytes(half)
        with pytest.raises(ValueError, match=f"{name}' cannot be read as an archive: "):
            data.labelled_skeletons(tmp_path / name)


def test_folders_of_classes_and_arrays_are_split_by_chance(tmp_path):
    for number in range(6):
        place = tmp_path / "own" / ("kick" if number % 2 else "wave") / f"{number}.txt"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(written(BODY + number, confidence=False))
    parts = data.labelled_skeletons(tmp_path / "own")
    assert parts.classes == ("kick", "wave") and "stratified" in parts.split
    arrays = data.labelled_skeletons([BODY + n for n in range(6)], ["wave", "kick"] * 3)
    assert str(arrays).endswith("skeletons of 9 frames; classes kick, wave")


def test_frames_in_which_nobody_stands_are_left_out():
    empty = np.concatenate([np.zeros((2, 20, 3)), BODY, np.zeros((1, 20, 3))])
    np.testing.assert_allclose(skeletons.parsed(written(empty).encode(), "x"), BODY, atol=1e-6)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (written(np.zeros((3, 20, 3))).encode(), "f.txt holds no body: every joint of every frame"),
        (written(BODY).encode()[:-40], "f.txt must have 20 lines a frame, one a joint; it has 179"),
        (b"1 2 3 4\n1 2\n", "f.txt: line 2 must be a joint, x y z and a confidence; received 2"),
        (b"a b c d\n" * 20, "f.txt holds a value that is no number: could not convert"),
        (b"nan 0 0 0\n" * 20, "f.txt: frame 0 has no place of the left shoulder"),
        (b"\xff\xfe\x00", "f.txt is no file of skeletons: it is no text"),
        (b"", "f.txt must have 20 lines a frame, one a joint; it has 0"),
    ],
)
def test_files_that_are_no_skeletons_are_named(content, said):
    with pytest.raises(ValueError) as caught:
        skeletons.parsed(content, "f.txt")
    assert str(caught.value).startswith(said) and "\n" not in str(caught.value)


def test_sources_without_labels_or_people_are_named(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file or folder 'nowhere'"):
        data.labelled_skeletons("nowhere")
    with pytest.raises(ValueError, match="holds no files of skeletons"):
        data.labelled_skeletons(tmp_path)
    with pytest.raises(ValueError, match="labels must be one for each of 1 skeletons; received 2"):
        data.labelled_skeletons([BODY], ["a", "b"])
    with pytest.raises(ValueError, match="arrays: the skeletons have no labels; name the files"):
        data.labelled_skeletons([BODY])
    one = tmp_path / "a02_s01_e01_skeleton3D.txt"
    one.write_text(written(BODY))
    with pytest.raises(ValueError, match="no subject is left for train"):
        data.labelled_skeletons(tmp_path)
    one.rename(tmp_path / "a21_s01_e01_skeleton3D.txt")
    with pytest.raises(ValueError, match=r"a21.*txt: there are 20 actions, no number 21"):
        data.labelled_skeletons(tmp_path)


def test_rows_do_not_know_where_somebody_stands_or_how_tall():
    encoder = data.SkeletonEncoder()
    [row], [other] = encoder.rows([BODY]), encoder.rows([1.7 * BODY + [1, 2, 3]])
    assert row.shape == (9, len(encoder)) and row.dtype == "float32"
    np.testing.assert_allclose(row, other, atol=1e-4)
    np.testing.assert_allclose(row[1:, PLACES:], 10 * np.diff(row[:, :PLACES], axis=0), atol=1e-3)
    assert not row[0, PLACES:].any()
    [short] = data.SkeletonEncoder(4).rows([BODY])  # more frames than the model reads
    np.testing.assert_allclose(short[[0, -1], :PLACES], row[[0, -1], :PLACES], atol=1e-6)
    [point] = encoder.rows([np.ones((3, 20, 3))])  # a body that is one point
    assert not point.any()
    with pytest.raises(ValueError, match=r"skeleton 1 must have shape \(frames, 20, 3\); received"):
        encoder.rows([BODY, BODY[:, :19]])


def test_training_varies_the_same_movement():
    [row] = data.SkeletonEncoder().rows([BODY])
    rng = np.random.default_rng(1)
    lengths = {len(varied(row, 12, rng)) for _ in range(30)}
    assert len(lengths) > 3 and max(lengths) <= 12
    changed = varied(row, 12, rng)
    assert changed.shape[1] == 120 and np.abs(changed[:, 18:21]).max() < 0.1  # the hip


def test_folders_of_pictures_and_arrays_are_the_same_films(tmp_path):
    films = RNG.integers(0, 256, (8, 4, 6, 5, 3)).astype("uint8")
    for number, film in enumerate(films):
        place = tmp_path / "pictures" / "ab"[number % 2] / str(number)
        place.mkdir(parents=True)
        for i, frame in enumerate(film):
            Image.fromarray(frame).save(place / f"{i:03}.png")
        array = tmp_path / "arrays" / "ab"[number % 2] / f"{number}.npy"
        array.parent.mkdir(parents=True, exist_ok=True)
        np.save(array, film)
    np.savez(array.with_suffix(".npz"), film)
    array.unlink()
    parts = data.labelled_frames(tmp_path / "pictures")
    assert parts.sha256 == data.labelled_frames(tmp_path / "arrays").sha256
    assert parts.sha256 == data.labelled_frames(list(films), ["a", "b"] * 4).sha256
    assert str(parts).endswith("sequences of 4 frames of 6 x 5 x 3; classes a, b")


def test_grey_frames_of_one_pixel_are_frames():
    [film] = frames.read([np.array([0.0, 0.5, 1.0]).reshape(3, 1, 1)]).inputs
    assert film.shape == (3, 1, 1, 1) and film.ravel().tolist() == [0, 128, 255]
    assert frames.as_frames(np.ones((2, 3, 3), bool), "x").max() == 255
    rows = data.FrameEncoder(1, 1, 1, length=2).rows([film])
    assert rows[0].ravel().tolist() == [0, 255]


def png(mode, size=(2, 2)):
    content = io.BytesIO()
    Image.new(mode, size).save(content, "png")
    return content.getvalue()


def test_frames_that_cannot_be_read_are_named(tmp_path):
    film = tmp_path / "set" / "a" / "film"
    film.mkdir(parents=True)
    (film / "1.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"1\.png' cannot be read as a picture"):
        data.labelled_frames(tmp_path / "set")
    (film / "1.png").write_bytes(png("L"))
    (film / "2.png").write_bytes(png("L", (3, 2)))
    with pytest.raises(ValueError, match="film' holds frames of several sizes"):
        data.labelled_frames(tmp_path / "set")
    (film / "2.png").write_bytes(png("L"))
    other = tmp_path / "set" / "b" / "film.npy"
    other.parent.mkdir()
    other.write_bytes(b"no array")
    with pytest.raises(ValueError, match=r"film\.npy' cannot be read as an array"):
        data.labelled_frames(tmp_path / "set")
    other.with_suffix(".npz").write_bytes(b"PK no archive")
    other.unlink()
    with pytest.raises(ValueError, match=r"film\.npz' cannot be read as an array"):
        data.labelled_frames(tmp_path / "set")
    other.with_suffix(".npz").unlink()
    np.save(other, np.full((2, 2, 2, 1), 1.5))
    with pytest.raises(ValueError, match=r"film\.npy' must hold numbers from 0 to 1; received"):
        data.labelled_frames(tmp_path / "set")
    np.save(other, np.zeros((2, 4, 4, 1)))
    with pytest.raises(ValueError, match=r"film\.npy has frames of shape \(4, 4, 1\), .*film of"):
        data.labelled_frames(tmp_path / "set")
    np.save(other, np.zeros((2, 4)))
    with pytest.raises(ValueError, match=r"must have shape \(frames, height, width, channels\)"):
        data.labelled_frames(tmp_path / "set")
    with pytest.raises(ValueError, match="holds no sequences of frames: put those of a class"):
        data.labelled_frames(film.parent.parent.parent)
    with pytest.raises(ValueError, match=r"sequence 0 must have frames of shape \(2, 2, 1\)"):
        data.FrameEncoder(2, 2, 1).rows([np.zeros((3, 2, 2, 3))])


@pytest.fixture
def digits(monkeypatch):
    """Bright squares instead of MNIST."""
    some = Part(np.ones((3, 28, 28), "float32"), np.arange(3))
    monkeypatch.setattr(moving, "mnist", lambda row, data_dir: Parts(some, some, some))


def test_a_single_frame_tells_nothing_of_a_direction(digits):
    """Every frame of every class is a square anywhere; the next frame is it moved."""
    parts = moving.moving_digits(None, examples=160, frames=3)
    assert parts.train.inputs[0].shape == (3, 32, 32, 1) and len(parts.test.inputs) == 53
    assert np.bincount(parts.train.targets).tolist() == [20] * 8
    for film, label in zip(*parts.train, strict=True):
        step = moving.STEPS[parts.classes[label]]
        np.testing.assert_array_equal(np.roll(film[0], step, (0, 1)), film[1])
    middle = [film[1].sum() for film in parts.train.inputs]
    assert len(set(middle)) == 1  # the square is whole, wherever it is


def test_which_digit_is_faster(digits):
    parts = moving.moving_digits(None, question="faster", examples=12, frames=3)
    assert parts.classes == ("upper", "lower")
    for film, label in zip(*parts.train, strict=True):
        moved = [
            next(n for n in range(1, 5) if (np.roll(half[0], n, 1) == half[1]).all())
            for half in (film[:, :16], film[:, 16:])
        ]
        assert (moved[0] > moved[1]) == (label == 0)
    with pytest.raises(ValueError, match="unknown question 'slower'"):
        moving.moving_digits(None, question="slower")


def test_a_drawn_skeleton_stands_upright_with_its_hip_in_the_middle():
    body = np.zeros((1, 20, 3))
    body[0, :, 1] = np.linspace(-1, 1, 20)
    body[0, skeletons.HIP], body[0, skeletons.NECK] = 0, [0, 1, 0]
    body[0, 19] = [0, 1.5, 0]  # the head
    [frame] = drawn(body, size=20)
    assert frame.shape == (20, 20, 1) and frame[10, 9:11].max() > 100
    rows = np.flatnonzero(frame.any(axis=(1, 2)))
    assert rows[0] == 4 and not frame[:, :8].any()
