import matplotlib
import numpy as np
import pandas as pd
import pytest

from keraseq import plots

matplotlib.use("agg")


@pytest.fixture(autouse=True)
def closed():
    yield
    matplotlib.pyplot.close("all")


@pytest.fixture
def curves():
    rows = [
        {"cell": cell, "seed": seed, "step": step, "validation": 3 + rank + seed / 10 - step / 100}
        for rank, cell in enumerate(["lstm", "gru"])
        for seed in (1, 2)
        for step in range(0, 101, 10)
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def finals():
    return pd.DataFrame(
        {
            "cell": ["lstm", "lstm", "gru", "gru"],
            "test": [2.0, 2.2, 1.9, 1.96],
            "train_seconds": [10.0, 12.0, 8.0, 9.0],
        }
    )


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_learning_curves_show_mean_band_and_baseline(curves):
    ax = plots.learning_curves(curves, label="bits", baseline=("5-gram", 2.5))
    assert legend(ax) == ["lstm", "gru", "5-gram"]
    assert len(ax.collections) == 2  # a band each
    mean = curves[curves["cell"] == "lstm"].groupby("step")["validation"].mean()
    drawn = next(line for line in ax.lines if line.get_label() == "lstm")
    np.testing.assert_allclose(drawn.get_ydata(), mean)
    low, high = ax.get_ylim()
    assert low < 2.5 < high
    assert ax.get_xlabel() == "training steps" and "bits" in ax.get_ylabel()


def test_learning_curves_leave_missing_values_out(curves):
    curves.loc[curves["step"] == 50, "validation"] = np.nan
    ax = plots.learning_curves(curves)
    drawn = next(line for line in ax.lines if line.get_label() == "gru")
    assert 50 not in drawn.get_xdata()


def test_final_metric_shows_every_row_and_points_to_what_is_outside(finals):
    ax = plots.final_metric(
        finals, label="bits", baselines={"5-gram": 2.1, "letters": 4.7}, direction="min"
    )
    assert [tick.get_text() for tick in ax.get_yticklabels()] == [
        "lstm",
        "gru",
        "5-gram",
        "letters",
    ]
    assert ax.get_xlim()[1] < 4.7
    texts = [text.get_text() for text in ax.texts]
    assert texts == ["2.100", "1.930", "2.100", "4.700"]
    assert any(list(line.get_xdata()) == [2.1, 2.1] for line in ax.lines)  # the best baseline
    assert "lower is better" in ax.get_xlabel()


def test_one_seed_and_no_baseline(finals):
    one = finals.iloc[[0, 2]]
    ax = plots.final_metric(one, direction="max")
    assert [text.get_text() for text in ax.texts] == ["2.000", "1.900"]
    assert "higher is better" in ax.get_xlabel()
    assert legend(plots.quality_against_time(one)) == ["lstm", "gru"]


def test_quality_against_time(finals):
    ax = plots.quality_against_time(finals, label="bits", baseline=("5-gram", 2.1))
    assert legend(ax) == ["lstm", "gru", "5-gram"]
    large = [line for line in ax.lines if line.get_label() == "lstm"]
    assert list(large[0].get_xdata()) == [11.0]
    assert "seconds" in ax.get_xlabel()


def test_figures_draw_where_they_are_told(curves, finals):
    _, panels = matplotlib.pyplot.subplots(1, 3)
    assert plots.learning_curves(curves, ax=panels[0]) is panels[0]
    assert plots.final_metric(finals, ax=panels[1]) is panels[1]
    assert plots.quality_against_time(finals, ax=panels[2]) is panels[2]


def test_a_cell_looks_the_same_in_every_figure(curves, finals):
    style = plots.styles(["elman", "lstm", "gru"])
    for ax in (
        plots.learning_curves(curves, style=style),
        plots.quality_against_time(finals, style=style),
    ):
        for line in ax.lines:
            if line.get_label() in style:
                assert line.get_color() == style[line.get_label()]["color"]
                assert line.get_marker() == style[line.get_label()]["marker"]


def test_styles_tell_all_names_apart():
    names = [f"cell {i}" for i in range(20)]
    looks = [tuple(sorted(look.items())) for look in plots.styles(names).values()]
    assert len(set(looks)) == 20


def test_members_of_a_family_have_shades_of_a_colour_and_their_own_markers():
    names = ["elman", "lstm", "gru", *(f"lstm {i}" for i in range(4))]
    style = plots.styles(names, {name: name[:3] for name in names})
    hues = {
        name: matplotlib.colors.rgb_to_hsv(matplotlib.colors.to_rgb(look["color"]))[0]
        for name, look in style.items()
    }
    assert [name for name in names if abs(hues[name] - hues["lstm"]) > 0.02] == ["elman", "gru"]
    for what in ("color", "marker"):
        assert len({style[name][what] for name in names if name.startswith("lstm")}) == 5
    assert style["lstm"]["linestyle"] != style["lstm 0"]["linestyle"]


def test_history_has_a_panel_for_each_metric():
    recorded = {
        "loss": [3, 2],
        "val_loss": [3, 2.5],
        "accuracy": [0.1, 0.2],
        "learning_rate": [1, 1],
    }
    panels = plots.history(recorded)
    assert [panel.get_ylabel() for panel in panels] == ["loss", "accuracy"]
    assert legend(panels[0]) == ["training", "validation"]
    assert legend(panels[1]) == ["training"]
    assert list(panels[0].lines[0].get_xdata()) == [1, 2]
    with pytest.raises(ValueError, match="unknown metric 'f1'; recorded: loss, accuracy"):
        plots.history(recorded, metrics=["f1"])
    with pytest.raises(ValueError, match="the history is empty"):
        plots.history({})
