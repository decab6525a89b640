"""The states before the first step that a caller gives: what fits, and one row for all."""

import keras
from keras import ops, tree

from keraseq.keras_inside import get_keras_mask


class Starting:
    """Mixin of a layer that is called with `initial_state`; it stands before the Keras class.

    The layer says the size of each of its states in `state_sizes`.
    """

    def __call__(self, sequences, *args, **kwargs):
        """`keras.layers.Layer.__call__`, once the given states fit."""
        given = kwargs.get("initial_state", args[0] if args else None)
        if given is not None:
            check_states(given, self.state_sizes, sequences)
        # Keras (3.15) forgets the mask of the first of several tensors.
        if len(args) < 2 and kwargs.get("mask") is None and not keras.tree.is_nested(sequences):
            mask = get_keras_mask(sequences)
            if mask is not None and not isinstance(mask, keras.KerasTensor):
                kwargs["mask"] = mask
        return super().__call__(sequences, *args, **kwargs)


def check_states(given, sizes, sequences):
    """Raises if `given` is not a state of each size, with one row or as many as `sequences`."""
    batch = next(iter(getattr(sequences, "shape", ())), None)
    shapes = [tuple(getattr(one, "shape", ())) for one in tree.flatten(given)]
    fits = len(shapes) == len(sizes) and all(
        len(shape) == 2
        and (batch is None or shape[0] in (None, 1, batch))
        and shape[1] in (None, size)
        for shape, size in zip(shapes, sizes, strict=True)
    )
    if not fits:
        wanted = ", ".join(f"({batch or 'batch'} or 1, {size})" for size in sizes)
        raise ValueError(
            f"initial_state must be {len(sizes)} state(s), of shape {wanted}; received "
            f"{len(shapes)}{', of shape ' if shapes else ''}{', '.join(map(str, shapes))}"
        )


def in_every_row(state, batch):
    """A state `(1, size)` in each row of a batch; any other as it is."""
    return ops.broadcast_to(state, (batch, *state.shape[1:])) if state.shape[0] == 1 else state
