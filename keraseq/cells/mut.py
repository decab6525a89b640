"""The three cells that Jozefowicz, Zaremba and Sutskever's search found."""

import keras
import numpy as np
from keras import ops

from keraseq.cells.cell import Cell
from keraseq.checks import one_of

MODES = ("auto", "identity", "fixed", "learned")


class RawInputCell(Cell):
    """What MUT1 and MUT2 share: one block, `raw_block`, that the paper gives `x_t` itself.

    `P x_t` stands for the raw input: P is the identity, a fixed random matrix, or learned.
    """

    gates = ("update", "reset", "candidate")
    raw_block = ""  # the gate whose input term is P x_t
    reference = (
        "Jozefowicz, Zaremba & Sutskever 2015, "
        "An Empirical Exploration of Recurrent Network Architectures"
    )

    def __init__(
        self, units, *, input_projection: str = "auto", projection_seed: int = 0, **options
    ):
        self.input_projection = one_of("input_projection", input_projection, MODES)
        self.projection_seed = projection_seed
        self.projection_mode = None if input_projection == "auto" else input_projection
        super().__init__(units, **options)

    @property
    def kernel_blocks(self):
        if self.projection_mode in ("identity", "fixed"):
            return tuple(gate for gate in self.gates if gate != self.raw_block)
        return self.gates

    def build_weights(self, features):
        same = features == self.units
        if self.input_projection == "auto":
            self.projection_mode = "identity" if same else "learned"
        if self.projection_mode == "identity" and not same:
            raise ValueError(
                "input_projection='identity' adds x_t to the state and needs features == units; "
                f"received features={features}, units={self.units}. "
                "Accepted here: 'fixed', 'learned', 'auto'"
            )
        super().build_weights(features)
        if self.projection_mode == "fixed":
            self.input_matrix = self.add_weight(
                name="input_matrix",
                shape=(features, self.units),
                initializer=lambda shape, dtype: random_signs(shape, self.projection_seed, dtype),
                trainable=False,
                autocast=False,
            )

    def raw_term(self, inputs):
        """`P x_t`."""
        if self.projection_mode == "identity":
            return ops.cast(inputs, self.variable_dtype)
        if self.projection_mode == "fixed":
            return self._product(inputs, self.input_matrix)
        return self.input_product(inputs, self.raw_block)


@keras.saving.register_keras_serializable("keraseq")
class MUT1Cell(RawInputCell):
    """MUT1: an update gate that sees the input alone, and the raw input in the candidate.

        z_t = sigmoid(W_z x_t + b_z)                                       update gate
        r_t = sigmoid(W_r x_t + U_r h_{t-1} + b_r)                         reset gate
        g_t = tanh(U_g (r_t * h_{t-1}) + tanh(P x_t) + b_g)                candidate
        h_t = g_t * z_t + h_{t-1} * (1 - z_t)                              new state and output

    z_t weighs the *new* value, opposite of `keras.layers.GRU`. The paper writes tanh(x_t), which
    needs inputs as wide as the state: P = I (`input_projection="identity"`). For other widths P is
    a seeded matrix of +-1/sqrt(features) that is saved and never trained (`"fixed"`), or a learned
    block of `kernel` (`"learned"`). `"auto"` is identity where the widths match, else learned;
    after building, `projection_mode` says which.

    Departs from the paper: nothing with `"identity"`; otherwise P. Other libraries put b_g inside
    the inner tanh, or learn P even where the widths match.

    Args:
        units: Size of the state, a positive integer.
        input_projection: `"auto"`, `"identity"`, `"fixed"` or `"learned"`. Defaults to `"auto"`.
        projection_seed: Integer seed of the fixed matrix. Defaults to 0.
        **options: Options that every cell takes; see `keraseq.cells.Cell`. Layer normalisation
            leaves an identity or fixed P x_t as it is.

    Call arguments:
        inputs: `(batch, features)`.
        states: One tensor, `h_{t-1}`, `(batch, units)`.

    Returns:
        `(h_t, [h_t])`, each `(batch, units)`.

    Raises:
        ValueError: Identity with `features != units`; an option is unknown or out of its range.

    Weights (gates update, reset, candidate):
        kernel `(features, 2 * units)` (update, reset; with learned P also candidate),
        recurrent_kernel `(units, 2 * units)` (reset, candidate), bias `(3 * units,)`; with fixed P
        input_matrix `(features, units)`.

    Example:

    >>> import keraseq
    >>> layer = keraseq.layers.RNN(keraseq.cells.MUT1Cell(16, input_projection="fixed"))
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape)
    (2, 16)

    References:
        Jozefowicz, Zaremba & Sutskever 2015, "An Empirical Exploration of Recurrent Network
        Architectures", ICML.
    """

    raw_block = "candidate"

    @property
    def recurrent_blocks(self):
        return ("reset", "candidate")

    def project(self, inputs):
        """`W x + b` of update and reset side by side; and `tanh(P x) + b` of the candidate."""
        others = ("update", "reset")
        b, [b_g] = self.biases(*others, joined=True), self.biases("candidate")
        if self.projection_mode == "learned" and len(inputs.shape) == 2:  # one product is less work
            both = self.input_product(inputs)  # PyTorch reads the places of a split on the CPU
            x, raw = both[..., : 2 * self.units], both[..., 2 * self.units :]
            return x + b, ops.tanh(raw) + b_g
        return self.affine(inputs, b, *others), ops.tanh(self.raw_term(inputs)) + b_g

    def step(self, projected, states):
        [h] = states
        x, x_g = projected
        x_z, x_r = ops.split(x, 2, axis=-1)
        z = ops.sigmoid(x_z)
        r = ops.sigmoid(x_r + self.recurrent(h, "reset"))
        g = ops.tanh(self.recurrent(r * h, "candidate") + x_g)
        h = g * z + h * (1 - z)
        return h, [h]


