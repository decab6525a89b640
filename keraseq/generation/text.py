"""Writing text with a language model: prompts, stop strings, pieces."""

from __future__ import annotations

import numbers
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import keras
import numpy as np

from keraseq.bundle import Bundle
from keraseq.data.text.normal import normal
from keraseq.generation.choosing import Choice, choose
from keraseq.generation.compiled import token_ids
from keraseq.generation.decoding import decode
from keraseq.generation.engine import BUFFER, Engine

if TYPE_CHECKING:
    import keras_nlp

BETWEEN_LOOKS = 64  # tokens written between two looks for a stop string
CONTEXT = 8  # tokens decoded again in front of a piece, so that words and spaces come out right
MAX_SEED = 2**31 - 1


class Tokenizer(Protocol):
    """What turns text into token ids and back, such as `keraseq.data.CharacterVocabulary`."""

    def __len__(self) -> int: ...
    def encode(self, text: str) -> np.ndarray: ...
    def decode(self, ids) -> str: ...


def generate(
    model: keras.Model | Bundle,
    prompt: str | Sequence[str] | np.ndarray,
    length: int,
    *,
    sampler: str | keras_nlp.samplers.Sampler = "random",
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int | None = None,
    stop: str | Sequence[str] | None = None,
    tokenizer: Tokenizer | None = None,
):
    """Continues a text, or many at once, with a language model; or what a decoder makes of them.

    A model that writes from a context, such as a translator, does not continue its prompt: that is
    the context, and the text is the translation, at most `length` tokens (`sampler="beam"` looks
    for the best). See `keraseq.generation.decode`.

    The model reads the prompt, then writes token by token; what it wrote, it reads. That loop is
    compiled as a whole the first time (about a second) and kept with the model: another prompt,
    length, temperature or seed compiles nothing, nor does training the model further; another
    sampler, another `top_k` or `top_p`, or another number of texts does. The state starts from
    what the cells start from; the states of a `stateful` model are neither read nor changed.

    Args:
        model: A language model such as `keraseq.models.language_model`, or a bundle that holds one.
        prompt: The text to continue, or a list of texts of any lengths, continued side by side. An
            empty text stands for a line break, or, if the tokenizer knows none, for token 0: a
            model needs something to read first. A character that the model does not know is what
            its tokenizer says, an error or an unknown token. Also token ids `(n,)`, or a list of
            such.
        length: How many tokens to write, at least 0.
        sampler: `"random"`, `"greedy"`, `"top_k"`, `"top_p"`, `"beam"`, `"contrastive"`, or a
            sampler of `keras_nlp.samplers`, which brings its own options. Defaults to `"random"`.
        temperature: The logits are divided by it: below 1 makes likely tokens likelier, 0 takes
            the most probable one at each step (greedy). Defaults to 1.
        top_k: Only the `top_k` most probable tokens are chosen from, at most the vocabulary.
            Default: all. Choosing from few is also faster: a random number is drawn for each of
            them, which for a vocabulary of words takes longer than the step of the model.
        top_p: Only the fewest tokens that together have at least this probability are chosen from,
            in (0, 1]. Default: all.
        seed: Integer from 0 to 2**31 - 1: the same seed, model, sampler and number of texts give
            the same texts. Default: drawn from Python's `random`, as Keras does.
        stop: A text, or several, at the first of which a continuation ends; it is not part of it.
            One that never comes changes nothing. Default: none.
        tokenizer: What turns text into token ids and back. Default: the bundle's.

    Returns:
        The continuation, without the prompt: a `str`; a list of `str` for a list of prompts; an
        int32 array `(length,)` for token ids. Empty for `length=0`.

    Raises:
        ValueError: The model is no language model, an argument is out of its range or contradicts
            another, a text comes without a tokenizer, or the tokenizer is of another size than the
            model's vocabulary.

    Example:

    >>> model = keraseq.models.language_model(5, cell="mut1", units=8)
    >>> letters = keraseq.data.CharacterVocabulary("helo ")
    >>> len(keraseq.generate(model, "hello ", 20, tokenizer=letters, top_k=3, seed=1))
    20

    References:
        Holtzman et al. 2020, "The Curious Case of Neural Text Degeneration", arXiv:1904.09751
        (top-p). Fan, Lewis & Dauphin 2018, "Hierarchical Neural Story Generation",
        arXiv:1805.04833 (top-k). Su et al. 2022, "A Contrastive Framework for Neural Text
        Generation", arXiv:2202.06417.
    """
    if writes_from_context(model):
        choice = {"sampler": sampler, "temperature": temperature, "top_k": top_k, "top_p": top_p}
        return from_context(model, prompt, length, choice, seed, stop, tokenizer)
    task = prepare(model, prompt, length, sampler, temperature, top_k, top_p, seed, stop, tokenizer)
    writers = task.writers()
    for tokens in pieces(task, BETWEEN_LOOKS if task.stops else BUFFER):
        for writer, row in zip(writers, tokens, strict=True):
            writer.add(row)
        if all(writer.done for writer in writers):
            break
    texts = [writer.whole() for writer in writers]
    return texts if task.many else texts[0]


