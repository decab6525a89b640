"""Gradients through time: against the unrolled network, by hand, and against known products."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

import keraseq
from keraseq import autodiff, models
from keraseq.inspection import gradient_norms, jacobians, propagation
from keraseq.inspection.explain import recurrent_layers
from keraseq.inspection.graded import grown, singular_values
from keraseq.inspection.gradients import gradients_by_step
from keraseq.layers import RNN

MASK = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [0, 1, 0, 1]], bool)
X = np.random.default_rng(1).normal(size=(3, 4, 2))


@pytest.fixture(autouse=True)
def plain_loop(monkeypatch):
    monkeypatch.setenv("KERASEQ_LOOP", "plain")


def randomised(layer, scale=0.6):
    rng = np.random.default_rng(5)
    for weight in layer.weights:
        weight.assign(rng.normal(size=weight.shape) * scale)
    return layer


def layer_of(cell, units=3, dtype="float64", features=2, **flags):
    cell = keraseq.cells.get(cell, units, dtype=dtype)
    layer = RNN(cell, return_sequences=True, dtype=dtype, **flags)
    layer.build((None, None, features))
    return randomised(layer)


def of_the_unrolled(layer, x, mask):
    """d s_T / d s_0 of the whole layer, from the backend."""
    whole = RNN(layer.cell, return_state=True, dtype="float64", go_backwards=layer.go_backwards)
    sizes = layer.state_sizes
    states = layer.cell.get_initial_state(len(x))
    start = np.concatenate([ops.convert_to_numpy(one) for one in states], axis=-1)

    def last(rows, place):
        given = [rows[:, i : i + sizes[0]] for i in range(0, sum(sizes), sizes[0])]
        valid = None if mask is None else ops.convert_to_tensor(mask[place])
        _, *after = whole(ops.convert_to_tensor(x[place]), initial_state=given, mask=valid)
        return ops.concatenate(after, axis=-1)

    return autodiff.jacobians(last, start)


@pytest.mark.parametrize("name", keraseq.cells.names())
def test_the_product_of_the_steps_is_the_jacobian_of_the_network(name, float64):
    layer = layer_of(name)
    for mask in (None, MASK):
        product = np.eye(sum(layer.state_sizes))
        for J in jacobians(layer, X, mask=mask).swapaxes(0, 1):
            product = J @ product
        truth = of_the_unrolled(layer, X, mask)
        np.testing.assert_allclose(product, truth, atol=1e-13 * max(1, np.abs(truth).max()))
    values = np.linalg.svd(truth, compute_uv=False)
    frame = propagation(layer, X, mask=MASK)
    last = frame[frame.step == 4].pivot(index="row", columns="rank", values="log10").to_numpy()
    exact = values > 1e-7 * values[:, :1]
    np.testing.assert_allclose(10 ** last[exact], values[exact], rtol=1e-8)
    assert (frame["log10"] <= frame["bound"] + 1e-9).all()


def test_backwards_and_one_state(float64):
    layer = layer_of("lstm", go_backwards=True)
    whole = of_the_unrolled(layer, X, MASK)
    frame = propagation(layer, X, state="cell", mask=MASK)
    last = frame[frame.step == 4].pivot(index="row", columns="rank", values="log10").to_numpy()
    values = np.linalg.svd(whole[:, 3:, 3:], compute_uv=False)
    np.testing.assert_allclose(10**last, values, rtol=1e-8)
    blocks = jacobians(layer, X, state="cell", mask=MASK)
    np.testing.assert_array_equal(blocks, jacobians(layer, X, mask=MASK)[:, :, 3:, 3:])
    np.testing.assert_array_equal(blocks[1, :2], np.eye(3)[None].repeat(2, 0))  # its end is masked


def test_singular_values_hundreds_of_orders_apart():
    """Of a product that is known: every factor stretches along the axes that the last one left."""
    rng = np.random.default_rng(0)
    axes = [np.linalg.qr(rng.normal(size=(6, 6)))[0] for _ in range(61)]
    stretch = np.array([2.0, 1.0, 1.0, 0.5, 1e-3, 1e-7])
    product = (np.eye(6)[None], np.zeros((1, 6)), np.eye(6)[None])
    for before, after in itertools.pairwise(axes):
        product = grown(product, (after * stretch @ before.T)[None])
    found = singular_values(*product[1:])[0]
    # A factor's small values are known to 1e-16 of its largest alone.
    np.testing.assert_allclose(found, 60 * np.log(stretch), atol=60 * 1e-16 * 10 / 1e-7)
    np.testing.assert_allclose(found[:5], 60 * np.log(stretch[:5]), atol=1e-9)


def test_what_is_gone_is_gone():
    singular = np.diag([0.0, 1e-200, 1.0])[None]
    product = (np.eye(3)[None], np.zeros((1, 3)), np.eye(3)[None])
    for _ in range(3):
        product = grown(product, singular)
    found = singular_values(*product[1:])[0]
    np.testing.assert_allclose(found, [0.0, 3 * np.log(1e-200), -np.inf])


# What a loss sends back.


def batch(**options):
    rng = np.random.default_rng(4)
    x = rng.normal(size=(3, 4, 2)).astype("float32")
    x[1, 2:] = np.nan  # padding
    return x, rng.integers(0, 2, 3)


@pytest.mark.parametrize("name", ["lstm", "mut1", "rhn"])
@pytest.mark.parametrize("options", [{"layers": 2}, {"bidirectional": True}], ids=["deep", "both"])
def test_the_parts_of_all_steps_are_the_gradient_of_training(name, options):
    builder = models.sequence_classifier
    model = builder(2, features=2, length=4, cell=name, units=4, masked=True, **options)
    x, y = batch()
    weights = model.trainable_weights

    def loss():
        return ops.mean(model.fitting_loss()(y, model(x, training=False)))

    truth = dict(zip(map(id, weights), autodiff.gradients(loss, [], weights)[1], strict=True))
    found = gradients_by_step(model, x, y)
    assert len(found) == 2
    layers = {path: rnn for rnn, path in recurrent_layers(model)}
    for path, of_layer in found.items():
        cell = layers[path].cell
        for weight, parts in zip(
            cell.trainable_weights, list(of_layer.values())[len(cell.state_names) :], strict=True
        ):
            expected = truth[id(weight)]
            np.testing.assert_allclose(parts.sum(0), expected, atol=2e-6)
            assert np.abs(expected).max() > 1e-4
        assert not of_layer["hidden"][2:, 1].any()  # padding
    norms = gradient_norms(model, x, y)
    assert (norms.norm[norms.by == "hidden"] > 0).all()


# Bad input.


def message(call):
    with pytest.raises(ValueError) as raised:
        call()
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_which_layer_and_which_state():
    deep = models.sequence_classifier(2, features=2, length=4, cell="lstm", units=3, layers=2)
    x = X.astype("float32")
    assert "has 2 recurrent layers; layer must be one of 're" in message(lambda: jacobians(deep, x))
    said = message(lambda: jacobians(deep, x, layer="recurrent/rnn_9"))
    assert "unknown layer 'recurrent/rnn_9'" in said and "Did you mean" in said
    paths = [one.layer for one in keraseq.inspection.explain(deep)]
    shapes = [jacobians(deep, x, layer=one).shape for one in paths]
    assert shapes == [(3, 4, 6, 6), (3, 4, 6, 6)]
    said = message(lambda: propagation(deep, x, layer=paths[0], state="cel"))
    assert said == "unknown state 'cel'; accepted: 'hidden', 'cell'. Did you mean 'cell'?"
    followed = [propagation(deep, x, layer=paths[0], state=one).attrs for one in (None, "cell")]
    assert followed == [{"states": ["hidden", "cell"]}, {"states": ["cell"]}]
    both = models.sequence_classifier(2, features=2, length=4, units=3, bidirectional=True)
    said = message(lambda: propagation(both, x))
    assert all(repr(one.layer) in said for one in keraseq.inspection.explain(both))
    plain = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)], name="plain")
    for call in (jacobians, propagation, lambda model, x: gradient_norms(model, x, x)):
        assert message(lambda call=call: call(plain, x)) == "'plain' has no recurrent layer"
    theirs = message(lambda: jacobians(keras.layers.LSTM(3, name="a"), x))
    assert theirs.startswith("layer 'a' is one of Keras; accepted: keraseq.layers.RNN(")


def test_shapes_and_memory(float64):
    layer = layer_of("lstm", dtype="float32")
    assert "(batch, time, features)" in message(lambda: jacobians(layer, np.ones((4, 2))))
    assert message(lambda: jacobians(layer, np.ones((3, 4, 2), "float32"), limit=1000)) == (
        "the Jacobians of 3 rows of 4 steps and 6 numbers take 0.0016 MiB, more than "
        "limit=0.00095 MiB; give fewer rows or steps, or use propagation"
    )
    assert "fewer rows" in message(lambda: propagation(layer, np.ones((3, 4, 2)), limit=9))
    model = models.sequence_classifier(2, features=2, length=4, units=3)
    said = message(lambda: gradient_norms(model, X.astype("float32"), np.zeros(3), limit=9))
    assert "fewer steps" in said
