"""What a language model pays for each token of a text, beside n-grams."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import keras
import numpy as np
import pandas as pd
from pydantic import Field

from keraseq import data, generation
from keraseq.bundle import Bundle
from keraseq.checks import boolean, positive_integer
from keraseq.evaluate import NGram, negative_log_likelihood
from keraseq.generation.engine import Engine
from keraseq.generation.text import check_vocabulary

COLD = 256  # steps of the windows from the zero state: nanoGPT's context
ORDERS = range(1, 7)  # of the n-grams


@dataclass(frozen=True)
class Source:
    """The arguments of `keraseq.data.text_corpus` that read the training text again."""

    source: str | list[str]
    level: Literal[data.text.LEVELS]  # type: ignore[valid-type]
    sha256: str
    validation: Annotated[float, Field(ge=0, lt=1)] | None = None
    test: Annotated[float, Field(ge=0, lt=1)] | None = None
    limit: Annotated[int, Field(gt=0)] | None = None


@dataclass(frozen=True)
class Stored:
    """What evaluation needs of a bundle's preprocessing."""

    tokenizer: str
    corpus: Source


def evaluate(
    bundle: Bundle,
    source=None,
    *,
    baselines: bool = True,
    orders: Sequence[int] = ORDERS,
    cold: int | None = COLD,
    data_dir: str | Path | None = None,
) -> pd.DataFrame:
    """What the model pays for each token of whole texts, beside n-grams.

    The model reads each document from its start to its end with one state (`carried state`), and
    in windows that each start from the zero state (`cold`); the first token of a document is not
    counted. The n-grams (Witten-Bell) are counted on the training part of the text that the model
    was trained on, if it can still be read.

    Args:
        bundle: What `train` made.
        source: A `keraseq.data.Corpus`, whose validation and test parts are scored; or what
            `keraseq.data.text_corpus` reads: all of it is scored, unless it is the text that the
            model was trained on, which is scored in parts. Default: that.
        baselines: Whether to count n-grams. Defaults to `True`.
        orders: Orders of the n-grams. Defaults to 1 to 6; those that cannot be counted for a
            vocabulary of this size are left out.
        cold: Length of the windows; `None` leaves this row out. Defaults to 256.
        data_dir: See `keraseq.data.text_corpus`.

    Returns:
        A row a method and part: `part`, `method`, `tokens`, and for characters
        `nats_per_character` and `bits_per_character`, else `nats_per_word` and `perplexity`.

    Raises:
        BundleError: The bundle is of another recipe, or damaged.
        ValueError: There is nothing to score.
    """
    tokenizer, stored = parts_of_bundle(bundle)
    trained = asdict(stored.corpus)
    options = {k: v for k, v in trained.items() if k != "sha256"}
    if isinstance(source, data.Corpus):
        if source.tokenizer != tokenizer:
            raise ValueError("the corpus has another tokenizer than the bundle")
        known, why, source = source, "", None
    else:
        known, why = corpus_again(options, trained["sha256"], tokenizer, data_dir)
    parts = parts_of(source, known, why, trained, tokenizer, data_dir)
    rows = []
    for part, documents in parts.items():
        rows += [(part, name, *cost) for name, cost in of_model(bundle.model, documents, cold)]
        if not boolean("baselines", baselines):
            continue
        if known is None:
            rows.append((part, f"n-grams: {why}", 0, math.nan))
            continue
        rows += [(part, *row) for row in of_ngrams(known, documents, orders)]
    return table(rows, options["level"])


def parts_of_bundle(bundle: Bundle, schema: type[Stored] = Stored) -> tuple:
    """Tokenizer and preprocessing of a bundle of this recipe, if they fit its model."""
    with bundle.reading(schema, "language model of this recipe") as stored:
        tokenizer = data.tokenizer(stored.tokenizer)
        check_vocabulary(tokenizer, Engine.of(bundle.model).vocabulary)
        if not bundle.model.get_layer("recurrent").rnns:
            raise ValueError("its model has no recurrent layer")
    return tokenizer, stored


