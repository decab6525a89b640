"""What a tagger says of raw sentences, and what it is worth beside those that only count."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

import keras
import numpy as np
import pandas as pd
from keras import ops
from pydantic import Field

from keraseq import data
from keraseq.bundle import Bundle
from keraseq.checks import boolean, one_of
from keraseq.data import tagged
from keraseq.data.parts import PARTS
from keraseq.evaluate import (
    TrigramHMM,
    accuracy_interval,
    entity_counts,
    entity_f1,
    gazetteer,
    most_frequent_tag,
)
from keraseq.keras_inside import without_advice_on_tracing
from keraseq.layers import marginals, viterbi
from keraseq.recipes import origin
from keraseq.recipes.tag.settings import Settings

OF_FILES = ("sep", "header", "encoding")
TOGETHER, MULTIPLE = 64, 16  # sentences in a batch, and what its length is a multiple of


@dataclass(frozen=True)
class Again(origin.Again):
    """Arguments of `keraseq.data.tagged_sentences` that read the data again."""

    token: str | None = None
    tag: str | None = None
    sentence: str | None = None
    scheme: str | None = None
    layout: str | None = None


@dataclass(frozen=True)
class Words:
    """What `keraseq.data.WordEncoder.to_dict` writes."""

    words: list[str]
    characters: list[str]
    more: list[str]
    word_length: Annotated[int, Field(gt=0)]


@dataclass(frozen=True)
class Stored:
    """The preprocessing of a bundle of this recipe."""

    encoder: Words
    tags: list[str]
    scheme: Literal["iob2", "none"]
    data: origin.Source[Again]
    settings: Settings


def parts_of(bundle: Bundle) -> tuple[Stored, tagged.WordEncoder]:
    """What a bundle of this recipe holds beside its model, if it fits it."""
    with bundle.reading(Stored, "tagger of this recipe") as stored:
        encoder, model = tagged.WordEncoder(**asdict(stored.encoder)), bundle.model
        layer = model.get_layer("embedding")
        ids = getattr(layer, "vocabulary", None) or layer.input_dim
        sizes = (ids, model.output_shape[-1])
        if sizes != (len(encoder), len(stored.tags)):
            raise ValueError(
                f"it knows {len(encoder):,} words and {len(stored.tags)} tags, its model {ids:,} "
                f"and {sizes[1]}: they do not belong together"
            )
        letters = [one.input_dim for one in model.layers if one.name == "character_embedding"]
        if letters not in ([], [len(encoder.characters) + 2]):
            raise ValueError("its model knows other characters")
    return stored, encoder


def decoded(model: keras.Model, rows: Sequence[np.ndarray]) -> Iterator[tuple]:
    """The tag numbers of each sentence, and how likely each is."""
    found: list = [(np.zeros(0, int), np.zeros(0)) for _ in rows]
    full = [at for at, row in enumerate(rows) if len(row)]
    if full:
        sets = tagged.batches(
            [rows[at] for at in full],
            None,
            TOGETHER,
            characters=len(model.inputs) > 1,
            multiple=MULTIPLE,
        )
        with without_advice_on_tracing():
            for batch, group in zip(sets, sets.groups, strict=True):
                given = model.predict_on_batch(batch)
                if given.ndim == 4:
                    chances = ops.convert_to_numpy(marginals(given))
                    tags = ops.convert_to_numpy(viterbi(given))
                else:
                    chances = ops.convert_to_numpy(ops.softmax(given))
                    tags = chances.argmax(-1)
                for at, its, each in zip(group, tags, chances, strict=True):
                    its = its[: len(rows[full[at]])]
                    found[full[at]] = (its, each[np.arange(len(its)), its])
    return iter(found)


def predict(bundle: Bundle, raw) -> pd.DataFrame:
    """The tag of each word of raw sentences, and how likely it is.

    Args:
        bundle: What `train` made.
        raw: A sentence, or a list of sentences: each a text, which
            `keraseq.data.tagged.tokens` takes apart, or a list of its words. An empty one gives no
            rows.

    Returns:
        A row a word: `sentence`, its number; `token`; `tag`; `probability`, with a conditional
        random field its marginal.

    Raises:
        BundleError: The bundle is of another recipe, damaged, or its parts do not belong together.
        TypeError: A sentence is neither text nor a list of words.
    """
    stored, encoder = parts_of(bundle)
    sentences = [
        words_of(one, at) for at, one in enumerate([raw] if isinstance(raw, (str, bytes)) else raw)
    ]
    rows = [encoder.encode(words) for words in sentences]
    said = [
        (at, word, stored.tags[tag], chance)
        for at, (words, found) in enumerate(
            zip(sentences, decoded(bundle.model, rows), strict=True)
        )
        for word, tag, chance in zip(words, *found, strict=True)
    ]
    frame = pd.DataFrame(said, columns=["sentence", "token", "tag", "probability"])
    frame.attrs["scheme"] = stored.scheme
    return frame.astype({"sentence": int, "probability": float})


def words_of(given, at: int) -> list[str]:
    """The words of a raw sentence."""
    if isinstance(given, bytes):
        try:
            given = given.decode("utf-8")
        except UnicodeDecodeError:
            raise ValueError(f"sentence {at} is not UTF-8") from None
    if isinstance(given, str):
        return tagged.tokens(given)
    if isinstance(given, (list, tuple)) and all(isinstance(word, str) for word in given):
        return list(given)
    raise TypeError(
        f"sentence {at} must be a text or a list of words; received {type(given).__name__}"
    )


def predictions(bundle: Bundle, parts: data.TaggedSentences, part: str = "validation"):
    """What the model says of each word of a part, for confusion matrices and the like.

    Args:
        bundle: What `train` made.
        parts: The parts.
        part: `"train"`, `"validation"` or `"test"`. Defaults to `"validation"`.

    Returns:
        A row a word: `sentence`, `token`, `truth`, `tag`, `probability`, `right`, and `count`, how
        often it stands in the training part.
    """
    counts = pd.Series([word for words in parts.train.inputs for word in words]).value_counts()
    inputs, targets = parts.part(one_of("part", part, PARTS))
    frame = predict(bundle, inputs)
    truth = [parts.tags[tag] for its in targets for tag in its]
    frame.insert(2, "truth", truth)
    frame["right"] = frame.truth == frame.tag
    frame["count"] = frame.token.map(counts).fillna(0).astype(int)
    return frame


def evaluate(bundle: Bundle, source=None, *, baselines: bool = True, **reading) -> pd.DataFrame:
    """The tagger on sentences with their tags, and taggers that count the same training part.

    Args:
        bundle: What `train` made.
        source: Sentences in parts; or raw ones with tags, as in training, all of which are scored.
            Default: the data that the model was trained on.
        baselines: Whether to count the most frequent tag of each word, a trigram hidden Markov
            model, and for entities a gazetteer; left out where the training part cannot be read.
            Defaults to `True`.
        **reading: How the source is read, where it is not as in training.

    Returns:
        A row a part and method: `part`, `method`; `accuracy` of words, with its 95 % interval `low`
        to `high`; for entities `precision`, `recall` and `f1` with its interval (seqeval's strict
        mode, see `keraseq.evaluate.entity_f1`); `unseen`, the accuracy of words that do not stand
        in the training part; `sentences`, those without an error; both with intervals, and the
        numbers of `words`, `unseen_words` and `examples`.

    Raises:
        ValueError: The bundle is of another recipe, the data are not there or have changed, or they
            have tags that the model does not know.
    """
    stored, encoder = parts_of(bundle)
    boolean("baselines", baselines)
    found, alone = scored(stored, source, reading)
    each = {"whole": alone} if found is None else {p: found.part(p) for p in ("validation", "test")}
    named = {
        part: [[stored.tags[i] for i in its] for its in one.targets] for part, one in each.items()
    }
    methods: dict[str, Any] = {
        method_of(stored.settings): lambda sentences: [
            [stored.tags[i] for i in its]
            for its, _ in decoded(bundle.model, [encoder.encode(words) for words in sentences])
        ]
    }
    if found is None:
        known = encoder.knows
    else:
        seen = {word for words in found.train.inputs for word in words}
        known = seen.__contains__
    if baselines and found is not None:
        learnt = [[stored.tags[i] for i in its] for its in found.train.targets]
        simple = {
            "most frequent tag, by word or ending": most_frequent_tag,
            "trigram HMM": TrigramHMM,
        }
        if stored.scheme == "iob2":
            simple["names of the training part"] = gazetteer
        for name, method in simple.items():
            counted = method(found.train.inputs, learnt)
            methods[name] = lambda sentences, counted=counted: list(map(counted, sentences))
    rows = [
        {"part": part, "method": name}
        | measured(one.inputs, named[part], method(one.inputs), known, stored.scheme)
        for part, one in each.items()
        for name, method in methods.items()
    ]
    frame = pd.DataFrame(rows)
    return frame.sort_values("part", kind="stable", ascending=False, ignore_index=True)


def scored(stored: Stored, source, reading: dict):
    """`(parts, None)`, two of which are scored, or `(None, part)`, which is scored whole."""
    found = stored.data.found(source, reading, data.TaggedSentences, data.tagged_sentences)
    if found is None:
        how, known = ("token", "tag", "sentence", "layout", *OF_FILES), stored.data.known
        kept = {name: known.get(name) for name in how} | reading
        return None, tagged.whole(source, stored.tags, stored.scheme, **kept)
    if list(found.tags) != stored.tags:
        raise ValueError(
            f"the data have the tags {', '.join(found.tags)}; the model knows "
            f"{', '.join(stored.tags)}"
        )
    return found, None


def measured(sentences, truth, said, known, scheme: str) -> dict:
    """A row of the table."""
    right = np.array(
        [a == b for x, y in zip(truth, said, strict=True) for a, b in zip(x, y, strict=True)]
    )
    strange = np.array([not known(word) for words in sentences for word in words])
    whole = np.array([list(x) == list(y) for x, y in zip(truth, said, strict=True)])
    row = rated("accuracy", right, ("low", "high"))
    if scheme == "iob2":
        row |= entity_f1([entity_counts(x, y) for x, y in zip(truth, said, strict=True)])
    row |= rated("unseen", right[strange], ("unseen_low", "unseen_high"))
    row |= rated("sentences", whole, ("sentences_low", "sentences_high"))
    return row | {"words": len(right), "unseen_words": int(strange.sum()), "examples": len(whole)}


def rated(name: str, right: np.ndarray, ends: tuple[str, str]) -> dict[str, float]:
    """A fraction with Wilson's interval; NaN of nothing."""
    if not len(right):
        return dict.fromkeys((name, *ends), float("nan"))
    return dict(
        zip(
            (name, *ends), (right.mean(), *accuracy_interval(right.mean(), len(right))), strict=True
        )
    )


def method_of(settings: Settings) -> str:
    """The model in a few words."""
    words = [f"{'bidirectional ' * settings.bidirectional}{settings.cell}"]
    words += ["letters"] * bool(settings.character_units) + ["pretrained vectors"] * bool(
        settings.vectors
    )
    return ", ".join([*words, *["CRF"] * bool(settings.crf)])
