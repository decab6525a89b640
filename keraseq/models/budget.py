"""Comparing at equal size: how many units a parameter budget pays for."""

import inspect
import random
from collections.abc import Callable
from fractions import Fraction
from math import prod

import keras

from keraseq import cells
from keraseq.checks import positive_integer


def match_parameters(builder: Callable[..., keras.Model], budget: int, *, cell, **options) -> int:
    """The largest `units` whose model has at most `budget` trainable parameters.

    The count of keraseq's models is a quadratic in `units`. Three small models give it, and two
    models prove the answer: the one with `units` fits the budget, the one with `units + 1` does
    not. If they prove it wrong, since a builder counts otherwise, the answer is searched with more
    models, by bisection; that holds as long as more units never mean fewer parameters.

    The models are thrown away; Python's random numbers, from which Keras draws its seeds, go on
    afterwards as if none had been built.

    Args:
        builder: A function `builder(cell=, units=, **options) -> keras.Model`, such as
            `keraseq.models.sequence_classifier`.
        budget: Number of trainable parameters to stay within, a positive integer.
        cell: Passed to the builder: a registered name, a cell class, or an instance as a pattern.
        **options: Passed to the builder, all but `units`, which is the answer.

    Returns:
        The number of units.

    Raises:
        ValueError: Even `units=1` is over the budget, and the message says what it needs; or the
            builder does not use `units`.

    Example:

    >>> import keraseq
    >>> tagger = keraseq.models.sequence_tagger
    >>> keraseq.models.match_parameters(tagger, 10_000, cell="mut1", classes=5, features=8)
    41
    """
    budget = positive_integer("budget", budget)
    if "units" in options:
        raise ValueError(f"units is what is solved for; received units={options['units']!r}")
    widths = {value for value in options.values() if type(value) is int}
    options = without_random_draws(builder, cell, options)
    known: dict[int, int] = {}

    def count(units: int) -> int:
        if units not in known:
            model = builder(cell=cell, units=units, **options)
            known[units] = sum(prod(weight.shape) for weight in model.trainable_weights)
        return known[units]

    state = random.getstate()
    try:
        units = largest(count, budget, widths)
    finally:
        random.setstate(state)
    if units == 0:
        name = getattr(builder, "__name__", str(builder))
        raise ValueError(
            f"budget={budget} is too small: {name} with cell {cell!r} has at least {known[1]} "
            "trainable parameters (units=1)"
        )
    return units


def largest(count: Callable[[int], int], budget: int, widths: set[int]) -> int:
    """The largest number of units with `count(units) <= budget`; 0 if there is none.

    At the `widths` of the input the count may lie below the quadratic: a cell whose state is as
    wide as its input may need no input projection (`input_projection="auto"`).
    """
    points = [u for u in range(1, 4 + len(widths)) if u not in widths][:3]
    many = 16 * points[-1]
    if count(points[0]) == count(points[-1]) == count(many):
        raise ValueError(
            f"the builder must use units: it made {count(many)} trainable parameters with "
            f"units={points[0]} and with units={many}"
        )
    if count(points[0]) == count(points[-1]):
        return bisected(count, budget)
    predicted = quadratic(count, points)
    units = bisected(predicted, budget)
    for width in sorted(widths, reverse=True):  # such a saving is far less than half of the model
        if width > units and predicted(width) <= 2 * budget and count(width) <= budget:
            return width
    fits = count(max(units, 1)) <= budget
    if fits == (units > 0) and count(units + 1) > budget:
        return units
    return bisected(count, budget)


def quadratic(count: Callable[[int], int], points: list[int]) -> Callable[[int], Fraction]:
    """The quadratic through three points of `count`."""
    values = [count(u) for u in points]

    def predicted(u: int) -> Fraction:
        total = Fraction(0)
        for one, value in zip(points, values, strict=True):
            others = [other for other in points if other != one]
            total += value * Fraction(
                (u - others[0]) * (u - others[1]), (one - others[0]) * (one - others[1])
            )
        return total

    return predicted


def bisected(count: Callable[[int], int], budget: int) -> int:
    """The largest number of units with `count(units) <= budget`, for a count that only grows."""
    above = 1
    while above <= budget and count(above) <= budget:  # a unit costs a parameter at the very least
        above *= 2
    below = above // 2
    while above - below > 1:
        middle = (below + above) // 2
        below, above = (middle, above) if count(middle) <= budget else (below, middle)
    return below


def without_random_draws(builder, cell, options: dict) -> dict:
    """The builder's options with matrices that start at zero: drawing them is what takes long."""
    drawn_by_us = isinstance(cell, (str, cells.Cell)) or (
        isinstance(cell, type) and issubclass(cell, cells.Cell)
    )
    if not drawn_by_us or "cell_options" not in inspect.signature(builder).parameters:
        return options
    zeros = {"kernel_initializer": "zeros", "recurrent_initializer": "zeros"}
    return {**options, "cell_options": {**(options.get("cell_options") or {}), **zeros}}
