"""A scan on PyTorch as two functions of tensors: steps traced, their gradient without autograd.

A step is traced once, with its gradient, into operations that nobody has to call Keras for. Forward
and backward then are plain loops over them, which a CUDA graph can record: nothing waits in
autograd, no value is made on the CPU, no product of a weight's gradient is in the loop.
"""

import operator
import textwrap

import keras
import torch
from keras import tree
from torch import fx
from torch.fx.experimental.proxy_tensor import make_fx

from keraseq.cells import products
from keraseq.cells.context import during
from keraseq.layers.scan import deferred
from keraseq.layers.scan.deferred import Inside, Planned


class Untraceable(Exception):
    """Why a step cannot be traced, in a few words."""


class Program:
    """Forward and backward of a scan.

    Args:
        step: A `keraseq.layers.scan.deferred.Step` that does not project.
        inputs: Nested tensors `(time, ...)`; their floats have a gradient.
        carry: Nested floats, before the first step.
        collect: Whether the outputs of all steps are wanted.
        reverse: Whether it runs from the last step to the first.
        wanted: For each of `given`, whether its gradient is wanted: the floats of the inputs, the
            carry, the weights, the floats of the context.
        generate: Whether Inductor makes a few kernels out of the operations of a step.

    Attributes:
        ungenerated: Why it could not, if it could not.
    """

    def __init__(self, step, inputs, carry, collect, reverse, wanted, generate=False):
        inputs, self.carry = deferred.Floats(inputs), carry
        self.collect, self.reverse, self.training = collect, reverse, any(wanted)
        values = step.values(value_of)
        states = tree.flatten(carry)
        self.sizes = len(inputs.where), len(states), len(values)
        of_inputs, of_carry, self.of_values = split(wanted, *self.sizes[:2])
        self.weights = len(step.variables)
        self.rest = len(inputs.rest)
        constants = tree.flatten(step.constants)
        self.where = [i for i, one in enumerate(constants) if one is not None]
        constants = [constants[i] for i in self.where]

        def filled(tensors):
            flat = [None] * len(tree.flatten(step.constants))
            for i, one in zip(self.where, tensors, strict=True):
                flat[i] = one
            return tree.pack_sequence_as(step.constants, flat)

        self.projected = None

        def project(given, others):
            x, values = split(given, self.sizes[0])
            rest, constants = split(others, self.rest)
            pairs = list(zip(step.variables, values, strict=False))  # context has no variable
            with Inside(pairs):
                read = inputs.over(x, rest).nested
                read = step.recurrence().project(read, filled(constants)[0])
            self.projected = deferred.Floats(read)
            return self.projected.floats, []

        def once(given, others):
            counts = len(self.projected.where), len(states), len(values)
            x, carried, values_now, blocks = split(given, *counts)
            rest, constants = split(others, self.rest)
            notes = []

            def product(j, operand, addend):
                result = operand @ blocks[j]
                result = result if addend is None else result + addend
                notes.append((operand, result))
                return result

            now = self.projected.over(x, rest).nested
            before = tree.pack_sequence_as(carry, carried)
            output, after = step(values_now, product, now, before, filled(constants))
            return [*([output] if collect else []), *tree.flatten(after)], notes

        with torch.no_grad():
            floats, values = list(inputs.floats), list(values)
            wants = [*of_inputs, *self.of_values]
            others = [*inputs.rest, *constants]
            self.project = Traced(project, [*floats, *values], wants, others)
            x = [one[0] for one in self.project.outputs]
            self.project.outputs = None  # as large as all that was read
            others = [*(one[0] for one in inputs.rest), *constants]
            now = self.projected.over(x, others[: self.rest]).nested
            self.plan = planned(step, now, carry)
            blocks = deferred.blocks(self.plan, values)
            wants = [self.training] * (len(x) + len(states)) + self.of_values
            wants += [False] * len(blocks)
            given = [*x, *states, *values, *blocks]
            self.step = Traced(once, given, wants, others)
            self.ungenerated = self.step.generate(given, others) if generate else None
        self.projected = len(self.projected.where)
        self.of_inputs, self.of_carry = of_inputs, of_carry

    def forward(self, given, others):
        """`(results, kept)`: outputs of all steps, if collected, and last carry; for `backward`."""
        x, carry, values = split(given, *self.sizes[:2])
        rest, constants = split(others, self.rest)
        projected, kept_first = self.project.forward([*x, *values], others)
        blocks = deferred.blocks(self.plan, values)
        rows = [one.unbind() for one in (*projected, *rest)]
        outputs, kept = [], []
        for t in self.times(len(rows[0])):
            now = [one[t] for one in rows]
            now, rest_now = now[: len(projected)], now[len(projected) :]
            done, keep = self.step.forward(
                [*now, *carry, *values, *blocks], [*rest_now, *constants]
            )
            carry = done[1:] if self.collect else done
            outputs.append(done[0])
            kept.append(keep)
        results = [torch.stack(outputs)] if self.collect else []
        return [*results, *carry], [kept_first, kept, values]

    def backward(self, kept, d):
        """The gradients of `given`, None where none is wanted, from those of the results."""
        kept_first, kept, values = kept
        d_outputs, d_carry = (d[0].unbind(), d[1:]) if self.collect else (None, d)
        steps, states = len(kept), self.sizes[1]
        d_x = [[None] * steps for _ in range(self.projected)]
        d_values = [None] * len(values)
        notes = []
        times = list(self.times(steps))
        for i in reversed(range(steps)):
            d_now = [*([d_outputs[i]] if self.collect else []), *d_carry]
            operands, gradients = self.step.backward(kept[i], d_now)
            sizes = self.projected, states, len(values), len(self.plan)
            d_row, d_before, d_direct, _, d_results = split(gradients, *sizes)
            for rows, one in zip(d_x, d_row, strict=True):
                rows[times[i]] = one
            d_carry = [
                torch.zeros_like(old) if new is None else new
                for old, new in zip(d_carry, d_before, strict=True)
            ]
            d_values = [added(a, b) for a, b in zip(d_values, d_direct, strict=True)]
            notes.append((operands, d_results))
        d_projected = [
            torch.stack([torch.zeros_like(like) if one is None else one for one in rows])
            for rows, like in zip(d_x, self.project.rows, strict=True)
        ]
        _, first = self.project.backward(kept_first, d_projected)
        d_inputs, d_by_project = split(first, self.sizes[0])
        d_values = [added(a, b) for a, b in zip(d_values, d_by_project, strict=True)]
        for i, one in self.deferred(values, notes).items():
            d_values[i] = added(d_values[i], one)
        found = [*d_inputs, *d_carry, *d_values]
        wanted = [*self.of_inputs, *self.of_carry, *self.of_values]
        return [one if want else None for one, want in zip(found, wanted, strict=True)]

    def deferred(self, values, notes):
        """The gradients of the products' weights, by the number of the weight."""
        plan, operands, gradients = [], [], []
        for j, one in enumerate(self.plan):
            d_results = [d[j] for _, d in notes]
            if self.of_values[one.weight] and d_results[0] is not None:
                plan.append(one)
                operands.append(torch.stack([found[j] for found, _ in notes]))
                gradients.append(torch.stack(d_results))
        return deferred.placed_gradients(plan, values, operands, gradients)

    def times(self, steps):
        """The steps in the order in which they run."""
        return range(steps)[::-1] if self.reverse else range(steps)