def stream(
    model: keras.Model | Bundle,
    prompt: str,
    length: int,
    *,
    piece: int = 32,
    sampler: str | keras_nlp.samplers.Sampler = "random",
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int | None = None,
    stop: str | Sequence[str] | None = None,
    tokenizer: Tokenizer | None = None,
) -> Iterator[str]:
    """Continues a text like `generate`, and gives it piece by piece while it is written.

    The pieces joined are what `generate` returns. The end of a piece that may be the start of a
    stop string is held back until the next piece tells.

    Args:
        model, prompt, length, sampler, temperature, top_k, top_p, seed, stop, tokenizer: As for
            `generate`, for one text and a sampler that chooses token by token (all but `"beam"`
            and `"contrastive"`).
        piece: Tokens in a piece, from 1 to 512. Defaults to 32.

    Returns:
        An iterator over texts, none of them empty. Arguments are checked before the first.

    Raises:
        ValueError: As for `generate`; or several prompts, or a sampler with a loop of its own.

    Example:

    >>> model = keraseq.models.language_model(5, cell="mut1", units=8)
    >>> letters = keraseq.data.CharacterVocabulary("helo ")
    >>> pieces = keraseq.generation.stream(model, "he", 100, tokenizer=letters, piece=40, seed=1)
    >>> [len(piece) for piece in pieces]
    [40, 40, 20]
    """
    task = prepare(model, prompt, length, sampler, temperature, top_k, top_p, seed, stop, tokenizer)
    if not isinstance(prompt, str):
        raise ValueError(f"stream continues one text; received prompt={prompt!r}")
    if not task.token_by_token:
        raise ValueError(
            f"sampler={sampler!r} decides on the whole text at its end: it cannot be streamed; "
            "accepted: greedy, random, top_k, top_p"
        )
    if not is_integer(piece) or not 1 <= piece <= BUFFER:
        raise ValueError(f"piece must be from 1 to {BUFFER} tokens; received piece={piece!r}")
    return streamed(task, int(piece))


def score(
    model: keras.Model | Bundle,
    text: str | np.ndarray,
    *,
    tokenizer: Tokenizer | None = None,
) -> np.ndarray:
    """What a language model says of a text: the log-probability of each token but the first.

    Each token is seen in the light of all those before it, from the state that the cells start
    from, however long the text is. Minus the mean is the loss in nats a token.

    Args:
        model: A language model, or a bundle that holds one.
        text: A text, or token ids `(n,)`, n at least 1.
        tokenizer: What turns text into token ids. Default: the bundle's.

    Returns:
        float32 `(n - 1,)`, in nats.

    Raises:
        ValueError: The model is no language model, the text is empty, or token ids are none.

    Example:

    >>> model = keraseq.models.language_model(5, cell="mut1", units=8)
    >>> keraseq.generation.score(model, [0, 3, 1, 4]).shape
    (3,)
    """
    model, tokenizer = parts_of(model, tokenizer)
    engine = Engine.of(model)
    tokens = encoded(text, "text", tokenizer, engine.vocabulary)
    if not len(tokens):
        raise ValueError("text must have at least one token; received an empty one")
    return engine.score(tokens)


def writes_from_context(model) -> bool:
    """Whether a model, or a bundle's, writes from a context, as translators do."""
    model = model.model if isinstance(model, Bundle) else model
    return "target" in (one.name for one in getattr(model, "inputs", None) or ())


