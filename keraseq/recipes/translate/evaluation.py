"""What a translator makes of raw sentences, and what that is worth by sacreBLEU."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
import numpy as np
import pandas as pd

from keraseq import data, generation
from keraseq.bundle import Bundle
from keraseq.checks import boolean, one_of, positive_integer
from keraseq.data.pairs.reading import read
from keraseq.data.parts import PARTS, Part
from keraseq.recipes import origin
from keraseq.recipes.origin import Fraction
from keraseq.recipes.translate.settings import Settings

BEAMS, PENALTY = 5, 0.6  # of a beam search, where nobody says others
RESAMPLED = 1_000  # times, for the interval of a BLEU
CONSTANTS = 200  # training sentences that are tried as the one translation of all


@dataclass(frozen=True)
class Again(origin.Again):
    """Arguments that read the pairs again: of `data.load`, or of `data.sentence_pairs`."""

    source: str | list[str] | None = None
    source_column: str | None = None
    target_column: str | None = None
    reverse: bool = False
    validation: Fraction | str | list[str] | None = None
    test: Fraction | str | list[str] | None = None


@dataclass(frozen=True)
class Stored:
    """The preprocessing of a bundle of this recipe."""

    encoder: dict[str, Any]
    languages: list[str]
    data: origin.Source[Again]
    settings: Settings


class Parts(NamedTuple):
    """What a bundle of this recipe holds beside its model."""

    encoder: data.SentenceEncoder
    languages: list[str]
    data: origin.Source[Again]
    settings: Settings


def parts_of(bundle: Bundle) -> Parts:
    """What a bundle holds beside its model, if it fits it."""
    with bundle.reading(Stored, "translator of this recipe") as stored:
        encoder = data.SentenceEncoder.from_dict(stored.encoder)
        vocabulary = bundle.model.output_shape[-1]
        if sorted(one.name for one in bundle.model.inputs) != ["source", "target"]:
            raise ValueError("its model reads no source and target")
        if vocabulary != len(encoder):
            raise ValueError(
                f"its vocabulary has {len(encoder):,} ids and its model {vocabulary:,}: they do "
                "not belong together"
            )
    return Parts(encoder, stored.languages, stored.data, stored.settings)


def predict(bundle: Bundle, raw, *, sampler: str = "beam", **options) -> pd.DataFrame:
    """The translation of each sentence.

    Args:
        bundle: What `train` made.
        raw: A sentence, or a list of them, `str` or UTF-8 bytes.
        sampler: As for `keraseq.generation.decode`. Defaults to `"beam"`, with 5 beams and a length
            penalty of 0.6.
        **options: Further ones of it: `beams`, `length_penalty`, `temperature`, `seed`.

    Returns:
        A row a sentence: `source`; `translation`, that of an empty sentence is empty; `score`, its
        log-probability; `cut`, whether the sentence was too long and only its beginning was read;
        `ended`, whether the translation came to an end.

    Raises:
        BundleError: The bundle is of another recipe, damaged, or its parts do not belong together.
        ValueError: An unknown sampler or option, or a text that is no UTF-8.
        TypeError: One is no text.
    """
    parts = parts_of(bundle)
    sentences = []
    for at, one in enumerate([raw] if isinstance(raw, (str, bytes)) else raw):
        try:
            sentences.append(one.decode() if isinstance(one, bytes) else one)
        except UnicodeDecodeError as error:
            raise ValueError(f"sentence {at} is no UTF-8: {error}") from None
        if not isinstance(sentences[-1], str):
            raise TypeError(f"sentence {at} must be a text; received {type(one).__name__}")
    return translated(bundle.model, parts.encoder, parts.settings, sentences, sampler, **options)


def translated(
    model: keras.Model,
    encoder: data.SentenceEncoder,
    settings: Settings,
    sentences: Sequence[str],
    sampler: str = "greedy",
    **options,
) -> pd.DataFrame:
    """As `predict`, of the model."""
    if sampler == "beam":
        options = {"beams": BEAMS, "length_penalty": PENALTY, **options}
    rows, cut = encoder.read(sentences)
    some = [at for at, row in enumerate(rows) if len(row) > 1]
    written = generation.decode(
        model,
        [in_order(rows[at], settings) for at in some],
        start=encoder.start,
        end=encoder.end,
        length=settings.length + 1,
        sampler=sampler,
        **options,
    )
    found = [("", 0.0, True)] * len(rows)  # of empty sentences
    for at, one in zip(some, written, strict=True):
        found[at] = (encoder.decode(one.tokens), one.score, one.ended)
    frame = pd.DataFrame(found, columns=["translation", "score", "ended"])
    frame.insert(0, "source", list(sentences))
    return frame.assign(cut=cut)


def in_order(row: np.ndarray, settings: Settings) -> np.ndarray:
    """A source as the model reads it: backwards, if it does, the end token last."""
    return np.append(row[-2::-1], row[-1:]) if settings.read_backwards else row


def translations(bundle: Bundle, pairs: data.Pairs, part: str = "test", **options) -> pd.DataFrame:
    """What the model makes of a part, beside the translations that are given.

    Args:
        bundle: What `train` made.
        pairs: The pairs.
        part: `"train"`, `"validation"` or `"test"`. Defaults to `"test"`.
        **options: Of `predict`.

    Returns:
        What `predict` gives, with a column `reference`.
    """
    sources, targets = pairs.part(one_of("part", part, PARTS))
    return predict(bundle, sources, **options).assign(reference=list(targets))


def bleu_by_length(frame: pd.DataFrame, bins: int = 5) -> pd.DataFrame:
    """The BLEU of sentences of like length.

    Args:
        frame: What `translations` gave.
        bins: Number of groups of about as many sentences. Defaults to 5.

    Returns:
        A row a group, short ones first: `length`, the mean number of words of their sources;
        `longest`; `bleu`; `sentences`, their number.

    Example:

    >>> import pandas as pd
    >>> words = pd.Series(["ein Hund rennt schnell weg", "zwei Hunde spielen gern im Gras ."])
    >>> frame = pd.DataFrame({"source": words, "translation": words, "reference": words})
    >>> keraseq.recipes.translate.bleu_by_length(frame, bins=2).bleu.round(1).tolist()
    [100.0, 100.0]
    """
    lengths = frame.source.str.split().str.len()
    groups = pd.qcut(lengths, positive_integer("bins", bins), duplicates="drop")
    rows = [
        {
            "length": lengths[part.index].mean(),
            "longest": lengths[part.index].max(),
            "bleu": bleu(part.translation, part.reference),
            "sentences": len(part),
        }
        for _, part in frame.groupby(groups, observed=True)
    ]
    return pd.DataFrame(rows)


def look(bundle: Bundle, sentence: str, translation: str | None = None) -> pd.DataFrame:
    """Where the decoder looked while it wrote, word by word.

    Args:
        bundle: What `train` made, of a model with attention.
        sentence: A raw sentence.
        translation: What is written. Default: the model's own translation.

    Returns:
        A row a word that is written, a column a word that is read, the end of the sentence last:
        the shares of attention, 1 in each row. Those of a word's pieces are added up where they are
        read, and their mean is taken where they are written. `keraseq.plots.alignment` shows it.

    Raises:
        ValueError: The model has no attention, or a text is empty.
    """
    parts = parts_of(bundle)
    encoder = parts.encoder
    if translation is None:
        [translation] = predict(bundle, [sentence]).translation
    [row], _ = encoder.read([sentence])
    [target], _ = encoder.read([translation])
    if len(row) == 1 or len(target) == 1:
        raise ValueError("there is no alignment of an empty sentence")
    source = in_order(row, parts.settings)
    [shares] = generation.alignment(bundle.model, [source], [target], start=encoder.start)
    if parts.settings.read_backwards:  # the end stays the end
        shares = shares[:, [*range(len(row) - 2, -1, -1), len(row) - 1]]
    (written, rows), (said, columns) = encoder.words(target), encoder.words(row)
    frame = pd.DataFrame(shares).T.groupby(columns).sum().T.groupby(rows).mean()
    return frame.set_axis(written, axis=0).set_axis(said, axis=1)


def evaluate(
    bundle: Bundle, source=None, *, baselines: bool = True, beams: int = BEAMS, **reading
) -> pd.DataFrame:
    """The BLEU of a model on raw pairs, beside simple methods.

    Translations are made from the source alone and compared as they are read, with their case,
    against the raw reference.

    Args:
        bundle: What `train` made.
        source: Pairs in parts, whose validation and test parts are scored; or raw pairs, as in
            training, all of which are scored, unless they are those that the model was trained on.
            Default: the data that the model was trained on.
        baselines: Whether to measure simple methods too: the source copied; of the training part's
            most frequent translations the one that is best for all of the validation part; the
            translation of the training sentence that is nearest by the words and pairs of words
            that they share. Defaults to `True`.
        beams: Of the beam search. Defaults to 5.
        **reading: How the source is read, where it is not as in training.

    Returns:
        A row a part and method: `part`, `method`; `bleu`, with its 95 % interval `low` to `high`
        (bootstrap, 1,000 times); `chrf`; `sentences`, their number. `attrs["signature"]` says how
        sacreBLEU computed it.

    Raises:
        ValueError: The bundle is of another recipe, or the data are not there or have changed.
    """
    parts = parts_of(bundle)
    boolean("baselines", baselines)
    found, alone = scored(parts, source, reading)
    each = {"whole": alone} if found is None else {p: found.part(p) for p in ("test", "validation")}
    rows = []
    for name, (sources, targets) in each.items():
        for sampler, said in (("beam", f"beam {beams}"), ("greedy", "greedy")):
            options = {"beams": beams} if sampler == "beam" else {}
            written = predict(bundle, sources, sampler=sampler, **options).translation
            rows.append(measured(name, f"{method_of(parts.settings)}, {said}", written, targets))
    if baselines and found is not None:
        nearest = Nearest(found.train)
        constant = constant_of(found)
        for name, (sources, targets) in each.items():
            for method, written in (
                ("nearest training sentence", nearest(sources)),
                ("one sentence for all", [constant] * len(sources)),
                ("source copied", sources),
            ):
                rows.append(measured(name, method, written, targets))
    frame = pd.DataFrame(rows).sort_values("part", kind="stable", ignore_index=True)
    frame.attrs["signature"] = signature()
    return frame


def scored(parts: Parts, source, reading: dict):
    """`(pairs, None)`, two parts of which are scored, or `(None, part)`, which is scored whole."""
    found = parts.data.found(source, reading, data.Pairs, data.sentence_pairs)
    if found is not None:
        return found, None
    how = ("source_column", "target_column", "sep", "header", "encoding")
    chosen = {**parts.data.known, **reading}
    pairs = read(source, {name: chosen.get(name) for name in how})[2]
    sides = list(zip(*pairs, strict=True))
    return None, Part(*map(list, sides[::-1] if chosen.get("reverse") else sides))


def method_of(settings: Settings) -> str:
    """The model in a few words."""
    looks = "no" if settings.attention == "none" else settings.attention
    return f"{settings.cell}, {looks} attention"


def measured(part: str, method: str, written: Sequence[str], references: Sequence[str]) -> dict:
    """A row of the table."""
    score = metric("BLEU").corpus_score(list(written), [list(references)], n_bootstrap=RESAMPLED)
    # The only public way to the interval, which is left out where all is 0.
    said = json.loads(score.format(width=6, signature=signature(), is_json=True))
    mean, half = (said.get(f"confidence_{name}", 0.0) for name in ("mean", "var"))
    return {
        "part": part,
        "method": method,
        "bleu": score.score,
        "low": mean - half,
        "high": mean + half,
        "chrf": chrf(written, references),
        "sentences": len(written),
    }


def metric(name: str):
    """A metric of sacreBLEU as it is by default, without its advice on what looks like tokens."""
    import sacrebleu.metrics

    return getattr(sacrebleu.metrics, name)(**({"force": True} if name == "BLEU" else {}))


def bleu(written: Sequence[str], references: Sequence[str]) -> float:
    """The BLEU of translations against one reference each, 0 to 100."""
    return metric("BLEU").corpus_score(list(written), [list(references)]).score


def chrf(written: Sequence[str], references: Sequence[str]) -> float:
    """The chrF of translations against one reference each, 0 to 100."""
    return metric("CHRF").corpus_score(list(written), [list(references)]).score


def signature() -> str:
    """How sacreBLEU computes BLEU, in its words."""
    found = metric("BLEU")
    found.corpus_score(["a"], [["a"]])
    return str(found.get_signature())


MEASURES = {"bleu": bleu, "chrf": chrf}


class Nearest:
    """Translates as the nearest training sentence was: TF-IDF of words and pairs, cosine.

    Args:
        train: The training part.
    """

    def __init__(self, train: Part):
        from sklearn.feature_extraction.text import TfidfVectorizer

        self.words = TfidfVectorizer(
            token_pattern=r"\w+|[^\w\s]", ngram_range=(1, 2), sublinear_tf=True
        )
        self.known, self.targets = self.words.fit_transform(train.inputs).T, train.targets

    def __call__(self, sources: Sequence[str]) -> list[str]:
        found = []
        for at in range(0, len(sources), 500):
            near = self.words.transform(sources[at : at + 500]) @ self.known
            found += [self.targets[row.argmax()] for row in near.toarray()]
        return found


def constant_of(pairs: data.Pairs) -> str:
    """The training translation that serves all of the validation part best, of the usual ones."""
    usual = [one for one, _ in Counter(pairs.train.targets).most_common(CONSTANTS)]
    references = pairs.validation.targets
    return max(usual, key=lambda one: bleu([one] * len(references), references))
