"""Writing from a context: translations, captions, whatever a decoder makes of what it is given.

    decode      the best text, or one that is drawn, for each context
    alignment   where the decoder looked while it wrote a text that is there

The encoder runs once, then the decoder a token at a time; both are one compiled function, for a
number of rows, a length of the contexts and a sampler. How long the texts become is an argument.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import keras
import numpy as np
from keras import ops, tree

from keraseq.checks import did_you_mean, number, positive_integer
from keraseq.generation.choosing import NAMES, choose
from keraseq.generation.compiled import Loops, chosen, compiles, tensor, token_ids
from keraseq.keras_inside import (
    before,
    get_keras_mask,
    graph_of,
    operations,
    run_graph,
    set_keras_mask,
)
from keraseq.layers import Attention
from keraseq.layers.stateless import Tower, check_recurrent, is_recurrent

ROWS = 64  # contexts that are read at once
STEP = 8  # lengths of contexts and texts are rounded up to it: few shapes are compiled
NEVER = -1e30  # the score of what cannot be


class Written(NamedTuple):
    """A text that a decoder wrote.

    `tokens` are ids without start and end; `score` is the log-probability of all that was written,
    the end included, in nats; `ended` tells whether the text came to an end within its length.
    """

    tokens: np.ndarray
    score: float
    ended: bool


def decode(
    model: keras.Model,
    sources,
    *,
    start: int,
    end: int,
    length: int = 64,
    sampler: str = "greedy",
    beams: int = 5,
    length_penalty: float = 0.6,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int = 0,
    never: Sequence[int] = (),
) -> list[Written]:
    """Writes a text for each context, with any decoder of any cell.

    Each step takes the most probable token (`"greedy"`), draws one, or keeps the `beams` best texts
    so far (`"beam"`), by

        log p(text | context) / ((5 + n) / 6) ** length_penalty      n tokens, the end included

    A text that has ended is frozen and stays where its score puts it; the search ends when all
    have. Padding (0) and the start token are never written.

    Args:
        model: A model such as `keraseq.models.encoder_decoder`: inputs `target`, integers `(batch,
            length)`, and others, the context; output logits `(batch, length, vocabulary)`.
        sources: The contexts. For one input of tokens a list of ids `(n,)`, of any lengths, or an
            array padded with 0; else a dictionary of the inputs, a row each.
        start: Id of the token that a text starts from.
        end: Id of the token that ends it.
        length: Number of tokens to write at most, the end included. Defaults to 64.
        sampler: `"greedy"`, `"beam"`, `"random"`, `"top_k"` or `"top_p"`. Defaults to `"greedy"`.
        beams: Texts that a beam search keeps, at most the vocabulary. Defaults to 5.
        length_penalty: Of a beam search; 0 compares probabilities as they are, which favours short
            texts. Defaults to 0.6.
        temperature, top_k, top_p: As for `keraseq.generate`.
        seed: Of what is drawn. Defaults to 0.
        never: Further ids that are not written, such as that of unknown words. Defaults to `()`.

    Returns:
        A `Written` for each context.

    Raises:
        ValueError: The model is no such model, or an argument is out of its range.

    Example:

    >>> model = keraseq.models.encoder_decoder(9, 9, units=8, attention="additive")
    >>> found = keraseq.generation.decode(model, [[3, 4], [5]], start=1, end=2, length=6)
    >>> len(found), len(found[0].tokens) <= 6
    (2, True)

    References:
        Wu et al. 2016, "Google's Neural Machine Translation System", arXiv:1609.08144 (length
        penalty).
    """
    decoder = Decoder.of(model)
    never = tuple(never)
    for name, id in (("start", start), ("end", end), *(("never", one) for one in never)):
        if not 0 <= id < decoder.vocabulary:
            raise ValueError(
                f"{name} must be a token, 0 to {decoder.vocabulary - 1}; received {id!r}"
            )
    length = positive_integer("length", length)
    if sampler == "contrastive" or sampler not in NAMES:
        accepted = [one for one in NAMES if one != "contrastive"]
        raise ValueError(
            f"unknown sampler {sampler!r}; accepted: {', '.join(accepted)}."
            f"{did_you_mean(str(sampler), accepted)}"
        )
    beams = positive_integer("beams", beams)
    if beams > decoder.vocabulary:
        raise ValueError(
            f"beams must be at most the vocabulary, {decoder.vocabulary}; received {beams}"
        )
    if sampler == "beam" and (temperature != 1.0 or top_k is not None or top_p is not None):
        raise ValueError(
            "sampler='beam' looks for the most probable text: it takes no temperature, top_k or "
            f"top_p; received temperature={temperature!r}, top_k={top_k!r}, top_p={top_p!r}"
        )
    choice = (
        None
        if sampler == "beam"
        else choose(sampler, temperature, top_k, top_p, decoder.vocabulary)
    )
    rows, found = decoder.rows(sources), {}
    # Contexts of like lengths side by side.
    order = sorted(range(len(rows)), key=lambda i: rows[i][1])
    for at in range(0, len(order), ROWS):
        part = order[at : at + ROWS]
        written = decoder.write(
            [rows[i][0] for i in part],
            *(start, end, length, choice, beams, length_penalty, seed + at, never),
        )
        found |= dict(zip(part, written, strict=True))
    return [found[i] for i in range(len(rows))]


def alignment(model: keras.Model, sources, targets, *, start: int) -> list[np.ndarray]:
    """Where a decoder looked while it wrote texts that are there (teacher forcing).

    Args:
        model: See `decode`; one with attention.
        sources: The contexts, see `decode`.
        targets: What was written for each, ids `(n,)` without the start token.
        start: Id of the token that a text starts from.

    Returns:
        For each context an array `(n, places)`: row t holds the shares of the places at the step
        that wrote token t. They sum to 1.

    Raises:
        ValueError: The model has no attention, or numbers of contexts and texts differ.

    Example:

    >>> model = keraseq.models.encoder_decoder(9, 9, units=8, attention="dot")
    >>> [shares] = keraseq.generation.alignment(model, [[3, 4, 5]], [[6, 2]], start=1)
    >>> shares.shape
    (2, 3)
    """
    decoder = Decoder.of(model)
    rows = decoder.rows(sources)
    if len(rows) != len(targets):
        raise ValueError(f"{len(rows)} contexts, but {len(targets)} texts")
    found = []
    for (row, places), target in zip(rows, targets, strict=True):
        state, shares, token = decoder.begin(decoder.batch([row])), [], start
        for following in token_ids(target, "a text", decoder.vocabulary):
            _, state = decoder.step(tensor([token], "int32"), state)
            if state.shares is None:
                raise ValueError(f"model {model.name!r} has no attention: it looks nowhere")
            shares.append(ops.convert_to_numpy(state.shares)[0])
            token = following
        found.append(np.stack(shares)[:, :places] if shares else np.zeros((0, places), "float32"))
    return found


class State(NamedTuple):
    """Where a decoder stands.

    Args:
        towers: States of each recurrent layer.
        memories: What each that attends remembers, which stays; None for the others.
        context: The tensors of the graph that do not follow from what is written, which stay.
        shares: Where it looked in the last step, `(batch, places)`; None where it never looks.
    """

    towers: list
    memories: list
    context: list
    shares: object = None


class Decoder(Loops):
    """A model that writes from a context, taken apart: what runs once, and what runs every step.

    Args:
        model: See `decode`.
    """

    def __init__(self, model: keras.Model):
        super().__init__(model)
        graph = graph_of(model)
        inputs = {one.name: one for one in graph.inputs} if graph is not None else {}
        target = inputs.pop("target", None)
        outputs = [] if graph is None else graph.outputs
        if target is None or not inputs or len(outputs) != 1 or len(outputs[0].shape) != 3:
            raise ValueError(
                "a decoder is a functional keras.Model with an input 'target' (batch, length), at "
                "least one other, its context, and logits (batch, length, vocabulary); received "
                f"{getattr(model, 'name', model)!r} with inputs "
                f"{[one.name for one in getattr(graph, 'inputs', ())]}"
            )
        self.inputs, self.vocabulary = inputs, outputs[0].shape[-1]
        between = before(graph, target)
        self.encoder = keras.Function(list(inputs.values()), between)
        self.graph = keras.Function([target, *between], outputs)
        check_recurrent(model, operations(self.graph))
        self.towers = [kind(one) for one in operations(self.graph) if (kind := carrying(one))]
        self._check_steps()

    # What is given.

    @property
    def tokens(self) -> str | None:
        """The name of the one input, where that holds tokens."""
        [name, *others] = self.inputs
        one = self.inputs[name]
        return name if not others and len(one.shape) == 2 and "int" in one.dtype else None

    def rows(self, sources) -> list[tuple[dict, int]]:
        """Each context as a dictionary of arrays, and its length, which is 0 if that is fixed."""
        if self.tokens and not isinstance(sources, Mapping):
            found = []
            for i, one in enumerate(sources):
                ids = self._ids(one, f"source {i}", self.tokens)
                ids = ids[: np.flatnonzero(ids)[-1] + 1] if ids.any() else ids[:0]
                found.append(({self.tokens: ids}, len(ids)))
            return found
        missing = [name for name in self.inputs if name not in sources]
        if missing:
            raise ValueError(
                f"the model's context has the inputs {', '.join(self.inputs)}; received none of "
                f"the name {missing[0]!r}"
            )
        arrays = {name: np.asarray(sources[name]) for name in self.inputs}
        for name, one in self.inputs.items():
            if "int" in one.dtype:
                self._ids(arrays[name].ravel(), name, name)
        if len({len(one) for one in arrays.values()}) > 1:
            raise ValueError(
                "all inputs need one row a context; received "
                + ", ".join(f"{name} {len(one)}" for name, one in arrays.items())
            )
        first = next(iter(arrays.values()))
        places = first.shape[1] if first.ndim > 1 else 0
        rows = range(len(first))
        return [({name: one[i] for name, one in arrays.items()}, places) for i in rows]

    def _ids(self, given, said: str, name: str) -> np.ndarray:
        """Token ids of an input, or an error: a compiled function would read others as it likes."""
        return token_ids(given, said, getattr(self.model, "vocabularies", {}).get(name))

    def batch(self, rows: list[dict]) -> list:
        """Contexts side by side, tokens padded with 0 to a multiple of `STEP`."""
        arrays = []
        for name, one in self.inputs.items():
            parts = [row[name] for row in rows]
            if one.shape[1:] and one.shape[1] is None:
                longest = max(1, *(len(part) for part in parts))
                size = -(-longest // STEP) * STEP if compiles() else longest
                parts = [np.pad(p, [(0, size - len(p)), *[(0, 0)] * (p.ndim - 1)]) for p in parts]
            arrays.append(tensor(np.stack(parts), one.dtype))
        return arrays

    # Steps.

    def begin(self, inputs: list) -> State:
        """The state before the first step; the encoder runs."""
        context = self.encoder(inputs)
        context = [(one, get_keras_mask(one)) for one in context]
        states, memories = [], []
        rows = ops.shape(inputs[0])[0]

        def begun(tower, x, given, memory, mask):
            memories.append(tower.remember(memory, mask))
            states.append(tower.first_states(rows, given))
            return tower.look(x, states[-1], memories[-1])[0]

        self._run(ops.zeros((rows,), "int32"), context, begun)
        return State(states, memories, context)

    def step(self, tokens, state: State):
        """Reads one token `(batch,)` in each row: logits `(batch, vocabulary)`, and the state."""
        towers, memories = iter(state.towers), iter(state.memories)
        after, looked = [], []

        def stepped(tower, x, *_):
            y, new, shares = tower.look(x, next(towers), next(memories))
            after.append(new)
            looked.extend([] if shares is None else [shares])
            return y

        logits = self._run(tokens, state.context, stepped)
        shares = looked[-1] if looked else None
        return logits, state._replace(towers=after, shares=shares)

    def _run(self, tokens, context, run_tower):
        """The graph of a step, with `run_tower` in place of recurrent layers."""
        towers, given = iter(self.towers), []
        for one, mask in context:
            if mask is not None:
                set_keras_mask(one, mask)
            given.append(one)

        def recurrent(x, initial_state=None, mask=None, context=None, context_mask=None, **_):
            return run_tower(next(towers), x, initial_state, context, masks(context, context_mask))

        def attentive(x, memory, memory_mask=None):
            return run_tower(next(towers), x, None, memory, masks(memory, memory_mask))

        def instead(operation):
            kind = carrying(operation)
            return operation if not kind else attentive if kind is Looking else recurrent

        logits = tree.flatten(run_graph(self.graph, [tokens[:, None], *given], instead))[0]
        return ops.cast(logits[:, 0], "float32")

    def _check_steps(self):
        """Raises unless the model says the same step by step as at once."""
        rng = np.random.default_rng(0)
        inputs, [target] = {}, self.graph.inputs[:1]
        for name, one in self.inputs.items():
            shape = (1, *(3 if size is None else size for size in one.shape[1:]))
            inputs[name] = tensor(rng.random(shape) + 1, one.dtype)
        tokens = np.arange(1, 1 + (target.shape[1] or 3)) % self.vocabulary
        whole = self.model({**inputs, "target": tensor(tokens[None], "int32")})
        state, steps = self.begin(list(inputs.values())), []
        for token in tokens:
            logits, state = self.step(tensor([token], "int32"), state)
            steps.append(ops.convert_to_numpy(logits)[0])
        whole = ops.convert_to_numpy(ops.cast(whole, "float32"))[0]
        if not np.allclose(whole, steps, rtol=0.02, atol=0.02, equal_nan=True):
            raise ValueError(
                f"model {self.model.name!r} does not say the same step by step as at once (logits "
                f"{np.abs(whole - steps).max():.2g} apart): a layer that is not recurrent looks at "
                "more than one step of the target"
            )

    # Texts.

    def write(self, rows, start, end, length, choice, beams, penalty, seed, never) -> list[Written]:
        """A text for each of some contexts, side by side."""
        count = len(rows)
        if compiles():  # few numbers of rows, so that little is compiled
            rows = rows + [rows[0]] * ((1 << (count - 1).bit_length()) - count)
        inputs = self.batch(rows)
        size = -(-length // STEP) * STEP
        shapes = tuple(tuple(one.shape) for one in inputs)
        ends = [tensor(one, "int32") for one in (start, end, length)]
        if choice is None:
            penalty = tensor(number("length_penalty", penalty), "float32")
            run = self._function(
                ("beam", beams, never, size, shapes), lambda *a: self._beam(beams, never, size, *a)
            )
            written, scores = run(inputs, *ends, penalty)
        else:
            sampler = self._sampler(choice)
            run = self._function(
                (choice.key, never, size, shapes), lambda *a: self._sample(sampler, never, size, *a)
            )
            temperature = tensor(choice.temperature, "float32")
            written, scores = run(inputs, *ends, self.seeds(choice, seed), temperature)
        written, scores = ops.convert_to_numpy(written), ops.convert_to_numpy(scores)
        found = []
        for row, score in zip(written[:count, :length], scores, strict=False):
            stops = np.flatnonzero(row == end)
            tokens = row[: stops[0]] if len(stops) else row
            found.append(Written(tokens, float(score), bool(len(stops))))
        return found

    def _sample(self, sampler, never, size, inputs, start, end, length, seeds, temperature):
        state = self.begin(inputs)
        rows = inputs[0].shape[0]
        banned = self._banned(start, *never)

        def body(i, tokens, towers, done, scores, seeds, written):
            logits, new = self.step(tokens, state._replace(towers=towers))
            known = ops.log_softmax(logits, axis=-1)
            probabilities = sampler.compute_probabilities((logits + banned) / temperature)
            tokens, seeds = chosen(sampler, seeds, probabilities)
            said = ops.take_along_axis(known, tokens[:, None], axis=-1)[:, 0]
            scores = scores + ops.where(done, 0.0, said)
            tokens = ops.where(done, end, tokens)
            written = ops.slice_update(written, (i, 0), tokens[None])
            return i + 1, tokens, new.towers, done | (tokens == end), scores, seeds, written

        def goes_on(i, _tokens, _towers, done, *_):
            return (i < length) & ops.any(ops.logical_not(done))

        first = (
            ops.cast(0, "int32"),
            ops.broadcast_to(start, (rows,)),
            state.towers,
            ops.zeros((rows,), "bool"),
            ops.zeros((rows,), "float32"),
            seeds,
            ops.broadcast_to(end, (size, rows)),
        )
        *_, scores, _, written = ops.while_loop(goes_on, body, first)
        return ops.transpose(written), scores

    def _beam(self, beams, never, size, inputs, start, end, length, penalty):
        rows, vocabulary = inputs[0].shape[0], self.vocabulary
        once = self.begin(inputs)

        def spread(one):
            return None if one is None else ops.repeat(one, beams, axis=0)

        state = State(*(tree.map_structure(spread, list(one)) for one in once[:3]))
        banned = self._banned(start, *never)
        # A text that has ended goes on in one way, which changes nothing.
        frozen = ops.where(ops.arange(vocabulary) == end, 0.0, NEVER)
        offsets = ops.arange(rows)[:, None] * beams

        def normed(scores, lengths):
            return scores / ((5.0 + lengths) / 6.0) ** penalty

        def body(i, tokens, towers, done, scores, lengths, written):
            flat = ops.reshape(tokens, (-1,))
            logits, new = self.step(flat, state._replace(towers=towers))
            known = ops.log_softmax(logits, axis=-1) + banned
            known = ops.reshape(known, (rows, beams, vocabulary))
            known = ops.where(done[..., None], frozen, known)
            total = ops.maximum(scores[..., None] + known, NEVER)
            after = lengths + ops.where(done, 0.0, 1.0)
            ranked = normed(total, after[..., None])
            _, best = ops.top_k(ops.reshape(ranked, (rows, -1)), beams)
            best = ops.cast(best, "int32")
            parent, tokens = best // vocabulary, best % vocabulary
            scores = ops.take_along_axis(ops.reshape(total, (rows, -1)), best, axis=1)
            lengths = ops.take_along_axis(after, parent, axis=1)
            done = ops.take_along_axis(done, parent, axis=1) | (tokens == end)
            source = ops.reshape(parent + offsets, (-1,))
            towers = tree.map_structure(lambda one: ops.take(one, source, axis=0), new.towers)
            written = ops.take(ops.reshape(written, (size, -1)), source, axis=1)
            written = ops.slice_update(written, (i, 0), ops.reshape(tokens, (1, -1)))
            return i + 1, tokens, towers, done, scores, lengths, written

        def goes_on(i, _tokens, _towers, done, *_):
            return (i < length) & ops.any(ops.logical_not(done))

        first = (
            ops.cast(0, "int32"),
            ops.broadcast_to(start, (rows, beams)),
            state.towers,
            ops.zeros((rows, beams), "bool"),
            ops.broadcast_to(ops.where(ops.arange(beams) == 0, 0.0, NEVER), (rows, beams)),
            ops.zeros((rows, beams), "float32"),
            ops.broadcast_to(end, (size, rows * beams)),
        )
        *_, scores, _, written = ops.while_loop(goes_on, body, first)
        written = ops.reshape(ops.transpose(written), (rows, beams, size))
        return written[:, 0], scores[:, 0]  # the best stands first

    def _banned(self, *never):
        """What is added to logits, so that padding and these tokens are not written."""
        ids = ops.arange(self.vocabulary)
        return sum(ops.where(ids == one, NEVER, 0.0) for one in (0, *never))


class Looking:
    """An `Attention` layer, as a tower without states."""

    def __init__(self, layer: Attention):
        self.layer = layer
        self.remember = layer.remember

    def first_states(self, batch, given=None) -> list:
        """None."""
        return []

    def look(self, x, states, memory):
        """One step, `(batch, 1, features)`; also where it looked."""
        y, shares = self.layer.look(x, memory)
        return y, states, shares[:, 0]


def carrying(operation):
    """What stands for an operation that must know what came before, or remembers a context."""
    if isinstance(operation, Attention):
        return Looking
    return Tower if is_recurrent(operation) else None


def masks(context, given=None):
    """The masks of a context that are given, else those that it carries."""
    if context is None or given is not None:
        return given
    return tree.map_structure(get_keras_mask, context)