def corpus_again(options: dict, sha256: str, tokenizer, data_dir):
    """The corpus that a model was trained on, or why there is none."""
    try:
        corpus = data.text_corpus(**options, tokenizer=tokenizer, data_dir=data_dir)
    except (OSError, ValueError) as error:
        return None, f"the training text cannot be read: {error}"
    if corpus.sha256 != sha256:
        return None, "the training text has changed since"
    return corpus, ""


def parts_of(source, known, why, trained, tokenizer, data_dir) -> dict[str, list[np.ndarray]]:
    """What is to be scored, token ids of each document by part."""
    if source is not None:
        whole = data.text_corpus(
            source, trained["level"], validation=0, test=0, tokenizer=tokenizer, data_dir=data_dir
        )
        if known is None or whole.sha256 != trained["sha256"]:
            return {"whole": whole.tokens("train")}
    if known is None:
        raise ValueError(f"there is nothing to score: {why}; give a text")
    return {part: known.tokens(part) for part in ("validation", "test") if known.texts(part)}


def of_model(model: keras.Model, documents: list[np.ndarray], cold: int | None):
    """`(method, (tokens, nats))` of the model."""
    costs = [-generation.score(model, one) for one in documents if len(one) > 1]
    if not costs:
        raise ValueError("there is nothing to score: no document has two tokens")
    cell = model.get_layer("recurrent").rnns[0].cell.__class__.__name__.removesuffix("Cell").lower()
    yield f"{cell}, carried state", mean(costs)
    if cold is not None:
        yield f"{cell}, windows of {cold}, cold", mean(cold_costs(model, documents, cold))


def cold_costs(model: keras.Model, documents: list[np.ndarray], length: int) -> list[np.ndarray]:
    """What each token costs if every window starts from the zero state."""
    rows = data.text.streams(documents, 1, positive_integer("cold", length))
    costs = []
    for start in range(0, len(rows.tokens), 16):  # few at a time: logits of words are large
        part = slice(start, start + 16)
        logits = model.predict_on_batch(rows.tokens[part])
        costs.append(negative_log_likelihood(logits, rows.targets[part])[rows.weights[part] > 0])
    return costs


def of_ngrams(corpus: data.Corpus, documents: list[np.ndarray], orders: Sequence[int]):
    """`(method, tokens, nats)` of n-gram models of the training part."""
    vocabulary, learnt = len(corpus.tokenizer), np.concatenate(corpus.tokens("train"))
    longest = int(63 / math.log2(vocabulary))
    for order in (one for one in orders if one <= longest):
        ngram = NGram(order, vocabulary).fit(learnt)
        costs = [ngram.cost(one[1:], before=one[:1]) for one in documents if len(one) > 1]
        yield f"{order}-gram (Witten-Bell)", *mean(costs)


def mean(costs: list[np.ndarray]) -> tuple[int, float]:
    """Number and mean of costs."""
    costs = np.concatenate([np.ravel(one) for one in costs])
    return len(costs), float(np.mean(costs, dtype="float64"))


def table(rows: list[tuple], level: str) -> pd.DataFrame:
    """The rows with the measures of their level."""
    unit = unit_of(level).replace(" ", "_")
    frame = pd.DataFrame(rows, columns=["part", "method", "tokens", f"nats_per_{unit}"])
    nats = frame[f"nats_per_{unit}"]
    if level == "character":
        return frame.assign(bits_per_character=nats / math.log(2))
    return frame.assign(perplexity=np.exp(nats))


def unit_of(level: str) -> str:
    """What a token of a level is called."""
    return {"character": "character", "word": "word", "wordpiece": "word piece"}[level]


def said(nats: float, level: str) -> str:
    """A cost in the words of its level."""
    if level == "character":
        return f"{nats:.4f} nats ({nats / math.log(2):.3f} bits) per character"
    return f"{nats:.4f} nats per {unit_of(level)} (perplexity {math.exp(nats):.1f})"
