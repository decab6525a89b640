"""Dropout and zoneout: what is random in a cell while it is trained.

Masks are drawn once a sequence, before its loop. `keraseq.layers.RNN` draws them by `draw_masks`
and `draw_zoneout`; `keras.layers.RNN` asks for them by the two methods of `DropoutRNNCell`, and
resets them after its loop.
"""

from collections.abc import Sequence

import keras
from keras import ops, tree

from keraseq.cells.context import Masks, running
from keraseq.checks import rate
from keraseq.keras_inside import DropoutRNNCell, give_masks


class Randomness(DropoutRNNCell):
    """What drops and keeps in `keraseq.cells.Cell`, whose docstring says what the rates mean."""

    zoned_with: tuple[int, ...] = ()  # each state's group, by its first; (): each by itself

    def set_rates(self, dropout, recurrent_dropout, zoneout, seed):
        """Checks the rates; a generator of random numbers is made only where one is needed."""
        self.dropout = rate("dropout", dropout)
        self.recurrent_dropout = rate("recurrent_dropout", recurrent_dropout)
        self.zoneout = self._zoneout_rates(zoneout)
        self.seed = seed
        if self.dropout or self.recurrent_dropout or any(self.zoneout):
            self.seed_generator = keras.random.SeedGenerator(seed)
        give_masks(self, None, None)  # of a sequence, in `keras.layers.RNN` alone

    def _zoneout_rates(self, zoneout: float | Sequence[float]) -> tuple[float, ...]:
        many = isinstance(zoneout, (list, tuple))
        if many and len(zoneout) != len(self.state_names):
            raise ValueError(
                f"zoneout={tuple(zoneout)} has {len(zoneout)} rates; {type(self).__name__} has "
                f"{len(self.state_names)} state(s): {', '.join(self.state_names)}"
            )
        rates = zoneout if many else [zoneout] * len(self.state_names)
        if any(rates[i] != rates[j] for i, j in enumerate(self.zoned_with)):
            names, first = self.state_names, dict.fromkeys(self.zoned_with)
            groups = [[names[i] for i, j in enumerate(self.zoned_with) if j == k] for k in first]
            raise ValueError(
                f"zoneout={tuple(zoneout)}: {type(self).__name__} needs one rate for the states "
                f"that belong together, {'; '.join(', '.join(one) for one in groups if one[1:])}"
            )
        return tuple(rate("zoneout", one, closed=True) for one in rates)

    # Dropout.

    def draw_masks(self, batch, inputs: bool = True, operands: bool = True) -> Masks:
        """New dropout masks for a batch of sequences."""
        of_inputs = of_operands = None
        if inputs and self.dropout:
            of_inputs = self._draw_mask((batch, self.features), self.dropout, self.compute_dtype)
        if operands and self.recurrent_dropout:
            shape = (batch, self.output_size)
            of_operands = self._draw_mask(shape, self.recurrent_dropout, self.variable_dtype)
        return Masks(of_inputs, of_operands)

    def _draw_mask(self, shape, fraction, dtype):
        return keras.random.dropout(
            ops.ones(shape, dtype=dtype), fraction, seed=self.seed_generator
        )

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

    def drop_inputs(self, inputs):
        """`(..., batch, features)` under the input mask of this sequence, if there is one."""
        mask = running().masks.get(id(self), Masks()).inputs
        return inputs if mask is None else inputs * mask

    def masked(self, operand):
        """The operand of a recurrent product, under recurrent dropout."""
        mask = running().masks.get(id(self), Masks()).operands
        return operand if mask is None else operand * mask

    # Zoneout.

    def draw_zoneout(self, *leading) -> list:
        """For each state which units keep their old value, `(*leading, size)`."""
        drawn = []
        for i, (p, size) in enumerate(
            zip(self.zoneout, tree.flatten(self.state_size), strict=True)
        ):
            together = self.zoned_with[i] if self.zoned_with else i
            if together == i:
                one = keras.random.uniform((*leading, size), seed=self.seed_generator) < p
            else:
                one = drawn[together]
            drawn.append(one)
        return drawn

    def zoned(self, states, new_states, keep=None) -> list:
        """The new states, mixed with the old ones; `keep` as in `Cell.advance`."""
        mixed = []
        for i, (old, new) in enumerate(zip(states, new_states, strict=True)):
            p = self.zoneout[i]
            if not p:
                mixed.append(new)
            elif keep is None:
                mixed.append(p * old + (1 - p) * new)
            else:
                mixed.append(ops.where(keep[i], old, new))
        return mixed

    # Both.

    def drawn_for(self, inputs, states) -> tuple[Masks, list | None]:
        """Masks and zoneout of one step in training: the layer's, else Keras' or new ones."""
        now = running()
        masks = now.masks.get(id(self)) or Masks(
            self.get_dropout_mask(inputs), self.get_recurrent_dropout_mask(states[0])
        )
        keep = now.keep.get(id(self))
        if keep is None and any(self.zoneout):
            if keras.backend.backend() == "jax":
                raise ValueError(
                    "zoneout in training draws a new mask at every step, which keras.layers.RNN "
                    "cannot do on JAX: run the cell in keraseq.layers.RNN"
                )
            keep = self.draw_zoneout(ops.shape(states[0])[0])
        return masks, keep
