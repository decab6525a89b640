"""Towers of recurrent layers."""

from collections.abc import Sequence

import keras
from keras import ops, tree

from keraseq import cells
from keraseq.checks import boolean, positive_integer, rate
from keraseq.keras_inside import layers_inside, serialized
from keraseq.layers.bidirectional import Bidirectional
from keraseq.layers.holding import Holding
from keraseq.layers.rnn import RNN, run_options, swap_time, valid_steps
from keraseq.layers.starting import Starting


def stack(
    cell,
    units: int | Sequence[int],
    *,
    layers: int | None = None,
    bidirectional: bool = False,
    residual: bool = False,
    dropout: float = 0.0,
    return_sequences: bool = False,
    return_state: bool = False,
    stateful: bool = False,
    cell_options: dict | None = None,
    rnn_options: dict | None = None,
    **kwargs,
) -> "Stack":
    """A deep, bidirectional or residual tower of any cell; see `Stack` for the arguments.

    Example:

    >>> import keraseq
    >>> tower = keraseq.layers.stack("mut1", [32, 16], bidirectional=True)
    >>> tuple(tower(keras.ops.ones((2, 5, 3))).shape)
    (2, 32)
    """
    return Stack(
        cell,
        units,
        layers=layers,
        bidirectional=bidirectional,
        residual=residual,
        dropout=dropout,
        return_sequences=return_sequences,
        return_state=return_state,
        stateful=stateful,
        cell_options=cell_options,
        rnn_options=rnn_options,
        **kwargs,
    )