def planned(step, inputs, carry) -> list[Planned]:
    """The products that a step does."""
    variables = step.variables
    index, found = {id(variable): i for i, variable in enumerate(variables)}, []

    def note(operand, weight, columns, addend):
        if id(weight) not in index:
            raise Untraceable("a product with a matrix that is no weight of the cell")
        dtype = keras.backend.standardize_dtype(operand.dtype)
        found.append(Planned(index[id(weight)], columns, dtype))
        return products.plain(operand, weight, columns, addend)

    with during(product=note):
        step.plain(inputs, carry)
    return found


class Traced:
    """A function of tensors and its gradient, as graphs of PyTorch's operations.

    Args:
        function: `(given, others) -> (outputs, notes)`, lists of tensors, and for each product that
            the gradient of no weight shall do its operand and its result.
        given: Tensors of floats.
        wanted: Which of these have a gradient.
        others: Tensors without one.
    """

    def __init__(self, function, given, wanted, others):
        self.wanted = [i for i, want in enumerate(wanted) if want]
        counts = []

        def joint(given, others, tangents):
            leaves = [one.detach().requires_grad_(i in self.wanted) for i, one in enumerate(given)]
            with torch.set_grad_enabled(bool(self.wanted)):
                outputs, notes = function(leaves, others)
            counts[:] = [len(outputs), len(notes)]
            results = [one.detach() for one in outputs]
            if not self.wanted:
                return results
            sources = [leaves[i] for i in self.wanted] + [result for _, result in notes]
            ends = [one for one in zip(outputs, tangents, strict=True) if one[0].requires_grad]
            gradients = [None] * len(sources)
            if ends:
                outputs, tangents = zip(*ends, strict=True)
                gradients = torch.autograd.grad(outputs, sources, tangents, allow_unused=True)
            return [*results, *(operand.detach() for operand, _ in notes), *gradients]

        self.outputs, _ = function(given, others)
        self.rows = [one[0] for one in self.outputs]
        tangents = [torch.zeros_like(one) for one in self.outputs] if self.wanted else []
        graph = make_fx(joint)(given, others, tangents)
        self.count, self.notes = counts
        self.size = len(given)
        self.ahead, self.back, self.reads = parted(
            tidied(graph), len(given) + len(others), self.count
        )

    def generate(self, given, others) -> str | None:
        """Has Inductor make kernels of both graphs; why not, if it fails."""
        try:
            outputs, kept = self.forward(given, others)
            ahead = generated(self.ahead, [*given, *others])
            if self.wanted:
                d = [torch.zeros_like(one) for one in outputs]
                self.back = generated(self.back, [*kept, *d])
            self.ahead = ahead
        except Exception as error:  # no compiler on this machine, and what else there may be
            return f"{type(error).__name__}: {textwrap.shorten(str(error).strip(), 120)}"
        return None

    def forward(self, given, others):
        """`(outputs, kept)`."""
        arguments = [*given, *others]
        done = self.ahead(*arguments)
        if not self.wanted:
            return done, None
        kept = [*(arguments[i] for i in self.reads), *done[self.count :]]
        return done[: self.count], kept

    def backward(self, kept, d):
        """`(operands, gradients)`: of the notes, and of `given` and the notes' results."""
        if not self.wanted:
            return [], [None] * self.size
        done = self.back(*kept, *d)
        operands, found, of_results = split(done, self.notes, len(self.wanted))
        gradients = [None] * self.size
        for i, one in zip(self.wanted, found, strict=True):
            gradients[i] = one
        return operands, [*gradients, *of_results]