def from_context(model, prompt, length: int, choice: dict, seed, stop, tokenizer):
    """What a decoder makes of sentences: see `keraseq.generation.decode`."""
    if stop is not None:
        raise ValueError("a decoder knows where its text ends: it takes no stop")
    if isinstance(model, Bundle):
        with model.reading(StoredEncoder, "translator") as stored:
            if tokenizer is None and stored.encoder is not None:
                from keraseq.data import SentenceEncoder

                tokenizer = SentenceEncoder.from_dict(stored.encoder)
        model = model.model
    many = not isinstance(prompt, str)
    texts = list(prompt) if many else [prompt]
    if tokenizer is None or not all(isinstance(one, str) for one in texts):
        raise ValueError(
            "a decoder goes from texts to texts with tokenizer=, a keraseq.data.SentenceEncoder, "
            "or a bundle that has one; accepted for token ids: keraseq.generation.decode"
        )
    sources, _ = tokenizer.read(texts)
    ends = {"start": tokenizer.start, "end": tokenizer.end, "length": length}
    written = decode(model, sources, **ends, **choice, seed=checked_seed(seed))
    texts = [tokenizer.decode(one.tokens) for one in written]
    return texts if many else texts[0]


@dataclass(frozen=True)
class StoredEncoder:
    """What writing from a sentence needs of a bundle's preprocessing."""

    encoder: dict | None = None


class Task(NamedTuple):
    """What is to be written, all arguments checked."""

    engine: Engine
    tokenizer: Tokenizer | None
    prompts: list[np.ndarray]
    many: bool
    length: int
    choice: Choice
    seed: int
    stops: tuple[str, ...]

    @property
    def token_by_token(self) -> bool:
        """Whether the sampler chooses one token after the other, and sticks to it."""
        return self.engine.chooses_by_token(self.choice)

    def writers(self) -> list[TextWriter | TokenWriter]:
        """What collects the tokens of each row."""
        if self.tokenizer is None:
            return [TokenWriter() for _ in self.prompts]
        return [TextWriter(self.tokenizer, one, self.stops) for one in self.prompts]


def prepare(
    model, prompt, length, sampler, temperature, top_k, top_p, seed, stop, tokenizer
) -> Task:
    """The arguments of `generate`, checked."""
    model, tokenizer = parts_of(model, tokenizer)
    if not is_integer(length) or length < 0:
        raise ValueError(f"length must be an integer, at least 0; received length={length!r}")
    engine = Engine.of(model)
    choice = choose(sampler, temperature, top_k, top_p, engine.vocabulary)
    many = isinstance(prompt, (list, tuple)) and not (prompt and all(map(is_integer, prompt)))
    given = list(prompt) if many else [prompt]
    prompts = [encoded(one, "prompt", tokenizer, engine.vocabulary) for one in given]
    prompts = [one if len(one) else start(tokenizer) for one in prompts]
    texts = {isinstance(one, str) for one in given}
    if texts == {True, False}:
        raise ValueError("prompts must be all texts, or all token ids; received both")
    stops = (stop,) if isinstance(stop, str) else tuple(stop or ())
    for one in stops:
        if not isinstance(one, str) or not one:
            raise ValueError(
                f"stop must be a text, or several, none of them empty; received {one!r}"
            )
    if stops and texts == {False}:
        raise ValueError("stop ends texts; received it with token ids as prompt")
    return Task(
        engine,
        tokenizer if texts == {True} else None,
        prompts,
        many,
        int(length),
        choice,
        checked_seed(choice.seed if seed is None else seed),
        stops,
    )


@dataclass(frozen=True)
class Stored:
    """What writing needs of a bundle's preprocessing."""

    tokenizer: str | None = None


def parts_of(model, tokenizer):
    """Model and tokenizer of what the user gave."""
    if isinstance(model, Bundle):
        with model.reading(Stored, "language model") as stored:
            vocabulary = Engine.of(model.model).vocabulary
            if tokenizer is None and stored.tokenizer is not None:
                from keraseq.data import tokenizer as rebuilt

                tokenizer = rebuilt(stored.tokenizer)
                check_vocabulary(tokenizer, vocabulary)
        model = model.model
    return model, tokenizer


def check_vocabulary(tokenizer, vocabulary: int) -> None:
    """Raises if the tokens are not those of a model."""
    if len(tokenizer) != vocabulary:
        raise ValueError(
            f"the tokenizer has {len(tokenizer)} tokens, the model's vocabulary {vocabulary}"
        )


def encoded(text, name: str, tokenizer, vocabulary: int) -> np.ndarray:
    """The token ids of a text, or ids as they were given, int32 `(n,)`."""
    if isinstance(text, str):
        if tokenizer is None:
            raise ValueError(
                f"a text as {name} needs tokenizer=, or a bundle that has one; "
                "accepted without: an array of token ids"
            )
        check_vocabulary(tokenizer, vocabulary)
        return np.asarray(tokenizer.encode(normal(text)), dtype="int32")
    return token_ids(text, name, vocabulary, "a text or integer")


