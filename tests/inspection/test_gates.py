"""Gates are those of the formula, and every cell's can be read."""

import keras
import numpy as np
import pytest

import keraseq

X = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def built(name, **options):
    cell = keraseq.cells.get(name, units=5, **options)
    cell.build((None, 3))
    rng = np.random.default_rng(1)
    for weight in cell.weights:
        weight.assign(rng.normal(size=weight.shape))
    return cell


def table(cell, name):
    frame = keraseq.inspection.activations(cell, X)
    return frame[frame["name"] == name].pivot(index="step", columns="unit", values="value").values


def blocks(cell):
    return [keras.ops.convert_to_numpy(w) for w in (cell.kernel, cell.recurrent_kernel, cell.bias)]


def test_gru_gates_are_the_formula():
    cell = built("gru")
    w, u, b = blocks(cell)
    h = np.zeros(5)
    update, state = table(cell, "update gate z"), table(cell, "state h")
    for t in range(4):
        a = X[t] @ w + b
        z, r = sigmoid(a[:5] + h @ u[:, :5]), sigmoid(a[5:10] + h @ u[:, 5:10])
        h = z * h + (1 - z) * np.tanh(a[10:] + (r * h) @ u[:, 10:])
        np.testing.assert_allclose(update[t], z, atol=1e-5)
        np.testing.assert_allclose(state[t], h, atol=1e-5)


