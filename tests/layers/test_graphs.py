"""CUDA graphs of the loops on PyTorch, recorded and replayed by a stand-in that needs no GPU."""

import contextlib
import gc

import keras
import numpy as np
import pytest
from conformance.backend import BACKEND
from conformance.cases import FEW

import keraseq
from keraseq.autodiff import gradients
from keraseq.cells import CELLS

if BACKEND != "torch":
    pytest.skip("CUDA graphs are PyTorch's", allow_module_level=True)

import torch
import torch._inductor
from torch.utils._python_dispatch import TorchDispatchMode

from keraseq.layers.scan import torch_graphs

ROWS, STEPS, FEATURES, UNITS = 4, 6, 3, 4
MASK = np.arange(STEPS)[None] < np.array([5, 1, 4, 0])[:, None]


class StandIn(torch_graphs.Recording):
    """Records a function, and replays it into the memory of its first results."""

    device, joins, made, fails = "cpu", False, 0, None

    def __init__(self, stream, pool=None):
        if StandIn.fails:
            raise RuntimeError(StandIn.fails)
        StandIn.made += 1

    def record(self, function):
        results, self.function = function(), function
        self.leaves = torch.utils._pytree.tree_leaves(results)
        return results

    def replay(self):
        found = torch.utils._pytree.tree_leaves(self.function())
        for old, new in zip(self.leaves, found, strict=True):
            if old is not None and old.data_ptr() != new.data_ptr():  # weights are both
                old.copy_(new)

    def pool(self):
        return None

    @staticmethod
    def under_way():
        return False

    @staticmethod
    @contextlib.contextmanager
    def apart():
        yield None


@pytest.fixture(autouse=True)
def stand_in(monkeypatch):
    monkeypatch.setattr(torch_graphs, "Recording", StandIn)
    StandIn.made, StandIn.fails, StandIn.joins = 0, None, False


def layer_of(name, loop="compiled", options=None, **way):
    cell = keraseq.cells.get(name, units=UNITS, **(options or {}))
    layer = keraseq.layers.RNN(cell, return_sequences=True, loop=loop, **way)
    layer.build((ROWS, STEPS, FEATURES))
    return layer


def data(seed=4, steps=STEPS):
    return np.random.default_rng(seed).normal(size=(ROWS, steps, FEATURES)).astype("float32")


def outputs_of(layer, x, **how):
    return keras.ops.convert_to_numpy(layer(x, **how))


OPTIONS = {
    "": {},
    "all": {
        "layer_norm": True,
        "zoneout": 0.2,
        "dropout": 0.3,
        "recurrent_dropout": 0.3,
        "trainable_initial_state": True,
        "seed": 1,
    },
    "low": {"dtype": "mixed_bfloat16", "trainable_initial_state": True},
}


class Noted(TorchDispatchMode):
    """Notes what makes a tensor on the CPU, reads one there, or copies one elsewhere."""

    names = ("lift_fresh", "_local_scalar_dense", "_to_copy", "copy_", "scalar_tensor")

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if any(name in str(function) for name in self.names):
            self.found.append(str(function))
        return function(*args, **(kwargs or {}))


def traced_parts():
    """What is replayed, of all layers that are there."""
    for found in torch_graphs.recorded.values():
        for graph in (graph for shapes in found.values() for graph in shapes.graphs):
            step, project = graph.program.step, graph.program.project
            yield from (step.ahead, step.back, project.ahead, project.back)


NAMES = keraseq.cells.names()
CASES = [(name, options) for options in ("", "all") for name in NAMES]
CASES += [(row.name, "low") for row in FEW]


