"""The same recipe for skeletons and frames: files to a bundle that reads files."""

import functools

import numpy as np
import pytest
from typer.testing import CliRunner

from keraseq import cli, data, recipes
from keraseq.bundle import load

train = functools.partial(recipes.train, "classify")
SMALL = {"units": 6, "batch_size": 8, "dropout": 0.0, "learning_rate": 0.03, "report": None}


def body(raised: bool, frames: int, rng):
    """Somebody who raises the right hand, or lowers it."""
    places = np.tile(rng.normal(0, 0.02, (1, 20, 3)), (frames, 1, 1))
    places[:, 2, 1] += 1
    height = np.linspace(-1, 1, frames)
    places[:, 12, 1] += height if raised else -height
    return places


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Files of five people, two movements, some twice as fast."""
    place, rng = tmp_path_factory.mktemp("skeletons"), np.random.default_rng(0)
    for number in range(40):
        action, subject, trial = number % 2 + 1, number // 2 % 5 + 1, number // 10 + 1
        lines = body(action == 1, int(rng.integers(6, 30)), rng).reshape(-1, 3)
        text = "\n".join("{:.4f} {:.4f} {:.4f} 1".format(*one) for one in lines)
        name = f"a{action:02}_s{subject:02}_e{trial:02}_skeleton3D.txt"
        (place / name).write_text(text)
    return place


@pytest.fixture(scope="module")
def trained(folder):
    return train(str(folder), epochs=4, **SMALL)


def test_skeletons_from_files_to_files(trained, folder, tmp_path):
    assert trained.card.split == "subjects of even numbers test; of the odd ones 5 validation"
    table = recipes.evaluate(trained)
    methods = [
        "bidirectional lstm, mean pooling",
        "most frequent class",
        "nearest neighbour, 20 frames",
        "logistic regression, summaries of the joints",
    ]
    assert table.method.tolist() == methods * 2
    assert table.query("part == 'test'").accuracy.iloc[[0, 2]].min() > 0.9
    trained.save(tmp_path / "action", optimizer=False)
    one = folder / "a01_s02_e01_skeleton3D.txt"
    found = recipes.predict(load(tmp_path / "action"), [str(one)])
    assert found.label.tolist() == ["high arm wave"] and found.source.tolist() == [one.name]
    assert len(recipes.predict(trained, str(folder))) == 40
    whole = recipes.evaluate(trained, [str(folder)], baselines=False)
    assert whole.part.tolist() == ["whole"] and whole.examples.tolist() == [40]


def test_a_shell_reads_skeletons_and_names_a_broken_file(trained, folder, tmp_path):
    trained.save(tmp_path / "action", optimizer=False)
    shell = functools.partial(CliRunner().invoke, cli.app)
    one = str(folder / "a02_s02_e01_skeleton3D.txt")
    found = shell(["predict", str(tmp_path / "action"), one])
    assert found.exit_code == 0 and found.output.startswith("horizontal arm wave")
    for name, content, said in (
        ("empty.txt", "0 0 0 0\n" * 40, "empty.txt holds no body"),
        ("broken.txt", "0 0 1 0\n" * 39, "broken.txt must have 20 lines a frame"),
    ):
        (tmp_path / name).write_text(content)
        found = shell(["predict", str(tmp_path / "action"), str(tmp_path / name)])
        assert found.exit_code and said in found.output and "Traceback" not in found.output


def film(right: bool, rng):
    """A column that moves right or left: the frames are the same ones, in another order."""
    frames = rng.integers(0, 20, (5, 4, 8, 1))
    for i, frame in enumerate(frames if right else frames[::-1]):
        frame[:, i + 1 : i + 3] = 220
    return frames.astype("uint8")


@pytest.fixture(scope="module")
def films():
    rng = np.random.default_rng(0)
    made = [film(bool(n % 2), rng) for n in range(60)]
    return data.labelled_frames(made, ["right" if n % 2 else "left" for n in range(60)])


@pytest.fixture(scope="module")
def watching(films):
    return train(films, epochs=6, embedding=8, **SMALL)


def test_what_moves_needs_recurrence(watching, films):
    table = recipes.evaluate(watching, films).query("part == 'test'").set_index("method").accuracy
    assert table["lstm, averaged predictions"] > 0.85 > table["average of single frames"]


def test_frames_from_arrays_to_files(watching, films, tmp_path):
    np.save(tmp_path / "film.npy", films.test.inputs[0])
    watching.save(tmp_path / "moving", optimizer=False)
    again = load(tmp_path / "moving")
    found = recipes.predict(again, [str(tmp_path / "film.npy")])
    assert found.label.tolist() == [films.classes[films.test.targets[0]]]
    long = recipes.predict(again, [np.repeat(films.test.inputs[0], 40, axis=0)])  # 200 frames
    assert np.isfinite(long.probability).all()
    np.save(tmp_path / "film.npy", films.test.inputs[0][..., [0, 0, 0]])
    with pytest.raises(ValueError, match=r"film\.npy must have frames of shape \(4, 8, 1\)"):
        recipes.predict(again, [str(tmp_path / "film.npy")])


def test_options_of_frames(films):
    with pytest.raises(ValueError, match="unknown pooling of frames 'max,mean'; accepted"):
        train(films, pooling=("max", "mean"), **SMALL)
    with pytest.raises(ValueError, match="unknown cell 'none'"):
        train(
            ([np.full((5, 20, 3), n) for n in range(1, 13)], list("ab") * 6),
            cell="none",
            kind="skeletons",
            **SMALL,
        )
    with pytest.raises(ValueError, match="vocabulary_size=9 is an option of texts"):
        train(films, vocabulary_size=9, **SMALL)


def test_what_is_said_as_a_movement_goes_on(trained, folder):
    rng = np.random.default_rng(1)
    found = recipes.classify.over_time(trained, body(True, 24, rng), moments=6)
    assert found.frames.tolist() == [1, 6, 10, 15, 19, 24]
    assert found.label.iloc[-1] == "high arm wave"
    np.testing.assert_allclose(found.filter(like="P(").sum(axis=1), 1, rtol=1e-4)
