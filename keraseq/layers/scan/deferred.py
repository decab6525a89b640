"""What the backends share in deferring the weights' gradient until after the loop.

Forward, a loop does the products of `step` itself and keeps their results. Backward, it runs
`step` again, under automatic differentiation, with each product replaced by its kept result: the
gradient of that result goes on to the operand, and is kept. After the loop one product for each
matrix, of all steps' operands with all steps' gradients, is the gradient of the weights.
"""

import itertools
import weakref
from dataclasses import dataclass

import keras
from keras import ops, tree

from keraseq.cells import products
from keraseq.cells.context import during
from keraseq.keras_inside import get_stateless_scope


@dataclass(frozen=True)
class Planned:
    """One product of a step: which weight, which of its columns (None: all), in which type."""

    weight: int
    columns: slice | None
    dtype: str

    def kind(self, variables: list[keras.Variable]) -> tuple[str, int]:
        """Type and width of its result."""
        if self.columns is None:
            return self.dtype, variables[self.weight].shape[-1]
        return self.dtype, self.columns.stop - self.columns.start


@dataclass(frozen=True)
class Plan:
    """What doing a step once has shown.

    Args:
        project: The products that projecting the inputs does, in order.
        step: The products that the step does.
        unseen: Whether it reads tensors that may have a gradient and are neither arguments nor
            weights.
    """

    project: list[Planned]
    step: list[Planned]
    unseen: bool

    @classmethod
    def of(cls, backend, recurrence, inputs, carry, constants, context) -> "Plan":
        """Does the step once, in a place where the backend sees all that it reads."""
        variables = recurrence.variables
        index = {id(variable): i for i, variable in enumerate(variables)}
        by_project, by_step, strangers = [], [], []

        def noting(found):
            def note(operand, weight, columns, addend):
                if id(weight) in index:
                    dtype = keras.backend.standardize_dtype(operand.dtype)
                    found.append(Planned(index[id(weight)], columns, dtype))
                else:
                    strangers.append(weight)
                return products.plain(operand, weight, columns, addend)

            return during(product=note)

        def once(values, inputs, carry, constants, context):
            first = tree.map_structure(lambda one: one[0], inputs)
            with Inside(list(zip(variables, values, strict=True))):
                with noting(by_project):
                    projected = recurrence.project(first, constants)
                with noting(by_step):
                    return recurrence.step(projected, carry, constants, context)

        values = [backend.value_of(one) for one in variables]
        unseen = backend.seen(once, (values, inputs, carry, constants, context))
        return cls(by_project, by_step, bool(unseen or strangers))


class Inside(keras.StatelessScope):
    """Values of some variables; all others have those that the scope around says.

    `keras.StatelessScope` hides the scope around it: on JAX a variable that it does not name would
    be read as a constant, its gradient lost.
    """

    def __init__(self, pairs):
        super().__init__(pairs)
        self.around = get_stateless_scope()

    def get_current_value(self, variable):
        """The value of a variable here."""
        found = super().get_current_value(variable)
        if found is None and self.around is not None:
            return self.around.get_current_value(variable)
        return found


class Step:
    """A step of a recurrence as a function of its weights and of who does its products.

    Args:
        recurrence: See `keraseq.layers.scan.scan`; it is referred to weakly.
        projects: Whether the step projects its inputs itself.
        constants: Nested tensors without a gradient.
        context: Nested tensors with one.
    """

    def __init__(self, recurrence, projects: bool, constants, context):
        self.recurrence = weakref.ref(recurrence)
        self.projects = projects
        self.context = Floats(context)
        self.constants = (constants, self.context.rest)

    @property
    def variables(self) -> list[keras.Variable]:
        """The weights."""
        return self.recurrence().variables

    def plain(self, inputs_t, carry):
        """The step as it is: `(output, carry)`."""
        return self._run(inputs_t, carry, self.constants[0], self.context.nested)

    def _run(self, inputs_t, carry, constants, context):
        recurrence = self.recurrence()
        if self.projects:
            inputs_t = recurrence.project(inputs_t, constants)
        return recurrence.step(inputs_t, carry, constants, context)

    def values(self, value_of) -> list:
        """All that has a gradient and is the same at every step: weights, then context."""
        return [*map(value_of, self.variables), *self.context.floats]

    def __call__(self, values, product, inputs_t, carry, constants):
        """`step` with `values`, products done by `product(j, operand, addend)`."""
        count = itertools.count()

        def numbered(operand, weight, columns, addend):
            return product(next(count), operand, addend)

        (constants, rest), variables = constants, self.variables
        weights, floats = values[: len(variables)], values[len(variables) :]
        scope = Inside(list(zip(variables, weights, strict=True)))
        with scope, during(product=numbered):
            context = self.context.over(floats, rest).nested
            return self._run(inputs_t, carry, constants, context)

    def summed(self, plan) -> list[int]:
        """Which of `values` no product has: their gradient the loop sums up step by step."""
        count = len(self.variables) + len(self.context.floats)
        return sorted(set(range(count)) - {one.weight for one in plan})