@pytest.mark.parametrize(("name", "options"), CASES)
def test_a_replay_gives_what_the_plain_loop_gives(name, options):
    """Values and gradients of the second call, whose numbers are not those of the recording."""
    options = OPTIONS[options]
    cell = keraseq.cells.get(name, units=UNITS, **options)
    cell.build((None, FEATURES))
    rng = np.random.default_rng(3)
    for weight in cell.weights:
        weight.assign(rng.normal(size=weight.shape) / 2)
    tolerance = 3e-2 if "dtype" in options else 2e-5
    for mask, way in ((None, {"return_sequences": True}), (MASK, {"go_backwards": True})):
        mask = None if mask is None else keras.ops.convert_to_tensor(mask)
        found = {}
        for loop in ("plain", "compiled"):
            layer = keraseq.layers.RNN(
                cell, return_state=True, loop=loop, dtype=cell.dtype_policy, **way
            )

            def value(x, layer=layer, mask=mask):
                if "seed" in options:
                    cell.seed_generator.state.assign([5, 5])
                given = [keras.ops.cast(y, "float32") for y in layer(x, mask=mask, training=True)]
                terms = enumerate(given, 1)
                return sum(keras.ops.sum(keras.ops.sin(w * one)) for w, one in terms)

            gradients(value, [2 * data()], cell.trainable_weights)
            by_input, by_weight = gradients(value, [data()], cell.trainable_weights)
            assert layer.loop_taken == loop
            found[loop] = [*by_input, *by_weight]
        for one, other in zip(*found.values(), strict=True):
            np.testing.assert_allclose(one, other, atol=tolerance * max(1, np.abs(one).max()))
    assert StandIn.made == 4  # forward and backward, each way once
    for part in traced_parts():
        for node in part.graph.nodes:
            assert not any(name in str(node.target) for name in Noted.names[:2])


def test_a_graph_is_recorded_once_for_its_shapes_and_follows_the_weights():
    layer, x = layer_of("mut1"), data()
    before = outputs_of(layer, x)
    made = StandIn.made
    layer.cell.kernel.assign(layer.cell.kernel * 2)
    after = outputs_of(layer, x)
    assert StandIn.made == made
    assert not np.allclose(before, after)
    np.testing.assert_allclose(
        after,
        outputs_of(keraseq.layers.RNN(layer.cell, return_sequences=True, loop="plain"), x),
        atol=1e-6,
    )
    outputs_of(layer, data(steps=STEPS + 1))
    outputs_of(layer, x, mask=MASK)
    assert StandIn.made == made + 4


def test_nobody_sees_the_memory_of_a_graph():
    layer, x = layer_of("mut1"), torch.from_numpy(data()).requires_grad_()
    first = layer(x, training=True)
    kept = first.detach().clone()
    [slope] = torch.autograd.grad(first.sum(), [x])
    slope_kept = slope.clone()
    second = layer(2 * x, training=True)
    torch.autograd.grad(second.sum(), [x])
    assert torch.equal(first, kept) and torch.equal(slope, slope_kept)


def test_a_call_whose_gradient_is_to_come_keeps_its_graph():
    """Two calls, then two gradients: the second call must not overwrite what the first needs."""
    layer, plain = layer_of("mut1"), layer_of("mut1", "plain")
    plain.set_weights(layer.get_weights())
    x, other = (torch.from_numpy(data(seed)) for seed in (1, 2))
    weights = [[one.value for one in each.trainable_variables] for each in (layer, plain)]
    calls = [(each(x, training=True), each(other, training=True)) for each in (layer, plain)]
    assert StandIn.made == 4
    found, expected = (
        torch.autograd.grad((a * a).sum() + b.sum(), some)
        for (a, b), some in zip(calls, weights, strict=True)
    )
    for one, wanted in zip(found, expected, strict=True):
        torch.testing.assert_close(one, wanted)
    for _ in range(3):  # those are free again
        layer(x, training=True).sum().backward()
    assert StandIn.made == 4


def test_a_second_gradient_of_one_call_is_refused():
    layer = layer_of("mut1")
    value = layer(data(), training=True).sum()
    value.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="a second gradient of one call of a CUDA graph"):
        value.backward()


def test_there_are_only_so_many(monkeypatch):
    monkeypatch.setattr(torch_graphs, "MOST", 2)
    layer = layer_of("mut1")
    for steps in (3, 4, 5):
        layer(data(steps=steps))
    assert layer.loop_taken == "deferred"
    assert "2 CUDA graphs of this layer are kept already" in layer.loop_reason
    layer(data(steps=4))
    assert layer.loop_taken == "compiled"


