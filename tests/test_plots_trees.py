import matplotlib
import pandas as pd
import pytest

from keraseq import plots

matplotlib.use("agg")
# ((not bad) film)
FRAME = pd.DataFrame(
    {
        "text": ["not", "bad", "not bad", "film", "not bad film"],
        "start": [0, 1, 0, 2, 0],
        "end": [1, 2, 2, 3, 3],
        "parent": [2, 2, 4, 4, -1],
        "truth": [2, 0, 3, 2, 3],
        "label": [2, 0, 1, 2, 4],
    }
)


@pytest.fixture(autouse=True)
def closed():
    yield
    matplotlib.pyplot.close("all")


def test_nodes_stand_above_their_words():
    ax = plots.tree(FRAME)
    words, signs = ax.texts[:3], ax.texts[3:]
    assert [one.get_text() for one in words] == ["not", "bad", "film"]
    assert [one.get_text() for one in signs] == ["0", "--", "-", "0", "++"]
    assert [one.get_position() for one in signs] == [(0, 0), (1, 0), (0.5, 1), (2, 0), (1.25, 2)]
    assert len(ax.lines) == 4
    edges = [one.get_bbox_patch().get_edgecolor()[0] for one in signs]
    assert [edge > 0.8 for edge in edges] == [False, False, True, False, True]  # where it errs


def test_what_is_known_to_be_right():
    ax = plots.tree(FRAME, "truth")
    assert [one.get_text() for one in ax.texts[3:]] == ["0", "--", "+", "0", "+"]
    assert plots.tree(FRAME.drop(columns="truth")).texts
    with pytest.raises(ValueError, match="no column 'named'; it has text, start"):
        plots.tree(FRAME, "named")
