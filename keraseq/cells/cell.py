"""The contract that every cell keeps, and everything cells share besides their equation.

A cell says its equation in two halves. `project` is all that depends on the input alone, so that a
layer can call it once for every step of a sequence together; `step` is one step of the recurrence.
Inside `step` every recurrent product goes through `Cell.recurrent`.
"""

import inspect
import re
from collections.abc import Sequence
from types import NoneType
from typing import Any, ClassVar

import keras
from keras import ops

from keraseq.cells.context import Masks, during, running
from keraseq.cells.initializers import constant, draw_blocks
from keraseq.cells.products import block, matmul, product
from keraseq.checks import boolean, did_you_mean, known_to, positive_integer, rate
from keraseq.keras_inside import DropoutRNNCell

EPSILON = 1e-5  # added to the variance in layer normalisation
INITIAL = re.compile("initializer|regularizer|constraint|seed")  # options of weights, not of steps
LAYER_OPTIONS = ("name", "dtype", "trainable", "autocast", "activity_regularizer")


class Cell(keras.layers.Layer, DropoutRNNCell):
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
        self.kernel_initializer = self._initializers("kernel_initializer", kernel_initializer)
        self.recurrent_initializer = self._initializers(
            "recurrent_initializer", recurrent_initializer
        )
        self.bias_initializer = self._initializers("bias_initializer", bias_initializer)
        self.kernel_regularizer = known_to(
            keras.regularizers, "kernel_regularizer", kernel_regularizer
        )
        self.recurrent_regularizer = known_to(
            keras.regularizers, "recurrent_regularizer", recurrent_regularizer
        )
        self.bias_regularizer = known_to(keras.regularizers, "bias_regularizer", bias_regularizer)
        self.kernel_constraint = known_to(keras.constraints, "kernel_constraint", kernel_constraint)
        self.recurrent_constraint = known_to(
            keras.constraints, "recurrent_constraint", recurrent_constraint
        )
        self.bias_constraint = known_to(keras.constraints, "bias_constraint", bias_constraint)
        self.dropout = rate("dropout", dropout)
        self.recurrent_dropout = rate("recurrent_dropout", recurrent_dropout)
        self.zoneout = self._zoneout_rates(zoneout)
        self.layer_norm = boolean("layer_norm", layer_norm)
        self.use_bias = boolean("use_bias", use_bias)
        self.trainable_initial_state = boolean("trainable_initial_state", trainable_initial_state)
        self.seed = seed
        if self.dropout or self.recurrent_dropout or any(self.zoneout):
            self.seed_generator = keras.random.SeedGenerator(seed)
        self._dropout_mask = None  # of this sequence, in `keras.layers.RNN` alone
        self._recurrent_dropout_mask = None

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
        now, masks, keep = running(), Masks(), None
        if training:
            masks = now.masks.get(id(self)) or Masks(
                self.get_dropout_mask(inputs), self.get_recurrent_dropout_mask(states[0])
            )
            keep = now.keep.get(id(self)) or self._zoneout_of_one_step(states)
        with during(masks={**now.masks, id(self): masks}):
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
        zoned = []
        for i, (old, new) in enumerate(zip(states, new_states, strict=True)):
            p = self.zoneout[i]
            if not p:
                zoned.append(new)
            elif keep is None:
                zoned.append(p * old + (1 - p) * new)
            else:
                zoned.append(ops.where(keep[i], old, new))
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

    def recurrent(self, operand, *blocks: str):
        """`U operand` for the named blocks: one tensor a block, the tensor itself for one block.

        Blocks that meet the same operand belong in one call: it is one product, and one vector
        where layer normalisation is on. They are named in weight order, without gaps.
        """
        result = self.recurrent_product(operand, *blocks)
        return result if len(blocks) == 1 else tuple(ops.split(result, len(blocks), axis=-1))

    def recurrent_product(self, operand, *blocks: str):
        """`U operand` for the named blocks, side by side."""
        columns = self._columns("recurrent_kernel", self.recurrent_blocks, blocks)
        result = self._product(self.masked(operand), self.recurrent_kernel, columns)
        return normalise(result, self.recurrent_gain[columns]) if self.layer_norm else result

    def preactivations(self, projected, h):
        """`W x + U h + b` of each gate, for equations in which every gate reads the same `h`."""
        if self.layer_norm or self.compute_dtype != self.variable_dtype:
            total = projected + self.recurrent_product(h, *self.gates)
        else:  # a loop that keeps the sum need not keep both terms
            total = product(self.masked(h), self.recurrent_kernel, addend=projected)
        return ops.split(total, len(self.gates), axis=-1)

    def biases(self, *blocks: str, joined: bool = False):
        """The bias of each named block (side by side if `joined`); 0 where there is none."""
        if not self.use_bias:
            return 0.0 if joined else (0.0,) * len(blocks)
        bias = self.bias[self._columns("bias", self.bias_blocks, blocks)]
        return bias if joined else tuple(ops.split(bias, len(blocks), axis=-1))

    def masked(self, operand):
        """The operand of a recurrent product, under recurrent dropout."""
        mask = running().masks.get(id(self), Masks()).operands
        return operand if mask is None else operand * mask

    def _product(self, operand, weight, columns=None):
        result = product(ops.cast(operand, self.compute_dtype), weight, columns)
        return ops.cast(result, self.variable_dtype)

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
            for name, size in zip(self.state_names, self._state_sizes(), strict=True):
                weight = self.vector(f"initial_{name}", size, "zeros")
                setattr(self, f"initial_{name}", weight)

    def build_weights(self, features: int):
        """The weights of the equation; a cell with weights of its own adds them after these."""
        if self.kernel_blocks:
            self.kernel = self.matrix("kernel", features, self.kernel_blocks)
        if self.recurrent_blocks:
            self.recurrent_kernel = self.matrix(
                "recurrent_kernel", self.output_size, self.recurrent_blocks
            )
        self.build_bias()
        if self.layer_norm:
            if self.kernel_blocks:
                width = len(self.kernel_blocks) * self.units
                self.kernel_gain = self.vector("kernel_gain", width, "ones")
            if self.recurrent_blocks:
                width = len(self.recurrent_blocks) * self.units
                self.recurrent_gain = self.vector("recurrent_gain", width, "ones")

    def build_bias(self):
        """The weight `bias`."""
        if self.bias_blocks:
            self.bias = self.add_weight(
                name="bias",
                shape=(len(self.bias_blocks) * self.units,),
                initializer=self.initialise_bias,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                autocast=False,
            )

    def matrix(self, name: str, rows: int, blocks: tuple[str, ...]):
        """A matrix weight of blocks `(rows, units)`, with the options of the kind its name says."""
        kind = "recurrent" if name.startswith("recurrent") else "kernel"
        option = f"{kind}_initializer"
        initialisers, fallback = getattr(self, option), Cell.options()[option]
        return self.add_weight(
            name=name,
            shape=(rows, len(blocks) * self.units),
            initializer=lambda shape, dtype: draw_blocks(
                initialisers, {}, fallback, blocks, (rows, self.units), dtype
            ),
            regularizer=getattr(self, f"{kind}_regularizer"),
            constraint=getattr(self, f"{kind}_constraint"),
            autocast=False,
        )

    def vector(self, name: str, size: int, initializer):
        """An element-wise weight; it stays in the variable dtype."""
        return self.add_weight(name=name, shape=(size,), initializer=initializer, autocast=False)

    def initialise_bias(self, shape, dtype):
        """Initial value of `bias`: what the user gave for a gate, else what the paper says."""
        return draw_blocks(
            self.bias_initializer,
            self.bias_defaults(),
            "zeros",
            self.bias_blocks,
            (self.units,),
            dtype,
        )

    # States.

    def get_initial_state(self, batch_size=None):
        """The states before the first step: zeros, or the weights that hold them."""
        states = []
        for name, size in zip(self.state_names, self._state_sizes(), strict=True):
            if self.trainable_initial_state:
                if not self.built:
                    raise ValueError(
                        f"{type(self).__name__} learns its initial state: build it before asking"
                    )
                weight = ops.convert_to_tensor(getattr(self, f"initial_{name}"))
                states.append(ops.broadcast_to(weight, (batch_size, size)))
            else:
                states.append(ops.zeros((batch_size, size), dtype=self.variable_dtype))
        return states

    def _state_sizes(self) -> list[int]:
        size = self.state_size
        return [size] if isinstance(size, int) else list(size)

    # Dropout. Masks are drawn once a sequence, before its loop: `keras.layers.RNN` asks for them by
    # the two methods of `DropoutRNNCell` and resets them after it.

    def get_dropout_mask(self, step_input):
        """The input mask of this sequence, `(batch, features)`; None without dropout."""
        if self._dropout_mask is None:
            self._dropout_mask = self.draw_masks(ops.shape(step_input)[0], operands=False).inputs
        return self._dropout_mask

    def get_recurrent_dropout_mask(self, step_input):
        """The mask of recurrent operands, `(batch, output_size)`; None without dropout."""
        if self._recurrent_dropout_mask is None:
            batch = ops.shape(step_input)[0]
            self._recurrent_dropout_mask = self.draw_masks(batch, inputs=False).operands
        return self._recurrent_dropout_mask

    def draw_masks(self, batch, inputs: bool = True, operands: bool = True) -> Masks:
        """New dropout masks for a batch of sequences."""
        of_inputs = of_operands = None
        if inputs and self.dropout:
            of_inputs = self._draw_mask((batch, self.features), self.dropout, self.compute_dtype)
        if operands and self.recurrent_dropout:
            shape = (batch, self.output_size)
            of_operands = self._draw_mask(shape, self.recurrent_dropout, self.variable_dtype)
        return Masks(of_inputs, of_operands)

    def drop_inputs(self, inputs):
        """`(..., batch, features)` under the input mask of this sequence, if there is one."""
        mask = running().masks.get(id(self), Masks()).inputs
        return inputs if mask is None else inputs * mask

    def _draw_mask(self, shape, fraction, dtype):
        return keras.random.dropout(
            ops.ones(shape, dtype=dtype), fraction, seed=self.seed_generator
        )

    def draw_zoneout(self, *leading) -> list:
        """For each state which units keep their old value, `(*leading, size)`."""
        return [
            keras.random.uniform((*leading, size), seed=self.seed_generator) < p
            for p, size in zip(self.zoneout, self._state_sizes(), strict=True)
        ]

    def _zoneout_of_one_step(self, states):
        if not any(self.zoneout):
            return None
        if keras.backend.backend() == "jax":
            raise ValueError(
                "zoneout in training draws a new mask at every step, which keras.layers.RNN cannot "
                "do on JAX: run the cell in keraseq.layers.RNN"
            )
        return self.draw_zoneout(ops.shape(states[0])[0])

    # Configuration and checks.

    @classmethod
    def options(cls) -> dict[str, Any]:
        """Every option of the cell and its default, from the constructors' signatures."""
        found: dict[str, Any] = {}
        for klass in cls.__mro__:
            if issubclass(klass, Cell) and "__init__" in vars(klass):
                for parameter in inspect.signature(klass.__init__).parameters.values():
                    if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
                        found.setdefault(parameter.name, parameter.default)
        return found

    def equation(self) -> tuple | None:
        """What determines the equation beside weights and their shapes; None where unknown.

        It is known for keraseq's own cells, whose steps depend on their options alone.
        """
        if not type(self).__module__.startswith("keraseq.cells."):
            return None
        said = [(name, getattr(self, name)) for name in self.options() if not INITIAL.search(name)]
        plain = (bool, int, float, str, tuple, NoneType)
        if not all(isinstance(one, plain) or inspect.isfunction(one) for _, one in said):
            return None
        return type(self), self.units, self.dtype_policy.name, tuple(said)

    def get_config(self) -> dict[str, Any]:
        """Configuration, complete by construction: every constructor argument by its name."""
        config = super().get_config()
        config["units"] = self.units
        for name in self.options():
            config[name] = serialised(getattr(self, name))
        return config

    @classmethod
    def _refuse_unknown(cls, given: dict[str, Any]):
        for name in given:
            if name not in LAYER_OPTIONS:
                known = [*cls.options(), *LAYER_OPTIONS[:3]]
                raise ValueError(
                    f"unknown option {name!r} for {cls.__name__}; "
                    f"known options: {', '.join(known)}.{did_you_mean(name, known)}"
                )

    def _initializers(self, option: str, value):
        """One initialiser, or a dictionary from gate to initialiser."""
        per_gate = isinstance(value, dict) and "class_name" not in value
        if not per_gate:
            return known_to(keras.initializers, option, value)
        for gate in value:
            if gate not in self.gates:
                raise ValueError(
                    f"{option} names {gate!r}, which is no gate of {type(self).__name__}; "
                    f"its gates: {', '.join(self.gates)}.{did_you_mean(gate, self.gates)}"
                )
        return {
            gate: known_to(keras.initializers, option, constant(one)) for gate, one in value.items()
        }

    def _zoneout_rates(self, zoneout) -> tuple[float, ...]:
        many = isinstance(zoneout, (list, tuple))
        if many and len(zoneout) != len(self.state_names):
            raise ValueError(
                f"zoneout={tuple(zoneout)} has {len(zoneout)} rates; {type(self).__name__} has "
                f"{len(self.state_names)} state(s): {', '.join(self.state_names)}"
            )
        rates = zoneout if many else [zoneout] * len(self.state_names)
        return tuple(rate("zoneout", one, closed=True) for one in rates)


def normalise(vector, gain):
    """Layer normalisation over the last axis, without a shift."""
    centred = vector - ops.mean(vector, axis=-1, keepdims=True)
    variance = ops.mean(ops.square(centred), axis=-1, keepdims=True)
    return gain * centred * ops.rsqrt(variance + EPSILON)


def serialised(value):
    """A constructor argument as JSON can hold it."""
    if isinstance(value, dict):
        return {key: serialised(one) for key, one in value.items()}
    if hasattr(value, "get_config"):
        return keras.saving.serialize_keras_object(value)
    if callable(value):
        return keras.activations.serialize(value)
    return value
