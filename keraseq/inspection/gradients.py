"""How gradients flow through time: Jacobians of the steps, their product, and what a loss sends."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import keras
import numpy as np
from keras import ops, tree

from keraseq import autodiff
from keraseq.cells import Cell
from keraseq.checks import one_of
from keraseq.inspection.explain import instead_of_keras, recurrent_layers
from keraseq.inspection.graded import grown, singular_values
from keraseq.layers import RNN
from keraseq.layers.recurrence import Recurrence, where
from keraseq.layers.rnn import valid_steps

if TYPE_CHECKING:
    import pandas as pd

LIMIT = 2**31  # bytes
AT_ONCE = 2**24  # numbers of a chunk of steps whose Jacobians are computed together


def jacobians(
    source: keras.layers.Layer,
    inputs,
    *,
    layer: str | None = None,
    state: str | None = None,
    mask=None,
    limit: int = LIMIT,
) -> np.ndarray:
    """The Jacobian of every step of a recurrent layer, at the states that the inputs lead to.

        J_t = d s_t / d s_{t-1}             J_t[i, j] = d s_t[i] / d s_{t-1}[j]

    s is the whole state of the cell, of an LSTM h and c side by side, in the order of its
    `state_names`. A step that is masked has the identity. Dropout and zoneout are off.

    Args:
        source: A `keraseq.layers.RNN`, or a layer or model that holds such.
        inputs: What `source` reads: `(batch, time, features)`, or for a model whatever it reads.
        layer: The path of the recurrent layer inside `source`, as `explain` calls it, such as
            `"recurrent/rnn_1"`. Needed where there are several.
        state: One state, such as `"cell"`: then only its block, how it depends on itself at the
            step before while the others are held fixed. Default: the whole state.
        mask: For a layer: `(batch, time)`, `True` where a step is valid. Default: all are. A model
            makes its own.
        limit: The bytes that the result may take. Defaults to 2 GiB.

    Returns:
        `(batch, time, n, n)`, steps in the order in which the layer reads them.

    Raises:
        ValueError: There is no recurrent layer of keraseq, several and none is named, no such
            state, an input of the wrong shape, or the result would be above the limit.

    Example:

    >>> layer = keraseq.layers.RNN(keraseq.cells.ElmanCell(4))
    >>> keraseq.inspection.jacobians(layer, keras.ops.ones((2, 5, 3))).shape
    (2, 5, 4, 4)
    """
    walk = Walk(source, inputs, layer, mask)
    block = walk.block(state)
    size = walk.batch * walk.steps * walk.size**2 * walk.states[0].dtype.itemsize
    affordable(f"the Jacobians of {walk}", size, limit, "fewer rows or steps, or use propagation")
    found = walk.jacobians(range(walk.steps))
    return found[:, :, block, block].swapaxes(0, 1)


def propagation(
    source: keras.layers.Layer,
    inputs,
    *,
    layer: str | None = None,
    state: str | None = None,
    mask=None,
    limit: int = LIMIT,
) -> pd.DataFrame:
    """How far a change of the first state reaches: all singular values of d s_t / d s_0.

        P_t = J_t J_{t-1} ... J_1           the largest: most that any change can have grown

    Multiplied as it stands, the small singular values of such a product are noise below 1e-16 of
    the largest, and soon the whole of it is 0 or infinite. Here it is kept as an orthogonal matrix
    times a diagonal of logarithms times a matrix of ordinary numbers, by a QR decomposition at each
    step, so that every singular value holds to about eight digits of what the Jacobians say,
    however small.

    Args:
        source, inputs, layer, mask, limit: As in `jacobians`.
        state: One state, such as `"cell"`: d of it at t by itself at 0, through all others between.
            Default: the whole state, of an LSTM h and c.

    Returns:
        A row for each row of the inputs, step and singular value: `row`, `step` (from 1), `rank`
        (1 is the largest), `log10` (-inf stands for 0), `exponent`, the finite-time Lyapunov
        exponent ln(value) / step, and `bound`, the logarithm to the base 10 of what the largest
        cannot exceed: the product of the largest singular values of J_1 ... J_t. (Of an Elman
        network with an orthogonal U that is the product of the largest f'(a) of each step.)
        `attrs["states"]` names the states that were followed.

    Raises:
        ValueError: As for `jacobians`.

    Example:

    >>> cell = keraseq.cells.ElmanCell(4, activation="linear", recurrent_initializer="identity")
    >>> x = keras.ops.ones((1, 50, 3))
    >>> frame = keraseq.inspection.propagation(keraseq.layers.RNN(cell), x)
    >>> float(frame["log10"].abs().max().round(4))
    0.0

    References:
        Pascanu, Mikolov & Bengio 2013, "On the difficulty of training recurrent neural networks",
        arXiv:1211.5063.
        Geist, Parlitz & Lauterborn 1990, "Comparison of Different Methods for Computing Lyapunov
        Exponents", Progress of Theoretical Physics 83 (QR).
    """
    import pandas as pd

    walk = Walk(source, inputs, layer, mask)
    block = walk.block(state)
    n = block.stop - block.start
    chunk = max(1, AT_ONCE // (walk.batch * walk.size**2))
    size = 8 * walk.batch * (8 * walk.size**2 + chunk * walk.size**2 + 6 * walk.steps * n)
    affordable(f"the singular values of {walk}", size, limit, "fewer rows")
    eye = np.broadcast_to(np.eye(walk.size), (walk.batch, walk.size, walk.size))
    product = (eye, np.zeros((walk.batch, walk.size)), eye[:, :, block])
    to = eye[:, block]
    found, norms = np.empty((walk.steps, walk.batch, n)), np.empty((walk.steps, walk.batch))
    for start in range(0, walk.steps, chunk):
        several = range(start, min(start + chunk, walk.steps))
        for t, one in zip(several, walk.jacobians(several), strict=True):
            product = grown(product, one.astype("float64"))
            found[t] = singular_values(*grown(product, to)[1:])
            norms[t] = np.linalg.norm(one.astype("float64"), 2, axis=(-2, -1))
    steps = np.arange(1, walk.steps + 1)
    index = pd.MultiIndex.from_product(
        [range(walk.batch), steps, range(1, n + 1)], names=["row", "step", "rank"]
    )
    logs = found.swapaxes(0, 1)
    with np.errstate(divide="ignore"):
        bound = np.broadcast_to(np.cumsum(np.log10(norms), axis=0).T[..., None], logs.shape)
    columns = {
        "log10": logs / np.log(10),
        "exponent": logs / steps[:, None],
        "bound": bound,
    }
    frame = pd.DataFrame({name: value.reshape(-1) for name, value in columns.items()}, index=index)
    frame = frame.reset_index()
    frame.attrs["states"] = [state] if state else state_names(walk.cell, len(walk.sizes))
    return frame


def gradient_norms(
    model: keras.Model, x, y, *, layer: str | None = None, loss=None, limit: int = LIMIT
) -> pd.DataFrame:
    """What a loss sends back through time: the norm of its gradient by each state and step.

    Of the state after step t it is the whole derivative, through the output of that step and
    through all later ones. Of a weight it is the part that comes from the use at step t; the parts
    of all steps add up to the gradient that training uses. Dropout and zoneout are off.

    Args:
        model: A model, compiled or of `keraseq.models`.
        x: What it reads.
        y: What it should say.
        layer: As in `jacobians`; default: all of them.
        loss: A name, a function or a `keras.losses.Loss`. Default: that which the model was
            compiled with, or the one that fits it.
        limit: The bytes that the weights' gradients of all steps may take. Defaults to 2 GiB.

    Returns:
        A row for each layer, step (position in the sequence, from 1) and state or weight:
        `layer`, `step`, `by` (such as `"hidden"` or `"recurrent_kernel"`), `norm` (of all its
        numbers and rows together).

    Raises:
        ValueError: The model has no recurrent layer of keraseq, or no such layer, or no loss; or
            this would take more than the limit.

    Example:

    >>> import numpy as np
    >>> model = keraseq.models.sequence_classifier(2, features=3, length=5, cell="mut1", units=4)
    >>> x, y = np.ones((2, 5, 3), "float32"), np.array([0, 1])
    >>> frame = keraseq.inspection.gradient_norms(model, x, y)
    >>> frame["by"].unique().tolist()
    ['hidden', 'kernel', 'recurrent_kernel', 'bias']
    """
    import pandas as pd

    rows = []
    for path, of_layer in gradients_by_step(model, x, y, layer, loss, limit).items():
        for name, found in of_layer.items():
            norms = np.linalg.norm(found.reshape(len(found), -1).astype("float64"), axis=1)
            rows += [(path, t, name, norm) for t, norm in enumerate(norms, start=1)]
    return pd.DataFrame(rows, columns=["layer", "step", "by", "norm"])


# What the functions stand on.


class Walk:
    """A recurrent layer on some inputs: every state that it passes through, and its steps alone."""

    def __init__(self, source, inputs, layer: str | None, mask=None):
        [(self.path, rnn)] = chosen_layers(source, layer, one=True).items()
        sequences, state, mask, _, context = what_reaches(source, {self.path: rnn}, inputs, mask)[
            self.path
        ]
        self.recurrence, self.cell, self.context = Recurrence(rnn, False), rnn.cell, context
        self.steps, self.batch = sequences.shape[:2]
        reads = {"x": ops.convert_to_tensor(sequences)}
        if mask is not None:
            reads["valid"] = ops.convert_to_tensor(mask.T)
        projected = self.recurrence.project(reads, [])["x"]
        self.valid = np.ones((self.steps, self.batch), bool) if mask is None else mask.T
        if rnn.go_backwards:
            projected = tree.map_structure(lambda one: ops.flip(one, axis=0), projected)
            self.valid = self.valid[::-1]
        self.projected = projected
        carry = rnn.states_before(state, self.batch)
        self.nesting = carry
        self.sizes = [one.shape[-1] for one in tree.flatten(carry)]
        self.size = sum(self.sizes)
        states = [self.joined(carry)]
        for t in range(self.steps):
            now = tree.map_structure(lambda one, t=t: one[t], projected)
            new = self.step(now, states[-1], context)
            states.append(where(ops.convert_to_tensor(self.valid[t]), new, states[-1]))
        self.states = [ops.convert_to_numpy(one) for one in states]

    def __str__(self):
        return f"{self.batch} rows of {self.steps} steps and {self.size} numbers"

    def joined(self, states):
        """Nested states side by side."""
        return ops.concatenate(tree.flatten(states), axis=-1)

    def step(self, projected, joined, context):
        """One step, states side by side."""
        parts = split(joined, self.sizes)
        carry = {"states": tree.pack_sequence_as(self.nesting, parts)}
        _, carry = self.recurrence.step({"x": projected}, carry, [], context)
        return self.joined(carry["states"])

    def jacobians(self, several: range) -> np.ndarray:
        """Those of some steps, `(steps, batch, n, n)`: steps do not meet, so all at once."""
        flat = tree.map_structure(
            lambda one: ops.reshape(one, (-1, *one.shape[2:])), self.projected
        )
        rows = np.concatenate([self.states[t] for t in several])
        first, chunk = several.start * self.batch, max(1, AT_ONCE // (8 * self.size**2))
        found = []
        for start in range(0, len(rows), chunk):

            def step(states, place, start=start):
                place = first + start + place
                now = tree.map_structure(lambda one: taken(one, place), flat)
                kept = tree.map_structure(lambda one: taken(one, place % self.batch), self.context)
                return self.step(now, states, kept)

            found.append(autodiff.jacobians(step, rows[start : start + chunk]))
        found = np.concatenate(found).reshape(len(several), self.batch, self.size, self.size)
        valid = self.valid[several.start : several.stop, :, None, None]
        return np.where(valid, found, np.eye(self.size, dtype=found.dtype))

    def block(self, state: str | None) -> slice:
        """Where a state stands among all, which None stands for."""
        if state is None:
            return slice(0, self.size)
        names = state_names(self.cell, len(self.sizes))
        place = names.index(one_of("state", state, names))
        return slice(sum(self.sizes[:place]), sum(self.sizes[: place + 1]))


def gradients_by_step(model, x, y, layer=None, loss=None, limit=LIMIT) -> dict[str, dict]:
    """For each layer the gradients by its states and weights at each step, `(time, ...)`.

    Every step gets weights of its own, at first all alike, and adds a zero of its own to each
    state: automatic differentiation by these is what is asked for.
    """
    layers = chosen_layers(model, layer)
    loss = loss_of(model, loss)
    arguments, places = [], {}
    for path, reached in what_reaches(model, layers, x).items():
        rnn, (steps, batch) = layers[path], reached[0].shape[:2]
        weights = rnn.cell.trainable_weights
        shapes = [(steps, batch, size) for size in rnn.state_sizes]
        size = sum(8 * np.prod(one) for one in shapes)
        size += sum(8 * steps * np.prod(one.shape) for one in weights)
        affordable(f"the gradients of {steps} steps of {path}", int(size), limit, "fewer steps")
        shifts = [np.zeros(shape, rnn.state_dtype) for shape in shapes]
        values = [ops.convert_to_numpy(one) for one in weights]
        copies = [np.broadcast_to(one, (steps, *one.shape)) for one in values]
        places[path] = slice(len(arguments), len(arguments) + len(shifts) + len(copies))
        arguments += [*shifts, *copies]
    y = ops.convert_to_tensor(y)

    def value(*arguments):
        with contextlib.ExitStack() as stack:
            for path, place in places.items():
                rnn, own = layers[path], arguments[place]
                count = len(rnn.state_sizes)
                stack.enter_context(instead(rnn, Unrolled(rnn, own[:count], own[count:])))
            return ops.mean(loss(y, model(x, training=False)))

    found, _ = autodiff.gradients(value, arguments, compiled=None)
    return {
        path: dict(zip(names_of(layers[path].cell), found[place], strict=True))
        for path, place in places.items()
    }


class Shifted(Recurrence):
    """A recurrence that adds a shift, zeros, to its states after each step.

    The gradient by the shifts is that by the states, and the layer runs in its usual loop:
    `over_time` stands in for the layer's own.
    """

    def __init__(self, layer, shift):
        super().__init__(layer, False)
        self.shift = shift  # (time, batch, n), for all states side by side

    def alike(self):
        """It shares nothing that was compiled."""

    def step(self, now, carry, drawn, context):
        """One step, then the shifts."""
        emitted, after = super().step(now, carry, drawn, context)
        shift = now["shift"]
        if "valid" in now:
            shift = where(now["valid"], shift, ops.zeros((), dtype=shift.dtype))
        shifts = split(shift, self.layer.state_sizes)
        flat = [a + b for a, b in zip(tree.flatten(after["states"]), shifts, strict=True)]
        after["states"] = tree.pack_sequence_as(after["states"], flat)
        if isinstance(self.cell, Cell):  # its output is its first state
            emitted = emitted + ops.cast(shifts[0], emitted.dtype)
            if "output" in after:
                after["output"] = after["output"] + shifts[0]
        return emitted, after

    def over_time(self, sequences, initial_state=None, mask=None, training=False, context=None):
        """That of the layer, dropout off."""
        rnn, batch = self.layer, sequences.shape[1]
        reads = {"x": sequences, "shift": self.shift}
        if mask is not None:
            reads["valid"] = ops.transpose(valid_steps(mask))
        carry = {"states": rnn.states_before(initial_state, batch)}
        size = getattr(rnn.cell, "output_size", rnn.state_sizes[0])
        carry["output"] = ops.zeros((batch, size), dtype=rnn.state_dtype)
        outputs, carry = rnn._run(self, reads, carry, [], context)
        output = ops.cast(carry["output"] if outputs is None else outputs, rnn.compute_dtype)
        states = [ops.cast(one, rnn.compute_dtype) for one in tree.flatten(carry["states"])]
        return output, states


class Unrolled:
    """`RNN.over_time` as a Python loop in which each step has weights and shifts of its own."""

    def __init__(self, rnn, shifts, copies):
        self.rnn, self.shifts, self.copies = rnn, shifts, copies
        self.recurrence = Recurrence(rnn, False)

    def __call__(self, sequences, initial_state=None, mask=None, training=False, context=None):
        rnn, (steps, batch) = self.rnn, sequences.shape[:2]
        carry = {"states": rnn.states_before(initial_state, batch)}
        size = getattr(rnn.cell, "output_size", rnn.state_sizes[0])
        outputs, last = [], ops.zeros((batch, size), dtype=rnn.state_dtype)
        for t in reversed(range(steps)) if rnn.go_backwards else range(steps):
            now = {"x": sequences[t]}
            if mask is not None:
                now["valid"] = ops.cast(mask, "bool")[:, t]
            variables = rnn.cell.trainable_weights
            mapping = [(one, copy[t]) for one, copy in zip(variables, self.copies, strict=True)]
            with keras.StatelessScope(state_mapping=mapping):
                reads = self.recurrence.project(now, [])
                emitted, carry = self.recurrence.step(reads, {**carry, "output": last}, [], context)
            shifts = [one[t] for one in self.shifts]
            if mask is not None:
                nothing = ops.zeros((), dtype=shifts[0].dtype)
                shifts = [where(now["valid"], one, nothing) for one in shifts]
            flat = [a + b for a, b in zip(tree.flatten(carry["states"]), shifts, strict=True)]
            carry["states"] = tree.pack_sequence_as(carry["states"], flat)
            last = carry.pop("output")
            if isinstance(rnn.cell, Cell):  # its output is its first state
                last, emitted = last + shifts[0], emitted + ops.cast(shifts[0], emitted.dtype)
            outputs.append(emitted)
        output = ops.stack(outputs) if rnn.return_sequences else last
        states = [ops.cast(one, rnn.compute_dtype) for one in tree.flatten(carry["states"])]
        return ops.cast(output, rnn.compute_dtype), states


def chosen_layers(source, path: str | None, one: bool = False) -> dict[str, RNN]:
    """The recurrent layers of keraseq in a layer or model, by path: that named, else all."""
    if not isinstance(source, keras.layers.Layer):
        raise ValueError(f"source must be a layer or a model; received {source!r}")
    layers = {name: rnn for rnn, name in recurrent_layers(source)}
    if not layers:
        raise ValueError(f"{source.name!r} has no recurrent layer")
    if path is not None:
        layers = {path: layers[one_of("layer", path, layers)]}
    if one and len(layers) > 1:
        raise ValueError(
            f"{source.name!r} has {len(layers)} recurrent layers; layer must be one of "
            f"{', '.join(map(repr, layers))}"
        )
    for name, rnn in layers.items():
        if not isinstance(rnn, RNN):
            raise ValueError(f"layer {name!r} is one of Keras; accepted: {instead_of_keras(rnn)}")
    return layers


def what_reaches(source, layers: dict[str, RNN], inputs, mask=None) -> dict[str, tuple]:
    """What `over_time` of some layers is given, as arrays, while a layer or model reads."""
    found = {}

    def noting(path, rnn):
        def run(sequences, initial_state=None, mask=None, training=False, context=None):
            given = (sequences, initial_state, valid_steps(mask))
            given = [None if one is None else arrays(one) for one in given]
            found.setdefault(path, (*given, training, context))
            return RNN.over_time(rnn, sequences, initial_state, mask, training, context)

        return run

    with contextlib.ExitStack() as stack:
        for path, rnn in layers.items():
            stack.enter_context(instead(rnn, noting(path, rnn)))
        if isinstance(source, keras.Model):
            source(inputs, training=False)
        else:
            if len(np.shape(inputs)) != 3:  # Keras would say it in many lines
                raise ValueError(
                    f"inputs must be (batch, time, features); received shape {np.shape(inputs)}"
                )
            mask = None if mask is None else ops.convert_to_tensor(mask)
            source(ops.convert_to_tensor(inputs), mask=mask, training=False)
    return found


@contextlib.contextmanager
def instead(rnn: RNN, run):
    """Within this context a layer runs something else over time."""
    before = vars(rnn).get("over_time")
    vars(rnn)["over_time"] = run
    try:
        yield
    finally:
        del vars(rnn)["over_time"]
        if before is not None:
            vars(rnn)["over_time"] = before


def loss_of(model, loss):
    """The loss given, or that of the model."""
    loss = loss or getattr(model, "loss", None)
    if loss is None and hasattr(model, "fitting_loss"):
        loss = model.fitting_loss()
    if not loss or isinstance(loss, (list, dict)):
        raise ValueError(f"model {model.name!r} needs loss=, one for its one output")
    return keras.losses.get(loss)


def affordable(what: str, size: int, limit: int, instead: str) -> None:
    """Raises where something would take more bytes than it may."""
    if size > limit:
        raise ValueError(
            f"{what} take {size / 2**20:.2g} MiB, more than limit={limit / 2**20:.2g} MiB; "
            f"give {instead}"
        )


def names_of(cell) -> list[str]:
    """Names of a cell's states, then of its trainable weights."""
    states = state_names(cell, len(tree.flatten(cell.state_size)))
    weights = [weight.path.removeprefix(f"{cell.path}/") for weight in cell.trainable_weights]
    return [*states, *weights]


def state_names(cell, count: int) -> list[str]:
    """Names of a cell's states; those of others than keraseq's are numbered."""
    return list(getattr(cell, "state_names", [f"state {i}" for i in range(count)]))


def split(joined, sizes):
    """States that stand side by side."""
    ends = np.cumsum(sizes)
    return [joined[:, end - size : end] for size, end in zip(sizes, ends, strict=True)]


def arrays(nested):
    """Nested tensors as arrays."""
    return tree.map_structure(ops.convert_to_numpy, nested)


def taken(tensor, place):
    """Some rows of a tensor."""
    return tensor if tensor is None else ops.take(tensor, place, axis=0)