@keras.saving.register_keras_serializable("keraseq")
class Stack(Holding, Starting, keras.layers.Layer):
    """Recurrent layers on top of each other, as one layer.

        y^0 = x
        y^l = RNN^l(dropout(y^{l-1})) [+ y^{l-1} if residual]     l = 1 ... layers

    Residual connections go around every layer but the first, whose input has another width. In a
    tower that returns the last step only, the last layer's bypass is what it would be there: the
    lower layer's last valid output (and for the backward half its first).

    Args:
        cell: A registered name, a cell class, or a cell instance that serves as a pattern.
        units: Size of the state of each layer: one number a layer, or one for all.
        layers: Number of layers; needed only where `units` is one number. Defaults to 1.
        bidirectional: Whether each layer runs both ways, its outputs side by side.
            Defaults to `False`.
        residual: Whether to add each layer's input to its output. Defaults to `False`.
        dropout: Fraction of the values to drop between layers, in [0, 1). Defaults to 0.
        return_sequences: Whether to return the output of every step. Defaults to `False`.
        return_state: Whether to return the last states of every layer too. Defaults to `False`.
        stateful: Whether the last states of a batch are the first of the next.
            Defaults to `False`.
        cell_options: Options of the cells, a dictionary.
        rnn_options: How the recurrent layers run, a dictionary of `loop`, `unroll` and
            `checkpoint_every`, see `keraseq.layers.RNN`. Default: as it chooses.
        **kwargs: `name`, `dtype`, `trainable` of `keras.layers.Layer`.

    Call arguments:
        sequences: `(batch, time, features)`.
        initial_state: The states before the first step of all layers, a flat list in the order in
            which `return_state` gives them, `(batch, size)` or `(1, size)` each.
        mask: `(batch, time)`, `True` where a step is valid.
        training: Whether dropout and zoneout are at work.

    Returns:
        `(batch, time, width)` or `(batch, width)`, with `return_state` a tuple of it and every
        state; width is the last layer's output size, twice that if bidirectional.

    Raises:
        ValueError: An unknown cell or option, sizes that contradict each other, or a residual
            tower whose layers differ in width; in use, an `initial_state` that does not fit.

    Example:

    >>> import keraseq
    >>> tower = keraseq.layers.Stack("gru", 16, layers=3, residual=True, return_sequences=True)
    >>> tuple(tower(keras.ops.ones((2, 5, 3))).shape)
    (2, 5, 16)
    """

    def __init__(
        self,
        cell,
        units,
        *,
        layers=None,
        bidirectional=False,
        residual=False,
        dropout=0.0,
        return_sequences=False,
        return_state=False,
        stateful=False,
        cell_options=None,
        rnn_options=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.units = sizes(units, layers)
        self.bidirectional = boolean("bidirectional", bidirectional)
        self.residual = boolean("residual", residual)
        self.dropout = rate("dropout", dropout)
        self.return_sequences = boolean("return_sequences", return_sequences)
        self.return_state = boolean("return_state", return_state)
        self.stateful = boolean("stateful", stateful)
        self.rnn_options = run_options(rnn_options)
        self.supports_masking = True
        self.cell_options = dict(cell_options or {})
        if isinstance(cell, type):  # from here on an instance is the pattern
            cell = cells.get(cell, self.units[0], **self.cell_options)
            self.cell_options = {}
        # A pattern is never built: Keras may not take it for one of the layers.
        object.__setattr__(self, "cell", cell if isinstance(cell, str) else self._pattern(cell))
        self.rnns = [self._layer(i) for i in range(len(self.units))]
        widths = {self._width(rnn) for rnn in self.rnns}
        if self.residual and len(widths) > 1:
            raise ValueError(
                "residual=True adds each layer's input to its output and needs layers of one "
                f"width; received units={self.units}"
            )
        self.dropouts = [
            keras.layers.Dropout(self.dropout, dtype=self.dtype_policy) for _ in self.rnns[1:]
        ]

    def build(self, sequences_shape):
        """Builds the layers, each for the width of the one below."""
        shape = tuple(sequences_shape)
        for rnn in self.rnns:
            rnn.build(shape)
            shape = (*shape[:-1], self._width(rnn))
        super().build(sequences_shape)

    def call(self, sequences, initial_state=None, mask=None, training=False):
        """Runs the layers one after the other, time first from the lowest to the highest."""
        below, last_states, mask = swap_time(sequences), [], valid_steps(mask)
        given = None if initial_state is None else list(tree.flatten(initial_state))
        for i, rnn in enumerate(self.rnns):
            x = self.dropouts[i - 1](below, training=training) if i else below
            first_states = None
            if given is not None:
                count = len(rnn.state_sizes)
                first_states, given = given[:count], given[count:]
            y, states = rnn.over_time(x, first_states, mask, training)
            last_states += tree.flatten(states)
            if self.residual and i:
                y = y + (below if rnn.return_sequences else self._last(below, mask))
            below = y
        if self.return_sequences:
            below = swap_time(below)
        return (below, *last_states) if self.return_state else below

    def compute_mask(self, _, mask=None):
        """The mask of the outputs; states have none."""
        mask = valid_steps(mask) if self.return_sequences else None
        return (mask, *[None] * len(self.state_sizes)) if self.return_state else mask

    def compute_output_shape(self, sequences_shape):
        """Shape of the output, and of the states with `return_state`."""
        batch, width = sequences_shape[0], self._width(self.rnns[-1])
        shape = (batch, sequences_shape[1], width) if self.return_sequences else (batch, width)
        if not self.return_state:
            return shape
        return (shape, *[(batch, size) for size in self.state_sizes])

    @property
    def state_sizes(self) -> list[int]:
        """Size of each state of all layers, from the lowest to the highest."""
        return [size for rnn in self.rnns for size in rnn.state_sizes]

    def reset_state(self):
        """Sets the states of a `stateful` tower to what the cells start from."""
        for rnn in self.rnns:
            rnn.reset_state()

    def get_config(self):
        """Configuration for serialisation."""
        names = ("bidirectional", "residual", "dropout", "return_sequences", "return_state")
        cell = self.cell
        if not isinstance(cell, str):
            cell = serialized(cell)
        return {
            **super().get_config(),
            "cell": cell,
            "units": list(self.units),
            "cell_options": cells.options.serialised(dict(self.cell_options)),
            "rnn_options": dict(self.rnn_options),
            "stateful": self.stateful,
            **{name: getattr(self, name) for name in names},
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """The layer that `get_config` describes."""
        if "layers" in config:  # any number of them, in a file of a few bytes
            raise ValueError("a saved tower names the units of each layer, not their number")
        return super().from_config(config, custom_objects)

    def _pattern(self, cell):
        """An unbuilt copy, so that the caller's cell and its weights stay apart."""
        return cells.get(cell, getattr(cell, "units", None))

    def _layer(self, i):
        last = i == len(self.units) - 1
        cell = cells.get(self.cell, self.units[i], dtype=self.dtype_policy, **self.cell_options)
        layer = RNN(
            cell,
            return_sequences=self.return_sequences or not last,
            return_state=True,
            stateful=self.stateful,
            dtype=self.dtype_policy,
            name=f"rnn_{i + 1}",
            **self.rnn_options,
        )
        if self.bidirectional:
            layer = Bidirectional(layer, dtype=self.dtype_policy, name=f"bidirectional_{i + 1}")
        return layer

    def _width(self, rnn):
        if self.bidirectional:
            return 2 * rnn.forward_layer.cell.output_size
        return rnn.cell.output_size

    def _last(self, sequence, mask):
        """Last valid step of `(time, batch, width)`; for the backward half the first."""
        steps = ops.arange(ops.shape(sequence)[0])[:, None]
        if mask is None:
            valid = ops.ones_like(sequence[..., 0], dtype="bool")
        else:
            valid = ops.transpose(mask)
        last = ops.max(ops.where(valid, steps, -1), axis=0, keepdims=True)
        first = ops.min(ops.where(valid, steps, ops.shape(sequence)[0]), axis=0, keepdims=True)

        def at(step, values):
            chosen = ops.expand_dims(ops.cast(steps == step, values.dtype), -1)
            return ops.sum(chosen * values, axis=0)

        if not self.bidirectional:
            return at(last, sequence)
        forward, backward = ops.split(sequence, 2, axis=-1)
        return ops.concatenate([at(last, forward), at(first, backward)], axis=-1)


def reset_states(model: keras.Model) -> None:
    """Sets the states of every `stateful` layer of a model to what its cell starts from.

    Example:

    >>> import keraseq
    >>> inputs = keras.Input((5, 3), batch_size=2)
    >>> layer = keraseq.layers.RNN(keraseq.cells.GRUCell(4), stateful=True)
    >>> keraseq.layers.reset_states(keras.Model(inputs, layer(inputs)))
    """
    for layer in layers_inside(model):
        if isinstance(layer, keras.layers.RNN) and layer.stateful:
            layer.reset_state()


def sizes(units, layers: int | None) -> list[int]:
    """Units of each layer, or an error that says what contradicts what."""
    if isinstance(units, (list, tuple)):
        if not units:
            raise ValueError("units must name at least one layer; received units=[]")
        if layers is not None and layers != len(units):
            raise ValueError(
                f"units={list(units)} names {len(units)} layers; received layers={layers}"
            )
        return [positive_integer("units", one) for one in units]
    layers = 1 if layers is None else positive_integer("layers", layers)
    return [positive_integer("units", units)] * layers
