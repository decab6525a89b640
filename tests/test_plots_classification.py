import matplotlib
import numpy as np
import pandas as pd
import pytest

from keraseq import evaluate, plots

matplotlib.use("agg")


@pytest.fixture(autouse=True)
def closed():
    yield
    matplotlib.pyplot.close("all")


def test_a_confusion_matrix_counts():
    truth = ["neg"] * 4 + ["pos"] * 5
    label = ["neg"] * 3 + ["pos"] + ["pos"] * 3 + ["neg"] * 2
    ax = plots.confusion_matrix(truth, label)
    texts = [text.get_text() for text in ax.texts]
    assert texts == ["3\n75.0%", "1\n25.0%", "2\n40.0%", "3\n60.0%"]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["neg", "pos"]
    np.testing.assert_allclose(ax.images[0].get_array(), [[0.75, 0.25], [0.4, 0.6]])
    with pytest.raises(ValueError, match="one for each example; received 9 and 1"):
        plots.confusion_matrix(truth, ["neg"])


def test_a_class_that_is_never_named_keeps_its_place():
    ax = plots.confusion_matrix(["a", "b", "c"], ["a", "a", "a"])
    assert ax.images[0].get_array().shape == (3, 3)


def test_calibration_is_drawn_against_the_diagonal():
    rng = np.random.default_rng(0)
    chances = rng.dirichlet([1, 1], 500)
    curve = evaluate.calibration_curve(chances, rng.integers(0, 2, 500), bins=5)
    ax = plots.calibration(curve, name="before")
    plots.calibration(curve, name="after", ax=ax)
    assert len(ax.lines) == 3 and len(ax.collections) == 2
    assert ax.lines[0].get_xdata().tolist() == [0, 1]
    np.testing.assert_allclose(ax.lines[1].get_ydata(), curve.accuracy)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["before", "after"]
    low, high = ax.get_xlim()
    assert low < curve.accuracy.min() and high > 1


def test_accuracy_by_length():
    frame = pd.DataFrame({"length": [50.0, 400.0], "accuracy": [0.9, 0.8], "count": [100, 400]})
    ax = plots.accuracy_by_length(frame)
    segments = ax.collections[0].get_segments()
    np.testing.assert_allclose([s[:, 1] for s in segments], [[0.87, 0.93], [0.78, 0.82]])
    assert "words" in ax.get_xlabel()


def test_many_classes_are_counted_without_zeros():
    names = [f"class {n}" for n in range(9)]
    ax = plots.confusion_matrix(names, [*names[:8], names[0]])
    assert sorted(text.get_text() for text in ax.texts) == [""] * 72 + ["1"] * 9
    assert ax.get_xticklabels()[0].get_rotation() == 90


@pytest.mark.parametrize("shape", [(30, 20, 3), (3, 6, 6, 1)])
def test_a_movement_stands_above_what_is_said_of_it(shape):
    chances = {"P(wave)": [0.2, 0.9], "P(kick)": [0.5, 0.1], "P(bow)": [0.3, 0], "P(sit)": [0, 0]}
    frame = pd.DataFrame({"frames": [1, shape[0]], "label": ["kick", "wave"], **chances})
    ax = plots.motion(np.random.default_rng(0).random(shape), frame, pictures=4)
    assert [line.get_label() for line in ax.lines] == ["wave", "kick", "bow"]
    pictures = ax.child_axes
    assert len(pictures) == min(4, shape[0])
    assert pictures[-1].get_title() == str(shape[0])  # the last frame
    assert len(pictures[0].lines) == (19 if len(shape) == 3 else 0)