def tidied(graph_module):
    """A traced graph without what says nothing; what is the same at every call is computed now.

    Among that are the values that Keras makes on the CPU and copies to the device at every step.
    """
    graph, known = graph_module.graph, {}
    for node in list(graph.nodes):
        if node.op == "get_attr":
            known[node] = getattr(graph_module, node.target)
            if not all(user.target in MADE_HERE for user in node.users):
                raise Untraceable("the step reads a tensor that is neither argument nor weight")
        if node.op != "call_function":
            continue
        if node.target in (torch.ops.aten.detach.default, torch.ops.aten.alias.default):
            node.replace_all_uses_with(node.args[0])
            graph.erase_node(node)
            continue
        if isinstance(node.target, torch._ops.OpOverload):
            if torch.Tag.nondeterministic_seeded in node.target.tags:
                raise Untraceable("the step draws random numbers")
            if node.target._schema.is_mutable:
                without_writing(node)
        if all(one in known for one in node.all_input_nodes):
            arguments = fx.node.map_arg((node.args, node.kwargs), known.__getitem__)
            known[node] = node.target(*arguments[0], **arguments[1])
    for number, (node, value) in enumerate(known.items()):
        outside = [user for user in node.users if user not in known]
        if outside and isinstance(value, torch.Tensor):
            graph_module.register_buffer(f"known_{number}", value.detach())
            with graph.inserting_before(node):
                constant = graph.get_attr(f"known_{number}")
            for user in outside:
                user.replace_input_with(node, constant)
    graph.eliminate_dead_code()
    return graph_module


def without_writing(node):
    """Makes an operation that writes into a tensor, as gradients have some, give a new one."""
    name, overload = node.target._schema.name.removeprefix("aten::"), node.target._overloadname
    quiet = getattr(getattr(torch.ops.aten, name.removesuffix("_"), None), overload, None)
    written = node.args[0]
    shared = [written, *(user for user in written.users if user is not node)]
    if quiet is None or not name.endswith("_") or any(map(shares_memory, shared)):
        raise Untraceable("the step writes into a tensor")
    later = {user for user in written.users if user > node}
    node.target = quiet
    written.replace_all_uses_with(node, delete_user_cb=later.__contains__)