def test_a_recording_that_fails_is_not_tried_again():
    StandIn.fails = "operation not permitted\nwhen stream is capturing"
    layer, x = layer_of("mut1"), data()
    for _ in range(2):
        given = outputs_of(layer, x)
        assert (layer.loop_taken, layer.loop_reason) == (
            "deferred",
            "loop='compiled', but no CUDA graph: RuntimeError: operation not permitted",
        )
        StandIn.fails = None
    assert StandIn.made == 0
    plain = keraseq.layers.RNN(layer.cell, return_sequences=True, loop="plain")
    np.testing.assert_allclose(given, outputs_of(plain, x), atol=1e-6)


SECRET = torch.ones(UNITS)


class Odd(keraseq.cells.ElmanCell):
    """Does at every step what a graph cannot keep."""

    def __init__(self, *args, what, **kwargs):
        super().__init__(*args, **kwargs)
        self.what = what

    def step(self, projected, states):
        h, _ = super().step(projected, states)
        if self.what == "reads":
            h = h * SECRET
        if self.what == "draws":
            h = h + torch.rand(UNITS)
        if self.what == "writes":
            h = (1.0 * h).add_(1.0)  # which becomes an addition
        if self.what == "writes a part":
            h = 1.0 * h
            h[:, :1].add_(1.0)
        if self.what == "looks":
            h = h * float(h.sum() > 0)
        return h, [h]


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("reads", "the step reads a tensor that is neither argument nor weight"),
        ("draws", "the step draws random numbers"),
        ("writes a part", "the step writes into a tensor"),
        ("looks", "no CUDA graph: "),
    ],
)
def test_a_step_that_no_graph_can_keep_runs_deferred(what, why):
    layer = keraseq.layers.RNN(Odd(UNITS, what=what), return_sequences=True, loop="compiled")
    layer(data())
    assert layer.loop_taken == "deferred"
    assert why in layer.loop_reason
    assert "\n" not in layer.loop_reason


def test_a_step_may_write_into_what_it_has_made():
    cell = Odd(UNITS, what="writes")
    found = [
        outputs_of(keraseq.layers.RNN(cell, return_sequences=True, loop=loop), data())
        for loop in ("plain", "compiled")
    ]
    np.testing.assert_allclose(*found, atol=1e-6)


def test_what_a_layer_is_told_beside_its_input():
    """Attention over a context, with its gradient."""
    x, memory = data(), np.random.default_rng(5).normal(size=(ROWS, 5, 2)).astype("float32")
    cell = keraseq.layers.AttentionCell(keraseq.cells.get("gru", units=UNITS), units=3)
    found = []
    for loop in ("plain", "compiled"):
        layer = keraseq.layers.RNN(cell, return_sequences=True, loop=loop)

        def value(x, memory, layer=layer):
            return keras.ops.sum(keras.ops.sin(layer(x, context=memory, training=True)))

        value(*map(keras.ops.convert_to_tensor, (x, memory)))
        by_input, by_weight = gradients(value, [x, memory], cell.trainable_weights)
        found.append([*by_input, *by_weight])
        assert layer.loop_taken == loop
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_auto_records_shapes_that_come_again(monkeypatch):
    monkeypatch.setattr(keraseq.layers.scan.loop_of_backend(), "on_gpu", lambda: True)
    layer = layer_of("mut1", loop="auto")
    layer(data())
    assert layer.loop_taken == "deferred"
    assert "the first call with these shapes; the next is recorded" in layer.loop_reason
    layer(data())
    assert (layer.loop_taken, layer.loop_reason) == (
        "compiled",
        "a CUDA graph: one launch for all steps; there is no kernel for MUT1Cell",
    )
    lstm = layer_of("lstm", loop="auto")
    lstm(data())
    assert lstm.loop_taken == "fused"
    monkeypatch.setattr(torch_graphs, "PATIENCE", 3)
    StandIn.joins = True
    monkeypatch.setattr(torch._inductor, "compile", lambda graph, examples: graph)
    layer(data())
    assert "Inductor" not in layer.loop_reason
    made = StandIn.made
    for _ in range(2):
        layer(data())
        assert layer.loop_reason.endswith("Inductor has joined the operations of a step")
    assert StandIn.made == made + 2  # forward and backward
    pieces = layer_of("mut1", checkpoint_every=2)
    pieces(data(), training=True)
    assert "checkpoint_every runs its pieces again" in pieces.loop_reason


