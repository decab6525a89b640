"""A cell run over time: the whole sequence projected at once, right with any padding."""

import keras
from keras import ops, tree

from keraseq.cells.cell import Cell
from keraseq.checks import one_of, positive_integer
from keraseq.keras_inside import expected_batch
from keraseq.layers.holding import Holding
from keraseq.layers.recurrence import Recurrence
from keraseq.layers.scan import LOOPS, checkpointed, parallel, scan, without_xla
from keraseq.layers.scan.formats import exported
from keraseq.layers.starting import Starting, in_every_row

RUN_OPTIONS = ("loop", "unroll", "checkpoint_every")  # how it runs, never what it computes


@keras.saving.register_keras_serializable("keraseq")
class RNN(Holding, Starting, keras.layers.RNN):
    """Drop-in for `keras.layers.RNN` that is faster with keraseq's cells and right with any mask.

        p_1 ... p_T = project(x_1 ... x_T)          one matrix product for all steps
        y_t, s_t    = step(p_t, s_{t-1})            t = 1 ... T

    A masked step keeps every state and repeats the last valid output (zeros before the first valid
    step). This holds for every cell, also where the output is not the first state, with
    `go_backwards`, `unroll` and rows without any valid step, on every backend; `keras.layers.RNN`
    in Keras 3.15 differs on JAX and PyTorch in these cases.

    Any other cell works too, a list of cells, a wrapped cell, Keras' own: one call a step, states
    in the cell's compute dtype.

    Args:
        cell: A cell, or a list of cells that run as one (`keras.layers.StackedRNNCells`).
        return_sequences: Whether to return the output of every step instead of the last.
            Defaults to `False`.
        return_state: Whether to return the last states too. Defaults to `False`.
        go_backwards: Whether to read the sequence from its end; the outputs stand in the order in
            which they were made. Defaults to `False`.
        stateful: Whether the last states of a batch are the first of the next; needs a fixed batch
            size. Defaults to `False`.
        unroll: Whether to lay all steps out one after the other instead of looping; needs a known
            number of steps. A number lays so many steps out in each round of the loop.
            Defaults to `False`.
        zero_output_for_mask: With `return_sequences`, whether masked steps give zeros instead of
            the last valid output. Defaults to `False`.
        loop: How it runs: `"plain"`, `"deferred"`, `"compiled"`, `"fused"`, for a
            `keraseq.cells.LinearCell` also `"parallel"` (see `keraseq.layers.scan`), or `"auto"`,
            which chooses; `loop_taken` and `loop_reason` say what ran in the last call and why. All
            give the same numbers; second derivatives need `"plain"`. Defaults to `"auto"`.
        checkpoint_every: For long sequences: train in pieces of so many steps, keep only the states
            between them, and run each piece again in the gradient. Memory grows with
            `time / checkpoint_every + checkpoint_every` instead of `time` (but for inputs and
            outputs), for about a third more work. Needs a known number of steps. Default: one
            piece.
        **kwargs: `name`, `dtype`, `trainable` of `keras.layers.Layer`.

    Call arguments:
        sequences: `(batch, time, features)`.
        initial_state: The states before the first step, a list of `(batch, size)`, or of
            `(1, size)` for all rows alike. Default: what the cell says.
        mask: `(batch, time)`, `True` where a step is valid; what the input holds elsewhere does not
            matter, were it NaN. In a mask of more axes, as of words in the sentences that are the
            steps, a step is valid where any of its parts is.
        training: Whether dropout and zoneout are at work.
        context: Nested tensors that every step may read, such as the outputs of an encoder and
            their mask; the cell finds them in `keraseq.cells.running().context`, and they get their
            gradient in every loop. A step that reads any other tensor is found out and runs in the
            plain loop. A cell that has `remember(context, context_mask)`, such as `AttentionCell`,
            finds what that gave. Default: none.
        context_mask: For a cell that has `remember`: the masks of the context, as nested as it is.
            Default: those that it carries.

    Returns:
        The output, `(batch, time, output_size)` or `(batch, output_size)`; with `return_state` a
        tuple of it and every last state `(batch, size)`.

    Raises:
        ValueError: `cell` is no cell; `unroll` without a known number of steps; `loop="parallel"`
            for a cell that is not linear, and on TensorFlow without a known number of steps;
            `stateful` without a fixed batch size; in use, `loop="fused"` with a cell or option that
            no kernel has, an `initial_state` that does not fit, and on TensorFlow
            `checkpoint_every` with a step that reads a tensor which is neither an argument nor a
            weight.

    Example:

    >>> import keraseq
    >>> layer = keraseq.layers.RNN(keraseq.cells.MUT1Cell(16), return_sequences=True)
    >>> tuple(layer(keras.ops.ones((2, 5, 3)), mask=keras.ops.ones((2, 5), "bool")).shape)
    (2, 5, 16)
    """

    def __init__(
        self,
        cell,
        return_sequences=False,
        return_state=False,
        go_backwards=False,
        stateful=False,
        unroll=False,
        zero_output_for_mask=False,
        loop="auto",
        checkpoint_every=None,
        **kwargs,
    ):
        if isinstance(cell, str):
            raise ValueError(
                f"cell must be a cell; received the name {cell!r}. "
                f"Accepted: keraseq.cells.get({cell!r}, units=...)"
            )
        super().__init__(
            cell,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll if isinstance(unroll, bool) else positive_integer("unroll", unroll),
            zero_output_for_mask=zero_output_for_mask,
            **kwargs,
        )
        self.loop = one_of("loop", loop, LOOPS)
        parallel.check(loop, cell)
        self.loop_taken = self.loop_reason = None  # of the last call
        if checkpoint_every is not None:
            positive_integer("checkpoint_every", checkpoint_every)
        self.checkpoint_every = checkpoint_every
        self._recurrences = {}  # in training and out of it

    def build(self, sequences_shape, initial_state_shape=None, context_shape=None):
        """Builds the cell, and the states of a `stateful` layer."""
        self._check(sequences_shape)
        if hasattr(self.cell, "remember") and not self.cell.built:
            self.cell.build((sequences_shape[0], *sequences_shape[2:]), context_shape)
        super().build(sequences_shape, initial_state_shape)
        if without_xla(Recurrence(self, True), sequences_shape[1]):
            self.supports_jit = False

    def call(
        self,
        sequences,
        initial_state=None,
        mask=None,
        training=False,
        context=None,
        context_mask=None,
    ):
        """Runs the cell over the sequence."""
        self._check(sequences.shape)
        if context is not None and hasattr(self.cell, "remember"):
            context = self.cell.remember(context, context_mask)
        output, states = self.over_time(
            swap_time(sequences), initial_state, mask, training, context
        )
        output = swap_time(output) if self.return_sequences else output
        return (output, *states) if self.return_state else output

    def over_time(self, sequences, initial_state=None, mask=None, training=False, context=None):
        """`call` for sequences `(time, batch, features)`: what layers on top of each other hand on.

        Returns:
            `(output, states)`: the output `(time, batch, output_size)` or `(batch, output_size)`,
            and a list of the last states, whether `return_state` or not.
        """
        batch = ops.shape(sequences)[1]
        carry = {"states": self.states_before(initial_state, batch)}
        reads = {"x": sequences}
        if mask is not None:
            reads["valid"] = ops.transpose(valid_steps(mask))
        if mask is not None or not self.return_sequences:  # to repeat the last output, or return it
            carry["output"] = ops.zeros((batch, *self._output_shape()), dtype=self.state_dtype)
        training = bool(training)
        if training not in self._recurrences:
            self._recurrences[training] = Recurrence(self, training)
        recurrence = self._recurrences[training]
        drawn, reads["keep"] = recurrence.draw(ops.shape(reads["x"])[0], batch)
        if self.checkpoint_every and training:
            outputs, carry = self._run_in_pieces(reads, carry, drawn, context)
        else:
            outputs, carry = self.run_recurrence(recurrence, reads, carry, drawn, context)
        states = carry["states"]
        if self.stateful:
            for variable, state in zip(
                tree.flatten(self.states), tree.flatten(states), strict=True
            ):
                variable.assign(state)
        output = ops.cast(carry["output"] if outputs is None else outputs, self.compute_dtype)
        return output, tree.map_structure(lambda s: ops.cast(s, self.compute_dtype), states)

    @property
    def variables(self):
        """All variables, the states of a `stateful` layer too.

        Keras does not list those, and so loses them between the batches of `fit` and `predict` on
        JAX. They are no weights: `weights` and saved files do not hold them.
        """
        return [*super().variables, *tree.flatten(self.states or [])]

    @property
    def state_sizes(self) -> list[int]:
        """Size of each state."""
        return tree.flatten(self.cell.state_size)

    def get_config(self):
        """Configuration for serialisation."""
        own = {"loop": self.loop, "checkpoint_every": self.checkpoint_every}
        return {**super().get_config(), **own}

    def compute_mask(self, sequences, mask=None):
        """The mask of the outputs; states have none."""
        return super().compute_mask(sequences, valid_steps(mask))

    def reset_state(self, states=None):
        """Sets the states of a `stateful` layer, to `states` or to what the cell starts from."""
        if self.states is None:
            if states is not None:
                raise ValueError("only a built layer with stateful=True has states to set")
            return
        if states is None:
            states = self.get_initial_state(expected_batch(self))
        for variable, state in zip(tree.flatten(self.states), tree.flatten(states), strict=True):
            variable.assign(state)

    # The loop.

    def _run_in_pieces(self, reads, carry, drawn, context):
        """`_run`, with `checkpoint_every` piece by piece, each to be run again in the gradient."""
        length = reads["x"].shape[0]
        if length is None:
            raise ValueError("checkpoint_every needs a known number of steps; received time=None")
        run_piece = checkpointed(self._run_piece, getattr(self.cell, "weights", []))
        if "valid" in reads:  # TensorFlow's takes no booleans
            reads = reads | {"valid": ops.cast(reads["valid"], "float32")}
        outputs, starts = [], range(0, length, self.checkpoint_every)
        for start in reversed(starts) if self.go_backwards else starts:
            piece = slice(start, start + self.checkpoint_every)
            now = tree.map_structure(lambda one, piece=piece: one[piece], reads)
            # The masks of this sequence go along as arguments: a gradient runs it again when this
            # call is long over.
            output, carry = run_piece(now, carry, drawn, context)
            outputs += output
        return ops.concatenate(outputs, axis=0) if self.return_sequences else None, carry

    def _run_piece(self, reads, carry, drawn, context):
        if "valid" in reads:
            reads = reads | {"valid": reads["valid"] > 0.5}
        recurrence = self._recurrences[True]
        output, after = self.run_recurrence(recurrence, reads, carry, drawn, context, in_piece=True)
        return [] if output is None else [output], after

    def run_recurrence(self, recurrence, reads, carry, drawn, context, in_piece=False):
        """The loop over what it reads, time first: the outputs of all steps, and the last carry."""
        batch, span = reads["x"].shape[1], None
        if exported() != "onnx":  # whose loops give as many outputs as they have rounds
            span = valid_span(reads.get("valid"))
        shape = (batch, *self._output_shape())
        kept = keras.KerasTensor(shape, self.compute_dtype, name="output")  # a name takes its time
        before = carry.get("output") if in_piece else None
        outputs, carry, choice = scan(
            recurrence,
            reads,
            carry,
            drawn,
            context,
            collect=kept if self.return_sequences else None,
            reverse=self.go_backwards,
            unroll=self.unroll,
            span=span,
            loop=self.loop,
            in_piece=in_piece,
        )
        # Texts at every call: what Keras does with an attribute takes longer than an operation.
        vars(self).update(loop_taken=choice.loop, loop_reason=choice.reason)
        if span is not None and self.return_sequences:
            outputs = self._silent_around(span, outputs, before, carry["output"])
        return outputs, carry

    def _silent_around(self, span, outputs, before, last):
        """The outputs, with those of the steps around the valid ones, where nothing ran.

        Before the first valid step of a sequence they are zeros already, and `before` is None.
        """
        first, stop = span
        steps = ops.shape(outputs)[0]
        begin, end = (steps - stop, steps - first) if self.go_backwards else (first, stop)
        times = ops.reshape(ops.arange(steps), (-1, *[1] * (len(outputs.shape) - 1)))
        for silent, one in ((times >= end, last), (times < begin, before)):
            if one is not None:
                one = ops.zeros_like(one) if self.zero_output_for_mask else one
                outputs = ops.where(silent, ops.cast(one, outputs.dtype)[None], outputs)
        return outputs

    # Before the loop.

    def _check(self, shape):
        if len(shape) < 3:
            raise ValueError(
                f"{type(self).__name__} reads (batch, time, features); "
                f"received shape {tuple(shape)}"
            )
        if self.unroll is True and shape[1] is None:
            raise ValueError("unroll=True needs a known number of steps; received time=None")
        parallel.check(self.loop, self.cell, shape[1])
        expected, batch = expected_batch(self), shape[0]
        if self.stateful and None not in (expected, batch) and batch != expected:
            raise ValueError(
                f"stateful=True was built for batches of {expected}; received a batch of {batch}"
            )

    def states_before(self, initial_state, batch):
        """The states before the first step, nested as the cell nests them: given, kept, its own."""
        if initial_state is None:
            initial_state = self.states if self.stateful else self.get_initial_state(batch)
        elif not isinstance(self.cell, Cell):  # cells in one another may nest theirs
            nested = self.get_initial_state(batch)
            initial_state = tree.pack_sequence_as(nested, tree.flatten(initial_state))
        if not tree.is_nested(initial_state):
            initial_state = [initial_state]
        dtype = self.state_dtype
        states = tree.map_structure(
            lambda state: in_every_row(ops.convert_to_tensor(state, dtype=dtype), batch),
            lists(initial_state),
        )
        # PyTorch: the variables are overwritten after the loop, while the gradient needs their old
        # values.
        return tree.map_structure(ops.copy, states) if self.stateful else states

    @property
    def state_dtype(self):
        """keraseq's cells keep their states in the variable dtype, others in the compute dtype."""
        if isinstance(self.cell, Cell):
            return self.cell.variable_dtype
        other = getattr(self.cell, "compute_dtype", self.compute_dtype)
        return getattr(self.cell, "state_dtype", other)

    def _output_shape(self):
        size = getattr(self.cell, "output_size", None)
        size = self.state_size[0] if size is None else size
        return (size,) if isinstance(size, int) else tuple(size)