@keras.saving.register_keras_serializable("keraseq")
class MUT2Cell(RawInputCell):
    """MUT2: a gated recurrent unit whose reset gate adds the raw input.

        z_t = sigmoid(W_z x_t + U_z h_{t-1} + b_z)                         update gate
        r_t = sigmoid(P x_t + U_r h_{t-1} + b_r)                           reset gate
        g_t = tanh(U_g (r_t * h_{t-1}) + W_g x_t + b_g)                    candidate
        h_t = g_t * z_t + h_{t-1} * (1 - z_t)                              new state and output

    z_t weighs the *new* value, opposite of `keras.layers.GRU`. P is the identity in the paper; see
    `MUT1Cell` for `input_projection`. **With a learned P this is a GRU**: `GRUCell(reset="before")`
    with the parameters of z negated, with as many parameters. A comparison of MUT2 with a GRU says
    something only with `"identity"` or `"fixed"`; `projection_mode` tells which one was built.

    Departs from the paper: nothing with `"identity"`; otherwise P.

    Args:
        units: Size of the state, a positive integer.
        input_projection: `"auto"`, `"identity"`, `"fixed"` or `"learned"`. Defaults to `"auto"`.
        projection_seed: Integer seed of the fixed matrix. Defaults to 0.
        **options: Options that every cell takes; see `keraseq.cells.Cell`. Layer normalisation
            leaves an identity or fixed P x_t as it is.

    Call arguments:
        inputs: `(batch, features)`.
        states: One tensor, `h_{t-1}`, `(batch, units)`.

    Returns:
        `(h_t, [h_t])`, each `(batch, units)`.

    Raises:
        ValueError: Identity with `features != units`; an option is unknown or out of its range.

    Weights (gates update, reset, candidate):
        kernel `(features, 2 * units)` (update, candidate; with learned P update, reset, candidate),
        recurrent_kernel `(units, 3 * units)`, bias `(3 * units,)`; with fixed P input_matrix
        `(features, units)`.

    Example:

    >>> import keraseq
    >>> layer = keraseq.layers.RNN(keraseq.cells.MUT2Cell(16, input_projection="fixed"))
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape)
    (2, 16)

    References:
        Jozefowicz, Zaremba & Sutskever 2015, "An Empirical Exploration of Recurrent Network
        Architectures", ICML.
    """

    raw_block = "reset"

    def project(self, inputs):
        """`W x + b` of all gates, with `P x` for that of the reset gate."""
        bias = self.biases(*self.gates, joined=True)
        if self.projection_mode == "learned":
            return self.affine(inputs, bias)
        x_z, x_g = (self.input_product(inputs, gate) for gate in self.kernel_blocks)
        return ops.concatenate([x_z, self.raw_term(inputs), x_g], axis=-1) + bias

    def step(self, projected, states):
        [h] = states
        x_z, x_r, x_g = ops.split(projected, 3, axis=-1)
        u_z, u_r = self.recurrent(h, "update", "reset")
        z = ops.sigmoid(x_z + u_z)
        r = ops.sigmoid(x_r + u_r)
        g = ops.tanh(self.recurrent(r * h, "candidate") + x_g)
        h = g * z + h * (1 - z)
        return h, [h]


@keras.saving.register_keras_serializable("keraseq")
class MUT3Cell(Cell):
    """MUT3: a gated recurrent unit whose update gate sees the squashed state.

        z_t = sigmoid(W_z x_t + U_z tanh(h_{t-1}) + b_z)                   update gate
        r_t = sigmoid(W_r x_t + U_r h_{t-1} + b_r)                         reset gate
        g_t = tanh(U_g (r_t * h_{t-1}) + W_g x_t + b_g)                    candidate
        h_t = g_t * z_t + h_{t-1} * (1 - z_t)                              new state and output

    z_t weighs the *new* value, opposite of `keras.layers.GRU`.

    Departs from the paper: nothing.

    Args:
        units: Size of the state, a positive integer.
        **options: Options that every cell takes; see `keraseq.cells.Cell`.

    Call arguments:
        inputs: `(batch, features)`.
        states: One tensor, `h_{t-1}`, `(batch, units)`.

    Returns:
        `(h_t, [h_t])`, each `(batch, units)`.

    Raises:
        ValueError: An option is unknown or out of its range.

    Weights (gates update, reset, candidate):
        kernel `(features, 3 * units)`, recurrent_kernel `(units, 3 * units)`, bias `(3 * units,)`.

    Example:

    >>> import keraseq
    >>> layer = keraseq.layers.RNN(keraseq.cells.MUT3Cell(16))
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape)
    (2, 16)

    References:
        Jozefowicz, Zaremba & Sutskever 2015, "An Empirical Exploration of Recurrent Network
        Architectures", ICML.
    """

    gates = ("update", "reset", "candidate")
    reference = RawInputCell.reference

    def step(self, projected, states):
        [h] = states
        x_z, x_r, x_g = ops.split(projected, 3, axis=-1)
        z = ops.sigmoid(x_z + self.recurrent(ops.tanh(h), "update"))
        r = ops.sigmoid(x_r + self.recurrent(h, "reset"))
        g = ops.tanh(self.recurrent(r * h, "candidate") + x_g)
        h = g * z + h * (1 - z)
        return h, [h]


def random_signs(shape, seed: int, dtype):
    """A matrix of +-1/sqrt(rows), the same on every backend and machine for a seed."""
    signs = np.random.default_rng(seed).integers(0, 2, size=shape) * 2 - 1
    return ops.convert_to_tensor(signs / np.sqrt(shape[0]), dtype=dtype)
