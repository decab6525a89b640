"""One step of a recurrent layer, made of its cell, its mask, dropout and zoneout."""

import contextlib

import keras
from keras import ops, tree

from keraseq.cells.cell import Cell
from keraseq.cells.context import Masks, during
from keraseq.cells.linear import LinearCell, held
from keraseq.keras_inside import DropoutRNNCell, give_masks, layers_inside, takes_training


class Recurrence:
    """What the loops of `keraseq.layers.scan` run for a layer; it reads nothing but arguments.

    The layer owns it: a loop refers to it weakly, so that what a backend keeps of a loop, gradients
    and compiled functions, keeps neither the layer nor its weights.

    Args:
        layer: A `keraseq.layers.RNN`.
        training: Whether dropout and zoneout are at work.
    """

    def __init__(self, layer, training: bool):
        self.layer, self.cell, self.training = layer, layer.cell, training
        nested = layers_inside(self.cell) if isinstance(self.cell, keras.layers.Layer) else ()
        self.cells = [one for one in nested if isinstance(one, DropoutRNNCell)]
        ours = [one for one in self.cells if isinstance(one, Cell)]
        self.foreign = not ours  # nobody knows its products
        self.of_cell = type(self).step is Recurrence.step  # so that no step need be taken
        self.linear = self.of_cell and isinstance(self.cell, LinearCell)
        self.zoned = [one for one in ours if training and any(one.zoneout)]

    @property
    def variables(self) -> list[keras.Variable]:
        """Every weight that a step reads."""
        return list(getattr(self.cell, "weights", []))

    def alike(self) -> tuple | None:
        """What determines a step beside its arguments; None where nobody can tell.

        Layers for which it is the same may share what was compiled.
        """
        layer = self.layer
        if not isinstance(self.cell, Cell) or (equation := self.cell.equation()) is None:
            return None
        policies = (layer.compute_dtype, layer.state_dtype)
        return equation, policies, layer.zero_output_for_mask, self.training

    def draw(self, steps, batch) -> tuple[list, list]:
        """Dropout masks of a sequence for each cell, and zoneout of all its steps."""
        if not self.training:
            return [], []
        drawn = [masks_of(cell, batch) for cell in self.cells]
        return drawn, [cell.draw_zoneout(steps, batch) for cell in self.zoned]

    def project(self, reads, drawn):
        """What the layer reads, its input projected: one step of it, or time first many."""
        return self.met(reads, drawn, isinstance(self.cell, Cell) and self.cell.project)

    def met(self, reads, drawn, project=None):
        """What the layer reads, its input as the cell meets it: dropped, and nothing masked."""
        x = reads["x"]
        if "valid" in reads:  # what stands under the mask, were it NaN, must not be multiplied
            x = where(reads["valid"], x, ops.zeros((), dtype=x.dtype))
        if isinstance(self.cell, Cell):
            with self._at_work(drawn):
                x = self.cell.drop_inputs(x)
                x = project(x) if project else x
        return reads | {"x": x}

    def step(self, now, carry, drawn, context):
        """One step from what was read for it: `(output, carry)`."""
        layer, old, keep = self.layer, carry["states"], now.get("keep", [])
        kept = {id(cell): one for cell, one in zip(self.zoned, keep, strict=True)}
        with self._at_work(drawn, keep=kept, context=context):
            output, new = self._advance(now["x"], old, keep)
        new = tree.pack_sequence_as(old, tree.flatten(new))  # Keras nests them as it likes
        new = tree.map_structure(lambda n, o: ops.cast(n, o.dtype), new, old)
        output = emitted = ops.cast(output, layer.state_dtype)
        if "valid" in now:
            valid = now["valid"]
            new = tree.map_structure(lambda n, o: where(valid, n, o), new, old)
            output = where(valid, output, carry["output"])
            silent = ops.zeros_like(output) if layer.zero_output_for_mask else output
            emitted = where(valid, emitted, silent)
        after = {"states": new}
        if "output" in carry:
            after["output"] = output
        return ops.cast(emitted, layer.compute_dtype), after

    def coefficients(self, reads, drawn, context):
        """`(a, b)` of a linear cell for all steps, time first: masks and zoneout are in them."""
        keep = reads.get("keep")
        with self._at_work(drawn, context=context):
            a, b = self.cell.zoned_coefficients(reads["x"], keep[0] if keep else None)
        return held(~reads["valid"][..., None], a, b) if "valid" in reads else (a, b)

    def outputs(self, reads, states, carry, drawn, context, solved):
        """The outputs of a linear cell for all steps, from the states; and the last of them.

        `solved` is `keraseq.layers.scan.parallel.solved` of the backend at work.
        """
        layer = self.layer
        with self._at_work(drawn, context=context):
            output = ops.cast(self.cell.emit(states, reads["x"]), layer.state_dtype)
        emitted = output
        if "valid" in reads:
            valid, before = reads["valid"][..., None], carry["output"]
            if self.cell.emits:  # the last valid output is a linear recurrence, too
                fresh = ops.where(valid, output, 0.0)
                [output] = solved([ops.cast(~valid, fresh.dtype)], [fresh], [before])
            else:  # the state stays by itself
                output = ops.where(ops.cumsum(valid, axis=0) > 0, output, before)
            emitted = ops.where(valid, output, 0.0) if layer.zero_output_for_mask else output
        return ops.cast(emitted, layer.compute_dtype), output[-1]

    def _advance(self, x, states, keep):
        if isinstance(self.cell, Cell):
            return self.cell.advance(x, states, keep[0] if keep else None)
        trains = isinstance(self.cell, keras.layers.Layer) and takes_training(self.cell)
        output, states = self.cell(x, states, **({"training": self.training} if trains else {}))
        return output, states if tree.is_nested(states) else [states]

    @contextlib.contextmanager
    def _at_work(self, drawn, **others):
        """The dropout masks that were drawn are at work, and what else `during` is told."""
        pairs = list(zip(self.cells, drawn, strict=True)) if drawn else []
        own = {id(cell): Masks(*masks) for cell, masks in pairs if isinstance(cell, Cell)}
        theirs = [(cell, masks) for cell, masks in pairs if not isinstance(cell, Cell)]
        for cell, masks in theirs:  # Keras' cells look for them on themselves
            give_masks(cell, *masks)
        try:
            with during(masks=own, **others):
                yield
        finally:
            for cell, _ in theirs:  # no tracer stays
                cell.reset_dropout_mask()
                cell.reset_recurrent_dropout_mask()


def masks_of(cell, batch) -> Masks:
    """New dropout masks of a cell, keraseq's or Keras' own, for a batch of sequences."""
    if isinstance(cell, Cell):
        return cell.draw_masks(batch)
    try:
        widths = (cell.kernel.shape[0], cell.units)
        ones = [ops.ones((batch, width), cell.compute_dtype) for width in widths]
        return Masks(cell.get_dropout_mask(ones[0]), cell.get_recurrent_dropout_mask(ones[1]))
    finally:
        cell.reset_dropout_mask()
        cell.reset_recurrent_dropout_mask()


def where(valid, new, old):
    """`new` in the rows that are valid, else `old`; `valid` has the leading axes of `new`."""
    while len(valid.shape) < len(new.shape):
        valid = ops.expand_dims(valid, -1)
    return ops.where(valid, new, old)