def run_options(options: dict | None) -> dict:
    """How a builder's recurrent layers are to run, or an error that names what is unknown."""
    options = dict(options or {})
    for name in options:
        one_of("option of rnn_options", name, RUN_OPTIONS)
    return options


def swap_time(sequences):
    """`(batch, time, ...)` as `(time, batch, ...)`, and back."""
    return ops.transpose(sequences, (1, 0, *range(2, len(sequences.shape))))


def valid_steps(mask):
    """A mask `(batch, time, ...)` as `(batch, time)`: a step is valid where any of its parts is."""
    mask = None if mask is None else tree.flatten(mask)[0]
    if mask is None:
        return None
    mask = ops.cast(mask, "bool")
    return ops.any(mask, axis=tuple(range(2, len(mask.shape)))) if len(mask.shape) > 2 else mask


def valid_span(valid):
    """First step with a valid row, and the step after the last one; at least one step runs."""
    if valid is None:
        return None
    anywhere, steps = ops.any(valid, axis=1), ops.shape(valid)[0]
    times = ops.arange(steps, dtype="int32")
    first = ops.minimum(ops.min(ops.where(anywhere, times, steps)), steps - 1)
    stop = ops.max(ops.where(anywhere, times + 1, 0))
    return first, ops.maximum(stop, first + 1)


def lists(nested):
    """Nested states as plain lists: Keras tracks some as lists of its own kind."""
    if isinstance(nested, (list, tuple)):
        return [lists(one) for one in nested]
    return nested
