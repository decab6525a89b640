"""The loop over tokens, compiled as a whole and kept with the model.

    read      tokens that are there, all at once          -> states
    sample    one token after the other, chosen by `get_next_token` of a keras_nlp sampler
    search    a whole continuation, by a sampler with a loop of its own (beam, contrastive)
    score     log-probabilities of tokens that are there

What a loop is compiled for is the number of rows, the sampler and the size of a buffer; how many
steps it runs, the temperature and the seed are arguments. Longer texts are made buffer by buffer.
"""

from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from keraseq.cells import products
from keraseq.cells.context import during
from keraseq.generation.choosing import Choice
from keraseq.generation.compiled import Loops, chosen, compiles, tensor
from keraseq.layers.stateless import Stateless

READ = 128  # tokens read in one call
BUFFER = 512  # tokens written in one call, at most


class Position(NamedTuple):
    """Where texts stand: the last token of each, not read yet, and the states before it."""

    tokens: object  # (batch,)
    states: list


class Engine(Loops):
    """Compiled loops of one model.

    Args:
        model: A language model; see `keraseq.layers.stateless.Stateless`.
    """

    def __init__(self, model: keras.Model):
        super().__init__(model)
        self.stateless = Stateless(model)
        self.vocabulary = self.stateless.vocabulary

    def position(self, prompts: list[np.ndarray]) -> Position:
        """Reads prompts of any lengths, at least one token each, save their last tokens."""
        states = self.stateless.first_states(len(prompts))
        for tokens, valid in padded([prompt[:-1] for prompt in prompts]):
            states = self._function(("read", len(prompts)), self._read)(tokens, valid, states)
        return Position(tensor([prompt[-1] for prompt in prompts], "int32"), states)

    def sample(self, choice: Choice, position: Position, seeds: list, steps: int):
        """Writes `steps` tokens, at most `BUFFER`: `(batch, steps)`, position and seeds after."""
        sampler = self._sampler(choice)
        run = self._function(
            ("sample", choice.key, position.tokens.shape[0]),
            lambda *a: self._sample(sampler, *a),
        )
        written, tokens, states, seeds = run(
            position.tokens,
            position.states,
            seeds,
            tensor(choice.temperature, "float32"),
            tensor(steps, "int32"),
        )
        written = ops.convert_to_numpy(written)[:steps].T
        return written, Position(tokens, states), seeds

    def chooses_by_token(self, choice: Choice) -> bool:
        """Whether a sampler says no more than how to choose one token."""
        import keras_nlp

        return type(self._sampler(choice)).__call__ is keras_nlp.samplers.Sampler.__call__

    def search(self, choice: Choice, prompts: list[np.ndarray], length: int) -> np.ndarray:
        """Writes `length` tokens `(batch, length)` with a sampler that has a loop of its own."""
        sampler = self._sampler(choice)
        if sampler.variables:
            raise ValueError(
                f"{type(sampler).__name__} has a loop of its own and random numbers in it, which "
                "no seed from here reaches; accepted: a sampler that overrides get_next_token alone"
            )
        batch, longest = len(prompts), max(map(len, prompts))
        by_similarity = hasattr(sampler, "alpha")  # contrastive: it looks at what was said before
        size = bucket(length + (longest if by_similarity else 1))
        start = size - length  # what is written fills the end of the buffer
        tokens, states = self.position(prompts)
        buffer = np.zeros((batch, size), "int32")
        buffer[:, start - 1] = ops.convert_to_numpy(tokens)
        said = self._said(prompts, start, size) if by_similarity else tensor(0.0, "float32")
        run = self._function(
            ("search", choice.key, size, batch), lambda *a: self._search(sampler, *a)
        )
        temperature = tensor(choice.temperature, "float32")
        written = run(tensor(buffer, "int32"), states, said, temperature, tensor(start, "int32"))
        return ops.convert_to_numpy(written)[:, start:]

    def score(self, tokens: np.ndarray) -> np.ndarray:
        """The log-probability of each token but the first, `(n - 1,)`, in nats."""
        states = self.stateless.first_states(1)
        found = []
        for (read, valid), (target, _) in zip(
            padded([tokens[:-1]]), padded([tokens[1:]]), strict=True
        ):
            run = self._function("score", self._score)
            scores, states = run(read, valid, target, states)
            found.append(ops.convert_to_numpy(scores)[0])
        return np.concatenate([np.zeros(0, "float32"), *found])[: max(len(tokens) - 1, 0)]

    # What is compiled.

    def _read(self, tokens, valid, states):
        return self.stateless.read(tokens, states, valid).states

    def _hidden(self, tokens, valid, states):
        return self.stateless.read(tokens, states, valid)[1:]

    def _score(self, tokens, valid, targets, states):
        logits, _, states = self.stateless.read(tokens, states, valid)
        scores = ops.log_softmax(ops.cast(logits, "float32"), axis=-1)
        return ops.take_along_axis(scores, targets[..., None], axis=-1)[..., 0], states

    def _sample(self, sampler, tokens, states, seeds, temperature, steps):
        written = ops.zeros((BUFFER, tokens.shape[0]), dtype="int32")
        step = self._step_with_sliced_matrices(tokens, states)

        def body(i, tokens, states, seeds, written):
            logits, _, states = step(tokens, states)
            probabilities = sampler.compute_probabilities(ops.cast(logits, "float32") / temperature)
            tokens, seeds = chosen(sampler, seeds, probabilities)
            return i + 1, tokens, states, seeds, ops.slice_update(written, (i, 0), tokens[None])

        start = (ops.cast(0, "int32"), tokens, states, seeds, written)
        _, tokens, states, seeds, written = ops.while_loop(lambda i, *_: i < steps, body, start)
        return written, tokens, states, seeds

    def _search(self, sampler, buffer, states, said, temperature, start):
        step = self.stateless.step

        def following(buffer, states, index):
            tokens = ops.take(buffer, index - 1, axis=1)
            logits, hidden, states = step(tokens, states)
            return ops.cast(logits, "float32") / temperature, hidden, states

        said = {"hidden_states": said} if len(said.shape) == 3 else {}
        # On JAX the sampler's loop sees the weights of the model that it is given.
        return sampler(
            following, buffer, cache=states, index=start, model=self.stateless.model, **said
        )

    def _step_with_sliced_matrices(self, tokens, states):
        """A step for a loop: the matrices' blocks are cut out once, before it.

        XLA does not move the cut out of the loop: a step of a GRU takes ten times as long with it.
        """
        blocks = {}

        def cut(operand, weight, columns, addend):
            key = block_of(weight, columns)
            if key not in blocks:
                matrix = ops.convert_to_tensor(weight)
                blocks[key] = products.block(matrix, columns, operand.dtype)
            return products.matmul(operand, blocks[key], addend)

        def reuse(operand, weight, columns, addend):
            return products.matmul(operand, blocks[block_of(weight, columns)], addend)

        with during(product=cut):
            self.stateless.step(tokens, states)  # for the blocks alone; XLA drops the rest

        def step(tokens, states):
            with during(product=reuse):
                return self.stateless.step(tokens, states)

        return step

    # What is kept.

    def _said(self, prompts, start, size):
        """The hidden states after each token of the prompts, `(batch, size, width)`.

        They end at `start`; what is in front of a prompt repeats its first one, which leaves the
        greatest similarity with earlier tokens as it is.
        """
        states, parts = self.stateless.first_states(len(prompts)), []
        for tokens, valid in padded(prompts):
            run = self._function(("hidden", len(prompts)), self._hidden)
            hidden, states = run(tokens, valid, states)
            parts.append(ops.convert_to_numpy(ops.cast(hidden, "float32")))
        hidden = np.concatenate(parts, axis=1)
        said = np.zeros((len(prompts), size, hidden.shape[-1]), "float32")
        for row, prompt in enumerate(prompts):
            said[row, :start] = hidden[row, 0]
            said[row, start - len(prompt) : start] = hidden[row, : len(prompt)]
        return tensor(said, self.stateless.model.compute_dtype)


def padded(rows: list[np.ndarray]):
    """Tokens and what of them is valid, `READ` steps at a time, all rows side by side.

    Where things are compiled every part is as long as the others: one compilation serves all.
    """
    longest = max(map(len, rows))
    for start in range(0, longest, READ):
        size = READ if compiles() else min(READ, longest - start)
        tokens = np.zeros((len(rows), size), "int32")
        valid = np.zeros((len(rows), size), bool)
        for i, row in enumerate(rows):
            part = row[start : start + READ]
            tokens[i, : len(part)] = part
            valid[i, : len(part)] = True
        yield tensor(tokens, "int32"), tensor(valid, "bool")


def bucket(size: int) -> int:
    """The power of two, at least 64, that holds `size`: few sizes, so that little is compiled."""
    return max(64, 1 << (size - 1).bit_length())


def block_of(weight, columns):
    """What names a block of a matrix."""
    return id(weight), columns and (columns.start, columns.stop)
