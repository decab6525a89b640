"""What cells have in common whose recurrence is linear in their states."""

from keras import ops

from keraseq.cells.cell import Cell


class LinearCell(Cell):
    """Base of the cells whose new state is linear in the old one, element by element.

        a_t, b_t = coefficients(p_t)          from the projected input alone
        h_t      = a_t * h_{t-1} + b_t        new state
        y_t      = emit(h_t, p_t)             output; h_t itself where the cell says nothing else

    Such a recurrence needs no loop: `keraseq.layers.RNN` may run all steps of a sequence in
    parallel (Martin & Cundy 2018). A subclass writes `step` as every cell does, and says
    `coefficients`, which must give the same numbers. The two states of a cell that has two are the
    real and the imaginary part of complex numbers, and its a and b are pairs likewise.

    Zoneout and masks leave a linear recurrence linear; the output is read after zoneout.
    `recurrent_dropout` drops what is added to the state (Semeniuta et al. 2016), for there is no
    recurrent product whose operand could be dropped; a cell sees to that by `masked`. Options of
    recurrent weights say nothing where a cell has none.

    Example:

    >>> isinstance(keraseq.cells.get("lru", 8), keraseq.cells.LinearCell)
    True
    >>> layer = keraseq.layers.RNN(keraseq.cells.MinGRUCell(4), loop="parallel")
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape)
    (2, 4)

    References:
        Martin & Cundy 2018, "Parallelizing Linear Recurrent Neural Nets Over Sequence Length",
        arXiv:1709.04057.
        Semeniuta, Severyn & Barth 2016, "Recurrent Dropout without Memory Loss", arXiv:1603.05118.
    """

    @property
    def recurrent_blocks(self):
        return ()

    def coefficients(self, projected):
        """`(a, b)` of `h_t = a_t * h_{t-1} + b_t`.

        Args:
            projected: What `project` returns, for one step or, time first, for all.

        Returns:
            Two tensors that broadcast to a state; pairs of such for a cell with two states.
        """
        raise NotImplementedError(f"{type(self).__name__} has no `coefficients`")

    def emit(self, states, projected):
        """The output of one step, or of all, from the new states."""
        return states[0]

    @property
    def emits(self) -> bool:
        """Whether the output is another than the first state."""
        return type(self).emit is not LinearCell.emit

    def advance(self, projected, states, keep=None):
        """`step`, or with zoneout the coefficients' step and what is read from it."""
        if not any(self.zoneout):
            return self.step(projected, states)
        a, b = self.zoned_coefficients(projected, keep)
        states = [one + add for one, add in zip(times(a, states), b, strict=True)]
        return self.emit(states, projected), states

    def zoned_coefficients(self, projected, keep=None) -> tuple[list, list]:
        """`coefficients` with zoneout, a tensor for each state; `keep` as in `advance`."""
        a, b = map(listed, self.coefficients(projected))
        p = self.zoneout[0]
        if not p:
            return a, b
        if keep is not None:
            return held(keep[0], a, b)
        stay = [p, *[0.0] * (len(a) - 1)]
        return [s + (1 - p) * one for s, one in zip(stay, a, strict=True)], [
            (1 - p) * one for one in b
        ]


def listed(one) -> list:
    """A tensor, or a pair of tensors, as a list."""
    return list(one) if isinstance(one, (list, tuple)) else [one]


def times(a, h) -> list:
    """`a * h` of real numbers (lists of one tensor) or complex ones (real, imaginary part)."""
    if len(a) == 1:
        return [a[0] * h[0]]
    (a_r, a_i), (h_r, h_i) = a, h
    return [a_r * h_r - a_i * h_i, a_r * h_i + a_i * h_r]


def held(keep, a, b) -> tuple[list, list]:
    """The coefficients, but where `keep`: there the states stay as they are."""
    stay = [1.0, *[0.0] * (len(a) - 1)]
    a = [ops.where(keep, ops.full_like(one, s), one) for s, one in zip(stay, a, strict=True)]
    return a, [ops.where(keep, ops.zeros_like(one), one) for one in b]