def blocks(plan, values):
    """The matrices of the planned products, cut out once."""
    return [products.block(values[one.weight], one.columns, one.dtype) for one in plan]


def weight_gradients(plan, values, direct, operands, gradients):
    """Gradients of all weights: from outside products (`direct`), and from the kept products.

    Args:
        plan: The products.
        values: The weights.
        direct: Gradients that the loop has summed up, by the number of the weight.
        operands: For each product its operands of all steps, `(time, batch, rows)`.
        gradients: For each product the gradients of its results, `(time, batch, columns)`.
    """
    placed = placed_gradients(plan, values, operands, gradients)
    whole = {**direct, **placed}
    return [whole.get(i) for i in range(len(values))]  # None: no step read it


def placed_gradients(plan, values, operands, gradients) -> dict:
    """By the number of the weight, the gradients that come from the kept products alone."""
    pieces: dict[int, list] = {}
    for one, operand, gradient in zip(plan, operands, gradients, strict=True):
        flat = [ops.reshape(x, (-1, x.shape[-1])) for x in (operand, gradient)]
        pieces.setdefault(one.weight, []).append(
            (one.columns, ops.matmul(ops.transpose(flat[0]), flat[1]))
        )
    return {i: ops.cast(place(found, values[i]), values[i].dtype) for i, found in pieces.items()}


def place(found, value):
    """Gradients of column blocks, put together to that of the whole matrix."""
    width = value.shape[-1]
    spans = [(c.start, c.stop) if c is not None else (0, width) for c, _ in found]
    order = sorted(range(len(found)), key=lambda j: spans[j])
    ends = [0, *(spans[j][1] for j in order)]
    if all(spans[j][0] == end for j, end in zip(order, ends, strict=False)) and ends[-1] == width:
        parts = [found[j][1] for j in order]
        return parts[0] if len(parts) == 1 else ops.concatenate(parts, axis=-1)
    total = None
    for (start, stop), (_, gradient) in zip(spans, found, strict=True):
        padded = ops.pad(gradient, ((0, 0), (start, width - stop)))
        total = padded if total is None else total + padded
    return total


def twins(before: list, wrote: list) -> dict[int, int]:
    """What a backward loop need not keep, since the same tensor is kept elsewhere.

    The gradient of a sum is that of both its terms, so the gradient of a product's result is often
    that of the projected input; and the operand of a product is often a state or an input.

    Args:
        before: What the step read, which is there already: its inputs and the states before it.
        wrote: What the backward loop keeps of that step.

    Returns:
        Number in `wrote` -> number in `before + wrote` of the tensor that is the same.
    """
    first: dict[int, int] = {}
    every = [*before, *wrote]
    for n, one in enumerate(every):
        first.setdefault(id(one), n)
    found = {n: first[id(one)] for n, one in enumerate(every) if first[id(one)] != n}
    return {n - len(before): m for n, m in found.items() if n >= len(before)}


def with_twins(before: list, kept: list, twins: dict[int, int]) -> list:
    """What a backward loop would have kept without `twins`."""
    every = [*before, *kept]
    return [every[twins[n]] if n in twins else one for n, one in enumerate(kept)]


def is_float(tensor) -> bool:
    """Whether a gradient can go there."""
    return tensor is not None and "float" in keras.backend.standardize_dtype(tensor.dtype)


class Floats:
    """A nested structure taken apart into its float tensors and the rest, and put together."""

    def __init__(self, nested):
        self.nested = nested
        self.flat = tree.flatten(nested)
        self.where = [i for i, one in enumerate(self.flat) if is_float(one)]

    @property
    def floats(self):
        """The float tensors, flat."""
        return [self.flat[i] for i in self.where]

    @property
    def rest(self):
        """All others, flat."""
        return [one for i, one in enumerate(self.flat) if i not in self.where]

    def empty(self) -> "Floats":
        """The same structure, and what in it is a float, without the tensors."""
        empty = Floats(tree.map_structure(lambda _: None, self.nested))
        empty.where = self.where
        return empty

    def over(self, floats, rest=None):
        """The same structure with other float tensors, and other tensors for the rest if given."""
        floats, rest = iter(floats), iter(self.rest if rest is None else rest)
        flat = [next(floats if i in self.where else rest) for i in range(len(self.flat))]
        return Floats(tree.pack_sequence_as(self.nested, flat))

    def floats_at(self, t):
        """The float tensors at step `t`."""
        return [one[t] for one in self.floats]

    def at(self, t, floats=None):
        """The structure at step `t`, its float tensors replaced by `floats` if these are given."""
        given = iter(floats or ())
        flat = [
            next(given) if floats is not None and i in self.where else one[t]
            for i, one in enumerate(self.flat)
        ]
        return tree.pack_sequence_as(self.nested, flat)