def test_lstm_gates_are_the_formula():
    cell = built("lstm")
    w, u, b = blocks(cell)
    h = c = np.zeros(5)
    forget, memory = table(cell, "forget gate f"), table(cell, "cell state c")
    for t in range(4):
        i, f, g, o = np.split(X[t] @ w + h @ u + b, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        np.testing.assert_allclose(forget[t], sigmoid(f), atol=1e-5)
        np.testing.assert_allclose(memory[t], c, atol=1e-5)


def test_mut1_gates_are_the_formula():
    cell = built("mut1")  # widths differ: P is learned, the third block of the kernel
    w, u, b = blocks(cell)
    h = np.zeros(5)
    update, reset = table(cell, "update gate z"), table(cell, "reset gate r")
    candidate, state = table(cell, "candidate g"), table(cell, "state h")
    for t in range(4):
        a = X[t] @ w
        z, r = sigmoid(a[:5] + b[:5]), sigmoid(a[5:10] + h @ u[:, :5] + b[5:10])
        g = np.tanh((r * h) @ u[:, 5:] + np.tanh(a[10:]) + b[10:])
        h = g * z + h * (1 - z)
        for found, value in ((update, z), (reset, r), (candidate, g), (state, h)):
            np.testing.assert_allclose(found[t], value, atol=1e-5)


@pytest.mark.parametrize("name", keraseq.cells.names())
def test_every_cell_can_be_read(name):
    cell = built(name)
    frame = keraseq.inspection.activations(cell, X)
    assert list(frame.columns) == ["step", "unit", "name", "value"]
    assert np.isfinite(frame["value"]).all()
    gated = [one for one in frame["name"].unique() if " gate " in one and "before" not in one]
    if name == "lru":  # its blocks are no gates, and its output no state
        assert not gated and {"real", "imaginary"} < set(frame["name"])
        return
    assert bool(gated) == any(gate != "hidden" for gate in cell.gates)
    for one in gated:
        assert frame.loc[frame["name"] == one, "value"].between(0, 1).all()
    outputs = keraseq.layers.RNN(cell, return_sequences=True)(X[None])
    np.testing.assert_allclose(
        table(cell, "state h"), keras.ops.convert_to_numpy(outputs)[0], atol=1e-5
    )


@pytest.mark.parametrize("units", [1, 5])
def test_a_removed_gate_is_not_shown(units):
    cell = keraseq.cells.get("lstm", units=units, forget_gate=False)
    cell.build((None, 3))
    names = keraseq.inspection.activations(cell, X)["name"].unique()
    assert "forget gate f" not in names and "input gate i" in names


def test_padding_is_left_out():
    model = keraseq.models.sequence_classifier(2, vocabulary=9, units=4, cell="gru")
    whole = keraseq.inspection.activations(model, np.array([3, 1, 8]))
    padded = keraseq.inspection.activations(model, np.array([0, 0, 3, 1, 8]))
    assert list(padded["step"].unique()) == [3, 4, 5]
    np.testing.assert_allclose(padded["value"], whole["value"], atol=1e-6)


@pytest.mark.parametrize("wrapped", [False, True])
def test_cells_in_layers_of_keras(wrapped):
    layer = keras.layers.RNN(keraseq.cells.MGUCell(4))
    layer = keras.layers.Bidirectional(layer) if wrapped else layer
    inputs = keras.Input((4, 3))
    model = keras.Model(inputs, layer(inputs))
    assert len(keraseq.inspection.activations(model, X)) == 4 * 4 * 3


def test_of_a_model_the_first_recurrent_layer():
    model = keraseq.models.sequence_classifier(
        2, vocabulary=9, units=[4, 3], cell="mgu", bidirectional=True
    )
    frame = keraseq.inspection.activations(model, np.array([3, 1, 8]))
    assert set(frame["unit"]) == set(range(4)) and set(frame["step"]) == {1, 2, 3}


def test_what_cannot_be_read_says_so():
    with pytest.raises(ValueError, match="must be built"):
        keraseq.inspection.activations(keraseq.cells.get("gru", units=2), X)
    for wrong in (X[0], X[None], X[:0], X[:, :2]):
        with pytest.raises(ValueError, match=r"shape \(time >= 1, 3\); received"):
            keraseq.inspection.activations(built("gru"), wrong)
    with pytest.raises(ValueError, match="no recurrent layer"):
        keraseq.inspection.activations(keras.Sequential([keras.Input((3,))]), X)


@pytest.mark.parametrize("name", keraseq.cells.names())
def test_equation_and_code_stand_side_by_side(name):
    equation = keraseq.inspection.equation(name)
    assert "h_t" in equation and "Args" not in equation
    assert keraseq.inspection.step_source(name).startswith("def step(self, projected, states):")
    said = keraseq.inspection.Equations(name)
    assert equation in str(said)
    page = said._repr_markdown_()
    assert page.count("| $=") == sum(" = " in line for line in equation.splitlines())
    assert keraseq.inspection.step_source(name) in page and "_{t-1}" in page


KEEPS, TAKES, LETS_IN = "near 1 the old", "near 1 the candidate takes", "near 1 the candidate comes"
PURPOSES = {  # of the gates, as the papers tell them
    "lstm": {"i": LETS_IN, "f": KEEPS, "o": "near 1 the cell state is shown"},
    "slstm": {"i": LETS_IN, "f": KEEPS, "o": "near 1 the cell state is shown"},
    "gru": {"z": KEEPS, "r": "near 0 the candidate does not see"},
    "mut1": {"z": TAKES, "r": "near 0 the candidate does not see"},
    "mgu": {"f": TAKES},
    "ugrnn": {"u": KEEPS},
    "ligru": {"z": KEEPS},
    "janet": {"f": KEEPS, "i": LETS_IN},
    "rhn": {"z": TAKES},
    "minimal-rnn": {"u": KEEPS},
    "min-gru": {"z": TAKES},
    "min-lstm": {"f": KEEPS, "i": LETS_IN},
    **{name: {} for name in ("elman", "indrnn", "lru")},
}


@pytest.mark.parametrize("name", PURPOSES)
def test_what_a_gate_is_for_follows_from_the_equation(name):
    said = keraseq.inspection.purposes(name)
    assert said.keys() == PURPOSES[name].keys()
    for symbol, purpose in PURPOSES[name].items():
        assert f"gate: {purpose}" in said[symbol]