def unknown(tokenizer, prompt: str) -> list[str]:
    """The letters or words of a prompt that stand for the unknown token, each once."""
    known, found = getattr(tokenizer, "words", None), normal(prompt).split()
    if getattr(tokenizer, "unknown", None) == "replace":
        known, found = tokenizer.characters, normal(prompt)
    return [] if known is None else list(dict.fromkeys(one for one in found if one not in known))


def start(tokenizer) -> np.ndarray:
    """What an empty prompt stands for: a line break, or token 0 where there is none."""
    if tokenizer is not None:
        try:
            ids = np.asarray(tokenizer.encode("\n"), dtype="int32")
        except ValueError:  # a character vocabulary without it
            ids = np.zeros(0, "int32")
        if len(ids) == 1 and tokenizer.decode(ids) == "\n":
            return ids
    return np.zeros(1, "int32")


def is_integer(value) -> bool:
    """Whether a value is a whole number, and no truth value."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def checked_seed(seed) -> int:
    """The seed, or one drawn as Keras draws them."""
    if seed is None:
        return random.randint(1, 10**9)
    if (
        isinstance(seed, bool)
        or not isinstance(seed, numbers.Integral)
        or not 0 <= seed <= MAX_SEED
    ):
        raise ValueError(f"seed must be an integer from 0 to {MAX_SEED}; received seed={seed!r}")
    return int(seed)


def pieces(task: Task, size: int) -> Iterator[np.ndarray]:
    """The tokens of all rows, `(batch, n)` with n at most `size`, until there are enough."""
    if task.length == 0 or not task.prompts:
        return
    if not task.token_by_token:
        yield task.engine.search(task.choice, task.prompts, task.length)
        return
    position = task.engine.position(task.prompts)
    seeds = task.engine.seeds(task.choice, task.seed)
    for done in range(0, task.length, size):
        steps = min(size, task.length - done)
        tokens, position, seeds = task.engine.sample(task.choice, position, seeds, steps)
        yield tokens


def streamed(task: Task, size: int) -> Iterator[str]:
    """The text of one row, piece by piece."""
    [writer] = task.writers()
    for tokens in pieces(task, size):
        text = writer.add(tokens[0])
        if text:
            yield text
        if writer.done:
            return
    rest = writer.finish()
    if rest:
        yield rest


class TokenWriter:
    """Collects token ids."""

    done = False  # nothing ends them but their number

    def __init__(self):
        self.parts = [np.zeros(0, "int32")]

    def add(self, ids) -> None:
        """Takes what was written next."""
        self.parts.append(ids)

    def whole(self) -> np.ndarray:
        """All that was written."""
        return np.concatenate(self.parts)


class TextWriter:
    """Turns token ids into text, piece by piece, up to the first stop string.

    Args:
        tokenizer: What decodes.
        prompt: The token ids that were there before.
        stops: Texts at which to stop.
    """

    def __init__(self, tokenizer: Tokenizer, prompt: np.ndarray, stops: tuple[str, ...]):
        self.tokenizer, self.stops = tokenizer, stops
        self.context = prompt[-CONTEXT:]
        self.parts: list[str] = []
        self.held = ""  # the end of the text, as far as it may be the start of a stop string
        self.done = False

    def add(self, ids) -> str:
        """Takes what was written next; gives the text that is certain now."""
        if self.done:
            return ""
        text = self.held + self._decoded(ids)
        found = [place for place in (text.find(stop) for stop in self.stops) if place >= 0]
        self.done = bool(found)
        end = min(found) if found else len(text) - self._open_end(text)
        self.held = "" if found else text[end:]
        self.parts.append(text[:end])
        return text[:end]

    def finish(self) -> str:
        """What was held back: no more comes."""
        rest, self.held = self.held, ""
        self.parts.append(rest)
        return rest

    def whole(self) -> str:
        """All that was written."""
        self.finish()
        return "".join(self.parts)

    def _decoded(self, ids) -> str:
        """The text of tokens behind those before: whether a space comes first depends on both."""
        before = self.tokenizer.decode(self.context)
        self.context, both = np.concatenate([self.context, ids])[-CONTEXT:], self.context
        return self.tokenizer.decode(np.concatenate([both, ids]))[len(before) :]

    def _open_end(self, text: str) -> int:
        """How many characters at the end of a text a stop string may begin with."""
        longest = max(map(len, self.stops), default=1) - 1
        for size in range(min(longest, len(text)), 0, -1):
            if any(stop.startswith(text[-size:]) for stop in self.stops):
                return size
        return 0