def test_where_there_is_no_gpu_another_loop_runs(monkeypatch):
    monkeypatch.setattr(StandIn, "device", "cuda")
    layer = layer_of("mut1")
    layer(data())
    assert (layer.loop_taken, layer.loop_reason) == (
        "deferred",
        "loop='compiled', but not all tensors are on a GPU",
    )


def test_fit_trains_by_a_graph():
    after = []
    for loop in ("plain", "compiled"):
        keras.utils.set_random_seed(1)
        inputs = keras.Input((STEPS, FEATURES))
        cell = keraseq.cells.get("mut3", units=UNITS)
        model = keras.Model(inputs, keraseq.layers.RNN(cell, loop=loop)(inputs))
        model.compile("adam", "mse")
        x = np.concatenate([data(1), data(2), data(3)])
        model.fit(x, np.ones((len(x), UNITS)), batch_size=ROWS, epochs=2, verbose=0)
        after.append(model.get_weights())
    assert StandIn.made == 2
    for one, other in zip(*after, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_a_layer_takes_its_graphs_along():
    gc.collect()
    layer = layer_of("mut1")
    layer(data(), training=True)
    before = len(torch_graphs.recorded)
    del layer
    gc.collect()
    assert len(torch_graphs.recorded) == before - 1


LOOPED = [one for one in NAMES if not issubclass(CELLS[one][0], keraseq.cells.LinearCell)]


@pytest.mark.parametrize("name", LOOPED)  # linear ones run all steps at once
def test_a_step_makes_nothing_on_the_cpu(name):
    """It would forbid a recording around it, and is slow on a GPU."""
    for options in ({}, {k: v for k, v in OPTIONS["all"].items() if k != "seed"}):
        cell = layer_of(name, options=options).cell
        h, x = torch.zeros(ROWS, UNITS), torch.zeros(ROWS, FEATURES)
        states = cell.get_initial_state(ROWS)
        keep = [h > 0 for _ in states] if options else None
        with Noted() as noted:
            cell.advance(cell.project(x), states, keep)
        assert not noted.found


def test_joined_operations_give_the_same(monkeypatch):
    """By a stand-in for Inductor, which needs a compiler; and what is said where it fails."""
    compiled = []

    def joined(graph_module, examples):
        compiled.append(graph_module)
        return lambda *given: tuple(graph_module(*given))

    monkeypatch.setattr(torch._inductor, "compile", joined)
    StandIn.joins = True
    layer, plain = layer_of("mut1"), layer_of("mut1", "plain")
    plain.set_weights(layer.get_weights())
    found, expected = (
        gradients(
            lambda x, one=one: keras.ops.sum(keras.ops.sin(one(x, training=True))),
            [data()],
            one.trainable_variables,
        )
        for one in (layer, plain)
    )
    assert len(compiled) == 2
    assert layer.loop_reason.endswith("Inductor has joined the operations of a step")
    for one, other in zip([*found[0], *found[1]], [*expected[0], *expected[1]], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)

    def failing(graph_module, examples):
        raise RuntimeError("Failed to find C compiler.\nPlease set CC")

    monkeypatch.setattr(torch._inductor, "compile", failing)
    layer = layer_of("mut1")
    np.testing.assert_allclose(
        outputs_of(layer, data()),
        outputs_of(keraseq.layers.RNN(layer.cell, return_sequences=True, loop="plain"), data()),
        atol=1e-6,
    )
    assert layer.loop_taken == "compiled"
    assert "(RuntimeError: Failed to find C compiler. Please set CC)" in layer.loop_reason


def test_a_product_with_a_stranger_is_none_of_a_graph():
    class Stranger(keraseq.cells.ElmanCell):
        def step(self, projected, states):
            [h] = states
            other = keras.Variable(np.eye(UNITS, dtype="float32"))
            h = self.activation(projected + self._product(h, other))
            return h, [h]

    layer = keraseq.layers.RNN(Stranger(UNITS), return_sequences=True, loop="compiled")
    layer(data())
    assert "a product with a matrix that is no weight of the cell" in layer.loop_reason
