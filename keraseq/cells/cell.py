"""The contract that every cell keeps, and everything cells share besides their equation.

A cell says its equation in two halves. `project` is all that depends on the input alone, so that a
layer can call it once for every step of a sequence together; `step` is one step of the recurrence.
Inside `step` every recurrent product goes through `Cell.recurrent`.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import keras
from keras import ops, tree

from keraseq.cells.context import Masks, during, running
from keraseq.cells.initializers import draw_blocks
from keraseq.cells.options import OF_WEIGHTS, Options
from keraseq.cells.products import block, fits, matmul, product
from keraseq.cells.randomness import Randomness
from keraseq.checks import boolean, positive_integer

EPSILON = 1e-5  # added to the variance in layer normalisation


class Cell(Options, keras.layers.Layer, Randomness):
    """Base of every recurrent cell: weights from `gates`, options, states, configuration, checks.

        p_t       = project(x_t)              all that depends on the input alone (here: W x_t + b)
        y_t, s_t  = step(p_t, s_{t-1})        one step of the recurrence

    A subclass names its `gates`, writes `step`, and is done; `project`, weights, serialisation and
    the options below come from here. With layer normalisation every matrix product of the equation
    is normalised over its whole result (Ba et al. 2016): `W x_t` as one vector, and each
    `U operand` as one vector,

        LN(v) = gain * (v - mean(v)) / sqrt(var(v) + 1e-5)

    With zoneout `p` each unit of a state keeps its old value with probability `p` at every step of
    training, and both values are mixed in that proportion at inference (Krueger et al. 2017):

        s_t  = m * s_{t-1} + (1 - m) * s_t,     m ~ Bernoulli(p)

    Departs from the paper: the shifts that Ba et al. give each normalised product are left out,
    since the cell's bias does the same. Unlike `keras.layers`, initialisers draw block by block (an
    orthogonal `recurrent_initializer` makes each gate's matrix orthogonal, and Glorot's fan is that
    of one gate), so that the start of a cell does not depend on how many gates it has.

    Args:
        units: Size of the state, a positive integer.
        kernel_initializer: For the input matrix W. This and the two that follow are a name, a
            `keras.initializers.Initializer`, or a dictionary from gate to one of these or a number
            (gates that it does not name keep the default). Defaults to `"glorot_uniform"`.
        recurrent_initializer: For the recurrent matrix U. Defaults to `"orthogonal"`.
        bias_initializer: For the bias b. Defaults to `"zeros"`, save where the cell says otherwise.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: Regularisers. Default: none.
        kernel_constraint, recurrent_constraint, bias_constraint: Constraints. Default: none.
        dropout: Fraction of the inputs to drop, in [0, 1); one mask for all steps of a sequence
            (Gal & Ghahramani 2016). Defaults to 0.
        recurrent_dropout: The same for the operand of every recurrent product. Defaults to 0.
        zoneout: Probability of keeping the old value, in [0, 1]: one number for all states, or one
            for each state. Defaults to 0.
        layer_norm: Whether to normalise the products. Defaults to `False`.
        use_bias: Whether the equation has its biases. Defaults to `True`.
        trainable_initial_state: Whether the state before the first step is a weight (zeros at the
            start of training) instead of zeros. Defaults to `False`.
        seed: Integer seed of dropout and zoneout. Default: drawn from Keras' global seed.
        **layer_options: `name`, `dtype`, `trainable` of `keras.layers.Layer`. With a mixed
            precision policy the matrix products run in the compute dtype; states and everything
            element-wise stay in the variable dtype.

    Call arguments:
        inputs: `(batch, features)`.
        states: A list with one tensor `(batch, size)` for each state.
        training: Whether dropout and zoneout are at work.

    Returns:
        `(output, new_states)`: `(batch, output_size)`, and a list like `states`.

    Raises:
        ValueError: An option is unknown or out of its range, or an initialiser names no gate.

    Weights (blocks side by side, in the order of `gates`):
        kernel `(features, len(kernel_blocks) * units)`, recurrent_kernel
        `(output_size, len(recurrent_blocks) * units)`, bias `(len(gates) * units,)`; with
        `layer_norm` kernel_gain and recurrent_gain, one number a column of these matrices; with
        `trainable_initial_state` one `initial_<state>` `(size,)` for each state.

    Example:

    >>> import keraseq
    >>> cell = keraseq.cells.GRUCell(16, zoneout=0.1, bias_initializer={"update": 1.0})
    >>> layer = keraseq.layers.RNN(cell, return_sequences=True)
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape)
    (2, 5, 16)

    References:
        Ba, Kiros & Hinton 2016, "Layer Normalization", arXiv:1607.06450.
        Gal & Ghahramani 2016, "A Theoretically Grounded Application of Dropout in Recurrent Neural
        Networks", arXiv:1512.05287.
        Krueger et al. 2017, "Zoneout: Regularizing RNNs by Randomly Preserving Hidden Activations",
        arXiv:1606.01305.
    """

    gates: tuple[str, ...] = ()  # names, in weight order
    state_names: tuple[str, ...] = ("hidden",)  # the first state is what later steps read as h
    reference: ClassVar[str] = ""  # authors, year, title

    def __init__(
        self,
        units: int,
        *,
        kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal",
        bias_initializer="zeros",
        kernel_regularizer=None,
        recurrent_regularizer=None,
        bias_regularizer=None,
        kernel_constraint=None,
        recurrent_constraint=None,
        bias_constraint=None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        zoneout: float | Sequence[float] = 0.0,
        layer_norm: bool = False,
        use_bias: bool = True,
        trainable_initial_state: bool = False,
        seed: int | None = None,
        **layer_options,
    ):
        self._refuse_unknown(layer_options)
        super().__init__(**layer_options)
        self.units = positive_integer("units", units)
        for kind, *given in (
            ("kernel", kernel_initializer, kernel_regularizer, kernel_constraint),
            ("recurrent", recurrent_initializer, recurrent_regularizer, recurrent_constraint),
            ("bias", bias_initializer, bias_regularizer, bias_constraint),
        ):
            for (what, module), value in zip(OF_WEIGHTS.items(), given, strict=True):
                option = f"{kind}_{what}"
                setattr(self, option, self._known(module, option, value))
        self.set_rates(dropout, recurrent_dropout, zoneout, seed)
        self.layer_norm = boolean("layer_norm", layer_norm)
        self.use_bias = boolean("use_bias", use_bias)
        self.trainable_initial_state = boolean("trainable_initial_state", trainable_initial_state)

    # What the equation has. A cell whose blocks depend on its options overrides these.

    @property
    def kernel_blocks(self) -> tuple[str, ...]:
        """Blocks of `kernel`, in weight order."""
        return tuple(self.gates)

    @property
    def recurrent_blocks(self) -> tuple[str, ...]:
        """Blocks of `recurrent_kernel`, in weight order."""
        return tuple(self.gates)

    @property
    def bias_blocks(self) -> tuple[str, ...]:
        """Blocks of `bias`, in weight order."""
        return tuple(self.gates) if self.use_bias else ()

    def bias_defaults(self) -> dict[str, Any]:
        """The paper's initial bias of single gates: gate -> initialiser or number."""
        return {}

    @property
    def output_size(self) -> int:
        """Width of the output, which is also that of the first state."""
        return self.units

    @property
    def operand_size(self) -> int:
        """Width of the operand of recurrent products."""
        return self.output_size

    @property
    def state_size(self) -> int | list[int]:
        """Width of each state; a plain integer where there is only one, as Keras has it."""
        sizes = [self.output_size] + [self.units] * (len(self.state_names) - 1)
        return sizes[0] if len(sizes) == 1 else sizes

    # The equation.

    def project(self, inputs):
        """All that depends on the input alone, for one step or for all steps of a sequence.

        Args:
            inputs: `(..., features)`.

        Returns:
            `(..., len(gates) * units)`: `W x + b`, gates side by side. A cell may return a tuple of
            such tensors.
        """
        return self.affine(inputs, self.biases(*self.gates, joined=True))

    def step(self, projected, states):
        """One step of the recurrence: the formula of the paper.

        Args:
            projected: One step of what `project` returns, `(batch, n)`.
            states: One tensor `(batch, size)` for each state.

        Returns:
            `(output, new_states)`.
        """
        raise NotImplementedError(f"{type(self).__name__} has no `step`")

    def call(self, inputs, states, training=False):
        """One step as `keras.layers.RNN` wants it, with dropout and zoneout."""
        given = list(states) if isinstance(states, (list, tuple)) else [states]
        states = [ops.cast(state, self.variable_dtype) for state in given]
        masks, keep = self.drawn_for(inputs, states) if training else (Masks(), None)
        with during(masks={**running().masks, id(self): masks}):
            projected = self.project(self.drop_inputs(inputs))
            output, new_states = self.advance(projected, states, keep)
        # A loop needs states of one dtype: leave as they came.
        new_states = [ops.cast(new, old.dtype) for new, old in zip(new_states, given, strict=True)]
        return ops.cast(output, self.compute_dtype), new_states

    def advance(self, projected, states, keep=None):
        """`step`, then zoneout.

        Args:
            projected: One step of what `project` returns.
            states: The states before the step.
            keep: For each state a mask of the units that keep their old value; None stands for
                inference.

        Returns:
            `(output, new_states)`, as `step` does.
        """
        output, new_states = self.step(projected, states)
        if not any(self.zoneout):
            return output, new_states
        zoned = self.zoned(states, new_states, keep)
        return (zoned[0] if output is new_states[0] else output), zoned

    # The products. Every matrix product of a cell is one of these.

    def input_product(self, inputs, *blocks: str):
        """`W x` for the named kernel blocks, side by side; without names for all of them.

        With `layer_norm` the blocks of the kernel are normalised together, whichever are asked for.
        """
        columns = self._columns("kernel", self.kernel_blocks, blocks or self.kernel_blocks)
        if self.layer_norm:
            return normalise(self._product(inputs, self.kernel), self.kernel_gain)[..., columns]
        return self._product(inputs, self.kernel, columns)

    def affine(self, inputs, bias, *blocks: str):
        """`W x + b` for the named kernel blocks; `bias` is a vector, or 0.

        For a whole sequence the bias is one more row of the kernel, and every input ends in a 1:
        one product does both, and its gradient both gradients, where an addition would pass over
        all steps again each time.
        """
        whole_sequence = len(inputs.shape) > 2
        exact = self.compute_dtype == self.variable_dtype
        if isinstance(bias, float) or self.layer_norm or not (whole_sequence and exact):
            return self.input_product(inputs, *blocks) + bias
        columns = self._columns("kernel", self.kernel_blocks, blocks or self.kernel_blocks)
        ones = ops.ones((*ops.shape(inputs)[:-1], 1), dtype=self.compute_dtype)
        kernel = block(ops.convert_to_tensor(self.kernel), columns, self.compute_dtype)
        return matmul(
            ops.concatenate([ops.cast(inputs, self.compute_dtype), ones], axis=-1),
            ops.concatenate([kernel, bias[None]], axis=0),
        )

    def recurrent(self, operand, *blocks: str, add=None):
        """`U operand` for the named blocks: one tensor a block, the tensor itself for one block.

        Blocks that meet the same operand belong in one call: it is one product, and one vector
        where layer normalisation is on. They are named in weight order, without gaps.

        Args:
            operand: `(batch, output_size)`.
            *blocks: Names of recurrent blocks.
            add: What the product is added to, `(batch, len(blocks) * units)` or what broadcasts to
                that: as a rule the projected input of these blocks. A loop that keeps the sum need
                not keep both terms.
        """
        columns = self._columns("recurrent_kernel", self.recurrent_blocks, blocks)
        operand = self.masked(operand)
        if self.layer_norm:
            result = self._product(operand, self.recurrent_kernel, columns)
            result = normalise(result, self.recurrent_gain[columns])
            result = result if add is None else add + result
        else:
            result = self._product(operand, self.recurrent_kernel, columns, add)
        return result if len(blocks) == 1 else tuple(ops.split(result, len(blocks), axis=-1))

    def biases(self, *blocks: str, joined: bool = False):
        """The bias of each named block (side by side if `joined`); 0 where there is none."""
        if not self.use_bias:
            return 0.0 if joined else (0.0,) * len(blocks)
        bias = self.bias[self._columns("bias", self.bias_blocks, blocks)]
        return bias if joined else tuple(ops.split(bias, len(blocks), axis=-1))

    def _product(self, operand, weight, columns=None, addend=None):
        """The product in the compute dtype; it and the sum are in the variable dtype."""
        operand = ops.cast(operand, self.compute_dtype)
        if addend is not None and self.compute_dtype == self.variable_dtype:
            width = weight.shape[-1] if columns is None else columns.stop - columns.start
            if fits(addend, (*operand.shape[:-1], width)):
                return product(operand, weight, columns, ops.convert_to_tensor(addend))
        result = ops.cast(product(operand, weight, columns), self.variable_dtype)
        return result if addend is None else addend + result

    def _columns(self, weight: str, present: tuple[str, ...], blocks: tuple[str, ...]) -> slice:
        start = present.index(blocks[0]) if blocks and blocks[0] in present else None
        if start is None or present[start : start + len(blocks)] != blocks:
            raise ValueError(
                f"{weight} has the blocks {present}, in this order; asked for {blocks}"
            )
        return slice(start * self.units, (start + len(blocks)) * self.units)

    # Weights.

    def build(self, input_shape):
        """Makes the weights for inputs `(..., features)`."""
        features = input_shape[-1]
        if features is None:
            raise ValueError(
                f"{type(self).__name__} needs a known number of features; input shape {input_shape}"
            )
        self.features = features
        self.build_weights(features)
        if self.trainable_initial_state:
            for name, size in zip(self.state_names, tree.flatten(self.state_size), strict=True):
                setattr(self, f"initial_{name}", self.vector(f"initial_{name}", size, "zeros"))

    def build_weights(self, features: int):
        """The weights of the equation; a cell with weights of its own adds them after these."""
        kernel, recurrent = self.kernel_blocks, self.recurrent_blocks
        if kernel:
            self.kernel = self.matrix("kernel", features, kernel)
        if recurrent:
            self.recurrent_kernel = self.matrix("recurrent_kernel", self.operand_size, recurrent)
        self.build_bias()
        if self.layer_norm and kernel:
            self.kernel_gain = self.vector("kernel_gain", len(kernel) * self.units, "ones")
        if self.layer_norm and recurrent:
            self.recurrent_gain = self.vector("recurrent_gain", len(recurrent) * self.units, "ones")

    def build_bias(self):
        """The weight `bias`."""
        if self.bias_blocks:
            shape = (len(self.bias_blocks) * self.units,)
            self.bias = self.weight("bias", "bias", shape, self.initialise_bias)

    def matrix(self, name: str, rows: int, blocks: tuple[str, ...]):
        """A matrix weight of blocks `(rows, units)`, with the options of the kind its name says."""
        kind = "recurrent" if name.startswith("recurrent") else "kernel"
        option = f"{kind}_initializer"
        given, default = getattr(self, option), Cell.options()[option]

        def initialise(shape, dtype):
            return draw_blocks(given, {}, default, blocks, (rows, self.units), dtype)

        return self.weight(name, kind, (rows, len(blocks) * self.units), initialise)

    def weight(self, name: str, kind: str, shape: tuple[int, ...], initializer):
        """A weight with the regulariser and the constraint of `kernel`, `recurrent` or `bias`."""
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=initializer,
            regularizer=getattr(self, f"{kind}_regularizer"),
            constraint=getattr(self, f"{kind}_constraint"),
            autocast=False,
        )

    def vector(self, name: str, size: int, initializer):
        """An element-wise weight; it stays in the variable dtype."""
        return self.add_weight(name=name, shape=(size,), initializer=initializer, autocast=False)

    def initialise_bias(self, shape, dtype):
        """Initial value of `bias`: what the user gave for a gate, else what the paper says."""
        given, defaults = self.bias_initializer, self.bias_defaults()
        return draw_blocks(given, defaults, "zeros", self.bias_blocks, (self.units,), dtype)

    # States.

    def get_initial_state(self, batch_size=None):
        """The states before the first step: zeros, or the weights that hold them."""
        if not self.trainable_initial_state:
            sizes = tree.flatten(self.state_size)
            return [ops.zeros((batch_size, size), dtype=self.variable_dtype) for size in sizes]
        if not self.built:
            raise ValueError(
                f"{type(self).__name__} learns its initial state: build it before asking"
            )
        weights = [getattr(self, f"initial_{name}") for name in self.state_names]
        return [
            ops.broadcast_to(ops.convert_to_tensor(one), (batch_size, one.shape[0]))
            for one in weights
        ]


def normalise(vector, gain):
    """Layer normalisation over the last axis, without a shift."""
    centred = vector - ops.mean(vector, axis=-1, keepdims=True)
    variance = ops.mean(ops.square(centred), axis=-1, keepdims=True)
    return gain * centred * ops.rsqrt(variance + EPSILON)
