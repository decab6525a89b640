"""Units are read as the model runs, features as the text says, and what tracks is found."""

import io
import pydoc
import tokenize
from pathlib import Path

import keras
import matplotlib
import numpy as np
import pandas as pd
import pytest
from keras import ops

import keraseq
from keraseq.inspection import units
from keraseq.inspection.features import strings_and_comments

matplotlib.use("agg")
TOKENS = np.random.default_rng(0).integers(0, 7, 40)


def language_model(**options):
    model = keraseq.models.language_model(7, **{"units": 5, **options})
    rng = np.random.default_rng(1)
    for weight in model.trainable_weights:
        weight.assign(rng.normal(size=weight.shape))
    return model


# Activations.


@pytest.mark.parametrize("cell", ["lstm", "mut1", "rhn"])
def test_hidden_states_are_the_outputs_of_the_layer(cell):
    model = language_model(cell=cell, units=[6, 5], residual=False)
    outputs = keras.Model(model.input, model.get_layer("recurrent").output)
    expected = ops.convert_to_numpy(outputs(TOKENS[None]))[0]
    np.testing.assert_allclose(units.unit_activations(model, TOKENS), expected, atol=1e-5)
    assert units.unit_activations(model, TOKENS, layer=0).shape == (40, 6)


def test_every_state_of_every_layer():
    model = language_model(cell="lstm", layers=2, residual=True)
    bottom = keraseq.inspection.activations(model, TOKENS)
    for state, name in (("hidden", "state h"), ("cell", "cell state c")):
        found = units.unit_activations(model, TOKENS, layer=0, state=state)
        rows = bottom[bottom["name"] == name].pivot(index="step", columns="unit", values="value")
        np.testing.assert_allclose(found, rows.values, atol=1e-5)
        np.testing.assert_array_equal(
            found, units.unit_activations(model, TOKENS, layer=-2, state=state)
        )


def test_longer_than_what_is_read_at_once(monkeypatch):
    model = language_model(cell="gru")
    whole = units.unit_activations(model, TOKENS)
    monkeypatch.setattr(units, "CHUNK", 16)
    np.testing.assert_allclose(units.unit_activations(model, TOKENS), whole, atol=1e-6)


def test_layers_of_keras_and_weights_of_now(tmp_path):
    model = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            keras.layers.Embedding(7, 5),
            keras.layers.LSTM(4, return_sequences=True),
            keras.layers.Dense(7),
        ]
    )
    for _ in range(2):
        outputs = keras.Model(model.inputs[0], model.layers[1].output)
        expected = ops.convert_to_numpy(outputs(TOKENS[None]))[0]
        np.testing.assert_allclose(units.unit_activations(model, TOKENS), expected, atol=1e-5)
        for weight in model.trainable_weights:
            weight.assign(0.5 - weight)
    assert units.unit_activations(model, TOKENS, state="cell").shape == (40, 4)
    model.save(tmp_path / "model.keras")  # what was watched is saved as if it had not been
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        units.unit_activations(loaded, TOKENS), units.unit_activations(model, TOKENS), atol=1e-6
    )


def test_what_cannot_be_read_says_so():
    model = language_model(cell="gru")
    for options, message in (
        ({"layer": 1}, "layer must be an integer from -1 to 0; received layer=1"),
        ({"state": "cell"}, "unknown state 'cell'; accepted: 'hidden'"),
        ({"tokens": []}, r"tokens must be integers of shape \(n >= 1,\)"),
        ({"tokens": [0.5]}, r"tokens must be integers of shape \(n >= 1,\)"),
        ({"tokens": [3, 7]}, "token ids go from 0 to 6; received 7"),
    ):
        with pytest.raises(ValueError, match=message):
            units.unit_activations(model, **{"tokens": TOKENS, **options})
    with pytest.raises(ValueError, match="must be a functional or sequential"):
        units.unit_activations("model", TOKENS)


# The search.


def test_auc_counts_pairs():
    rng = np.random.default_rng(0)
    values, truth = rng.integers(0, 5, (30, 3)).astype(float), rng.random(30) < 0.4
    for i, found in enumerate(units.auc(units.ranks(values), truth)):
        pairs = np.subtract.outer(values[truth, i], values[~truth, i])
        assert found == pytest.approx(((pairs > 0) + (pairs == 0) / 2).mean())