def shares_memory(node) -> bool:
    """Whether the result of an operation may lie where another tensor lies."""
    if not isinstance(node.target, torch._ops.OpOverload):
        return node.op != "output"
    return any(one.alias_info is not None for one in node.target._schema.returns)


MADE_HERE = {torch.ops.aten.lift_fresh.default, torch.ops.aten.lift_fresh_copy.default}


def parted(graph_module, primals: int, outputs: int):
    """A graph of outputs and gradients as two, and what goes from one to the other.

    Args:
        graph_module: Its first `primals` arguments are those of the function, the others the
            gradients of its results, of which there are `outputs`.
        primals: See above.
        outputs: See above.

    Returns:
        `(ahead, back, reads)`: the function, which gives its results and then what else the other
        keeps; the gradient, whose arguments are the arguments with the numbers `reads`, what else
        was kept, and the gradients of the results.
    """
    nodes = list(graph_module.graph.nodes)
    places = [node for node in nodes if node.op == "placeholder"]
    primal, tangents = places[:primals], places[primals:]
    results = list(nodes[-1].args[0])
    first, last = results[:outputs], results[outputs:]
    ahead = above(first)
    ahead |= {node for node in nodes if node.target is operator.getitem and node.args[0] in ahead}
    later = above(last) - ahead
    crossing = [
        node
        for node in nodes
        if (node in ahead and (node in last or any(user in later for user in node.users)))
        or (node in later and node in primal)
    ]
    reads = [node for node in crossing if node in primal]
    kept = [node for node in crossing if node.op == "call_function"]
    return (
        cut(graph_module, primal, ahead, [*first, *kept]),
        cut(graph_module, [*reads, *kept, *tangents], later, last),
        [primal.index(node) for node in reads],
    )


def above(results) -> set:
    """The nodes that some results depend on, themselves among these."""
    found, todo = set(), [one for one in results if one is not None]
    while todo:
        node = todo.pop()
        if node not in found:
            found.add(node)
            todo += node.all_input_nodes
    return found


def cut(graph_module, arguments, nodes, results):
    """A part of a graph as a function of some of its nodes: `(*arguments) -> list of results`."""
    graph, made = fx.Graph(), {}
    for number, node in enumerate(arguments):
        made[node] = graph.placeholder(f"given_{number}")
    for node in graph_module.graph.nodes:
        if node.op == "get_attr":
            made[node] = graph.node_copy(node)
        elif node in nodes and node not in made and node.op == "call_function":
            made[node] = graph.node_copy(node, made.__getitem__)
    graph.output([made.get(one) for one in results])
    graph.eliminate_dead_code()
    return fx.GraphModule(graph_module, graph)


def generated(graph_module, examples):
    """A graph as kernels that Inductor makes of it: `(*arguments) -> list of results`."""
    *_, output = graph_module.graph.nodes
    places = [node for node in graph_module.graph.nodes if node.op == "placeholder"]
    results = list(output.args[0])
    made = list(dict.fromkeys(one for one in results if one is not None and one not in places))
    if not made:
        return graph_module
    from torch import _inductor  # a second to import

    # It counts on the strides of the examples: a state that is the same in every row has others
    # than what follows it.
    examples = [one.contiguous() if 0 in one.stride() else one for one in examples]
    strides = [one.stride() for one in examples]
    ran = _inductor.compile(cut(graph_module, places, set(above(made)), made), examples)

    def run(*given):
        given = [
            one if one.stride() == stride else one.contiguous()
            for one, stride in zip(given, strides, strict=True)
        ]
        have = dict(zip(places, given, strict=True)) | dict(zip(made, ran(*given), strict=True))
        return [have.get(one) for one in results]

    return run


def value_of(variable):
    """The value of a variable as a tensor, as the scope around says."""
    return keras.ops.convert_to_tensor(variable).detach()


def added(one, other):
    """The sum of two gradients that may be None."""
    if one is None or other is None:
        return other if one is None else one
    return one + other


def split(flat, *sizes):
    """A list cut into lists of these sizes and one of the rest."""
    ends = [sum(sizes[:i]) for i in range(len(sizes) + 1)]
    return [list(flat[a:b]) for a, b in zip(ends, [*ends[1:], None], strict=True)]