def test_correlation_is_spearmans():
    from scipy.stats import spearmanr

    rng = np.random.default_rng(0)
    values, feature = rng.normal(size=(50, 2)), rng.integers(0, 6, 50)
    values[:, 1] += feature
    found = units.correlation(units.ranks(np.column_stack([values, np.ones(50)])), feature)
    expected = [spearmanr(column, feature).statistic for column in values.T]
    np.testing.assert_allclose(found, [*expected, 0])


def test_the_unit_that_tracks_is_found_and_held_to_account():
    rng = np.random.default_rng(0)
    n = 2000
    quotes, place = rng.random(n) < 0.3, rng.integers(0, 80, n)
    activations = rng.normal(size=(n, 20))
    activations[:, 4] -= 3 * quotes
    activations[:, 11] = np.tanh(place / 40)
    lucky = np.arange(n) < n // 2
    activations[:, 7] = np.where(lucky, 0.02 * place + 5 * quotes, rng.normal(size=n))
    activations[:, 9] += np.where(lucky, 2, -2) * quotes
    frame = pd.DataFrame({"quotes": quotes, "place": place, "constant": 1})
    found = keraseq.inspection.find_units(activations, frame)
    assert list(found["feature"].unique()) == ["quotes", "place"] and len(found) == 40
    best = found[found["feature"] == "quotes"].set_index("unit")
    assert best.index[0] == 7 and best.index[1] == 4  # in the searched part
    assert best.loc[7, "held_out"] == pytest.approx(0.5, abs=0.05)  # which means little
    assert best.loc[4, "search"] > 0.95
    assert best.loc[4, "held_out"] == pytest.approx(best.loc[4, "search"], abs=0.03)
    assert best.loc[4, "direction"] == -1
    assert best.loc[9, "search"] > 0.9 and best.loc[9, "held_out"] < 0.1  # it turned round
    assert (best["search"] >= 0.5).all() and best["search"].is_monotonic_decreasing
    top = found[found["feature"] == "place"].iloc[0]
    assert (top["unit"], top["measure"], top["direction"]) == (11, "correlation", 1)
    assert top["held_out"] == pytest.approx(1.0)


def test_a_search_needs_two_parts():
    frame = pd.DataFrame({"x": [True, False, True]})
    with pytest.raises(ValueError, match=r"activations must be \(n, units\) with n=3"):
        keraseq.inspection.find_units(np.zeros((2, 4)), frame)
    with pytest.raises(ValueError, match="search=1 of 3 tokens leaves a part empty"):
        keraseq.inspection.find_units(np.zeros((3, 4)), frame, search=1)
    same = pd.DataFrame({"x": [True, True, True]})  # says nothing about any unit
    assert keraseq.inspection.find_units(np.zeros((3, 4)), same).empty


# Features.


def marks(found):
    return "".join("x" if one else "." for one in found)


def test_features_of_prose():
    text = 'a "bc" d\n“e” f "g\n\nh'
    frame = keraseq.inspection.text_features(text)
    # A closing quote is outside; what is open ends with the second of two line breaks.
    assert marks(frame["inside quotes"]) == "..xxx...." + "xx...." + "xxx" + ".."
    assert frame["line position"].tolist() == [*range(1, 9), *range(9), 0, 0, 1]


def test_features_of_python():
    text = "if x:\n    y = f(  # (no\n        '[#', [1])\n"
    frame = keraseq.inspection.text_features(text, "python")
    assert marks(frame["inside string"]) == "".join(
        "x" if i in range(text.index("'"), text.index("', ")) else "." for i in range(len(text))
    )
    assert marks(frame["inside comment"]) == "".join(
        "x" if i in range(text.index("#"), text.index("no") + 2) else "." for i in range(len(text))
    )
    assert frame["indentation"].tolist() == (
        [0] * 6 + [1, 2, 3, 4] + [4] * 13 + [0] + [*range(1, 9)] + [8] * 10 + [0]
    )
    depth = dict(zip(text, frame["bracket depth"], strict=True))  # after its last occurrence
    assert depth["1"] == 2 and depth["]"] == 1 and depth[")"] == 0
    with pytest.raises(ValueError, match=r"unknown language 'pyton'.*mean 'python'"):
        keraseq.inspection.text_features(text, "pyton")


def test_strings_and_comments_as_python_sees_them():
    """On a module of the standard library, against Python's own tokenizer."""
    source = Path(pydoc.__file__).read_text(encoding="utf-8")
    expected = {kind: np.zeros(len(source), bool) for kind in (tokenize.STRING, tokenize.COMMENT)}
    starts = np.cumsum([0, *(len(line) for line in source.splitlines(keepends=True))])
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in expected:
            start, end = (starts[row - 1] + column for row, column in (token.start, token.end))
            prefix = len(token.string) - len(token.string.lstrip("rbfuRBFU"))
            closing = token.type == tokenize.STRING
            expected[token.type][start + prefix * closing : end - closing] = True
    strings, comments = strings_and_comments(source)
    np.testing.assert_array_equal(strings, expected[tokenize.STRING])
    np.testing.assert_array_equal(comments, expected[tokenize.COMMENT])
    assert strings.sum() > 1000 and comments.sum() > 1000


@pytest.mark.parametrize("language", ["prose", "python"])
def test_features_of_no_text(language):
    assert len(keraseq.inspection.text_features("", language)) == 0


# Colours.


def test_html_shows_the_text_and_its_colours():
    text = keraseq.inspection.ColouredText("a<b\n", [1.0, 1.0, -1.0, 0.0])
    page = text.html(title="unit 3 & co")
    assert "<figcaption>unit 3 &amp; co</figcaption>" in page and "a&lt;</span>" in page
    green, also, brown, white = text.colours()
    assert green == also and len({green, brown, white}) == 3
    assert page.count("<span") == 3 and f'"background:{brown}">b<' in page
    red, _, blue = (int(white[i : i + 2], 16) for i in (1, 3, 5))
    assert min(red, blue) > 0xF0
    assert text._repr_html_() == text.html()
    assert keraseq.inspection.ColouredText("ab", [0.5, 0.1], limit=0.5).colours()[0] == green
    assert keraseq.inspection.ColouredText(["the ", "cat"], [0, 1]).html().count("<span") == 2


def test_colours_of_what_is_no_number():
    for values, options, message in (
        ([1.0], {}, "values must be a number for each of the 2 characters"),
        ([1.0, np.nan], {}, "values must be finite numbers"),
        ([1.0, 2.0], {"limit": 0}, "limit must be a number above 0; received limit=0"),
    ):
        with pytest.raises(ValueError, match=message):
            keraseq.inspection.ColouredText("ab", values, **options)
    assert "pre" in keraseq.inspection.ColouredText("", []).html()


def test_words_of_a_text_are_not_torn():
    ax = keraseq.plots.coloured_text("to be or not", np.zeros(12), width=6)
    rows = {}
    for text in ax.texts:
        rows.setdefault(round(text.get_position()[1]), []).append(text.get_text())
    assert ["".join(row) for row in rows.values()] == ["to be ", "or not"]
    matplotlib.pyplot.close("all")


def test_the_figure_shows_each_character_where_it_stands():
    ax = keraseq.plots.coloured_text("abcd\ne$", [0, 1, -2, 0.5, 0, 0.1, 0.2], width=3)
    shown = {text.get_text(): text.get_position() for text in ax.texts}
    assert shown == {
        "a": (0, 0), "b": (1, 0), "c": (2, 0), "d": (0, 1), "↵": (1, 1), "e": (0, 2), "$": (1, 2)
    }  # fmt: skip
    [image] = ax.images
    np.testing.assert_array_equal(
        image.get_array().filled(9), [[0, 1, -2], [0.5, 0, 9], [0.1, 0.2, 9]]
    )
    assert image.norm.vmin == -image.norm.vmax
    ax.figure.canvas.draw()
    with pytest.raises(ValueError, match="values must be a number for each"):
        keraseq.plots.coloured_text("ab", [1.0])
    with pytest.raises(ValueError, match="width must be a positive integer"):
        keraseq.plots.coloured_text("ab", [1.0, 2.0], width=0)
    matplotlib.pyplot.close("all")


def test_a_token_stays_on_one_line_where_it_fits():
    words = ["after ", "an ", "hour ", "unbearable"]
    ax = keraseq.plots.coloured_text(words, [1, 0, -1, 2], width=9)
    rows = {}
    for text in ax.texts:
        rows.setdefault(round(text.get_position()[1]), []).append(text.get_text())
    lines = ["".join(rows[row]) for row in sorted(rows)]
    assert lines == ["after an ", "hour unbe", "arable"]  # the last has no line to fit on
    matplotlib.pyplot.close("all")
