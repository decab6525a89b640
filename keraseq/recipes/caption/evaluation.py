"""What a captioner says of raw pictures, where it looked, and what that is worth."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import pandas as pd

from keraseq import data, generation
from keraseq.bundle import Bundle
from keraseq.checks import boolean
from keraseq.data import pictures as seeing
from keraseq.data.parts import PARTS
from keraseq.data.public import cache as kept
from keraseq.evaluate import caption_baselines, caption_scores, caption_words, constant_caption
from keraseq.recipes import origin
from keraseq.recipes.caption.settings import LITE0, Settings
from keraseq.recipes.origin import Fraction

BEAMS, PENALTY = 3, 0.6  # of a beam search, where nobody says others


@dataclass(frozen=True)
class Again(origin.Again):
    """Arguments that read pictures and captions again, of `data.load` or of `read`."""

    pictures: str | None = None
    train: str | None = None
    validation: Fraction | str | None = None
    test: Fraction | str | None = None


@dataclass(frozen=True)
class Network:
    """The network that looks at pictures, which is not in the bundle: its name and its SHA-256."""

    name: str
    sha256: str


@dataclass(frozen=True)
class Stored:
    """The preprocessing of a bundle of this recipe."""

    encoder: dict[str, Any]
    network: Network
    data: origin.Source[Again]
    settings: Settings


class Parts(NamedTuple):
    """What a bundle of this recipe holds beside its model."""

    encoder: data.SentenceEncoder
    network: Network
    data: origin.Source[Again]
    settings: Settings

    def features(
        self, pictures: Sequence, kind: str | None = None, cache: str | Path | None = None
    ) -> np.ndarray:
        """What the network of the training sees in pictures; kept where a file is named."""
        network = network_of(self.network.name)
        found = seeing.identity(network)
        if found != self.network.sha256:
            raise ValueError(
                f"the network {self.network.name!r} has other weights than in the training: "
                f"SHA-256 {found[:12]}..., not {self.network.sha256[:12]}..."
            )
        return features(pictures, network, self.settings, kind, cache)


def parts_of(bundle: Bundle) -> Parts:
    """What a bundle holds beside its model, if it fits it."""
    with bundle.reading(Stored, "captioner of this recipe") as stored:
        encoder = data.SentenceEncoder.from_dict(stored.encoder)
        vocabulary = bundle.model.output_shape[-1]
        if sorted(one.name for one in bundle.model.inputs) != ["picture", "target"]:
            raise ValueError("its model reads no picture and target")
        if not isinstance(encoder.tokenizer, data.WordVocabulary) or vocabulary != len(encoder):
            raise ValueError(
                f"its vocabulary has {len(encoder):,} ids and its model {vocabulary:,}: they do "
                "not belong together"
            )
    return Parts(encoder, stored.network, stored.data, stored.settings)


def read(source, *, pictures=None, **how) -> data.Captions:
    """Captions and their pictures, which lie beside them where nobody says."""
    return data.captioned(pictures or Path(source).parent, source, **how)


def network_of(name: str) -> keras.Model:
    """The network of a name, or of a file, that gives regions and a whole."""
    if name == LITE0:
        return seeing.lite0()
    if not Path(name).is_file():
        raise ValueError(f"encoder must be {LITE0!r} or a .keras file; received {name!r}")
    return seeing.looking(keras.saving.load_model(name, compile=False))


def features(pictures, network: keras.Model, settings: Settings, kind=None, cache=None):
    """What a network sees in pictures: regions for attention, else vectors."""
    kind = kind or ("map" if settings.image == "attention" else "pooled")
    return seeing.looked_up(list(pictures), network, cache and Path(cache), kind)


def cache_of(settings: Settings, trained: bool = True) -> Path:
    """The file that keeps what the network saw; after the training it need not be there."""
    place = kept() / f"{Path(settings.encoder).stem}.h5"
    if settings.cache and (not trained or Path(settings.cache).is_file()):
        place = Path(settings.cache)
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


def predict(bundle: Bundle, raw, *, sampler: str = "beam", **options) -> pd.DataFrame:
    """The caption of each picture.

    Args:
        bundle: What `train` made. The network that looks at pictures is not in it: that of
            `efficientnet-lite0` comes with the extra `captions`, another from its file.
        raw: A path, or a list of them.
        sampler: As for `keraseq.generation.decode`. Defaults to `"beam"`, with 3 beams and a length
            penalty of 0.6.
        **options: Further ones of it: `beams`, `length_penalty`, `temperature`, `seed`.

    Returns:
        A row a picture: `picture`, as given; `caption`; `score`, its log-probability; `ended`,
        whether the caption came to an end.

    Raises:
        BundleError: The bundle is of another recipe, damaged, or its parts do not belong together.
        FileNotFoundError: There is no such picture.
        ValueError: A file is no picture, the network has other weights, or an option is unknown.
    """
    parts = parts_of(bundle)
    raw = [raw] if isinstance(raw, (str, Path)) else list(raw)
    seen = parts.features(raw) if raw else np.zeros((0, *bundle.model.inputs[0].shape[1:]))
    frame = captioned(bundle.model, parts.encoder, parts.settings, seen, sampler, **options)
    frame.insert(0, "picture", list(map(str, raw)))
    return frame


def captioned(
    model: keras.Model,
    encoder: data.SentenceEncoder,
    settings: Settings,
    seen: np.ndarray,
    sampler: str = "greedy",
    **options,
) -> pd.DataFrame:
    """As `predict`, of the model and of features."""
    if sampler == "beam":
        options = {"beams": BEAMS, "length_penalty": PENALTY, **options}
    written = generation.decode(
        model,
        {"picture": seen},
        start=encoder.start,
        end=encoder.end,
        length=settings.length + 1,
        sampler=sampler,
        never=encoder.encode("<unk>").tolist(),
        **options,
    )
    rows = [(encoder.decode(one.tokens), one.score, one.ended) for one in written]
    return pd.DataFrame(rows, columns=["caption", "score", "ended"])


class Look(NamedTuple):
    """Where a model looked: `words`, the end last, and `maps (words, rows, columns)`, sums 1."""

    words: list[str]
    maps: np.ndarray


def look(bundle: Bundle, picture, caption: str | None = None) -> Look:
    """Where the model looked while it wrote a caption, word by word.

    Args:
        bundle: What `train` made, of a model with attention.
        picture: A path.
        caption: What is written. Default: the model's own caption.

    Returns:
        A `Look`, which `keraseq.plots.looks` draws over the picture.

    Raises:
        ValueError: The model has no attention.
    """
    parts = parts_of(bundle)
    encoder, seen = parts.encoder, parts.features([picture])
    if caption is None:
        [caption] = captioned(bundle.model, encoder, parts.settings, seen, "beam").caption
    [target] = encoder.rows([" ".join(caption_words(caption))])
    [shares] = generation.alignment(bundle.model, {"picture": seen}, [target], start=encoder.start)
    side = isqrt(shares.shape[1])
    side = side if side**2 == shares.shape[1] else 1  # a network that gives no square map
    return Look(encoder.tokens(target), shares.reshape(len(shares), side, -1))


def evaluate(
    bundle: Bundle, source=None, *, baselines: bool = True, beams: int = BEAMS, **reading
) -> pd.DataFrame:
    """What captions are worth beside those of people, and beside what needs no training.

    Args:
        bundle: What `train` made.
        source: Pictures with captions in parts, whose validation and test parts are scored; or raw
            ones, as in training, all of which are scored, unless they are those that the model was
            trained on. Default: the data that the model was trained on.
        baselines: Whether to measure captions that need no training too, see
            `keraseq.evaluate.caption_baselines`. Defaults to `True`.
        beams: Of the beam search. Defaults to 3.
        **reading: How the source is read, where it is not as in training.

    Returns:
        A row a part and method: `part`, `method`; `cider`, with its 95 % interval `low` to `high`
        over pictures; `bleu1` to `bleu4`; `pictures`, their number.

    Raises:
        ValueError: The bundle is of another recipe, or the data are not there or have changed.
    """
    parts = parts_of(bundle)
    boolean("baselines", baselines)
    cache = cache_of(parts.settings)
    found = parts.data.found(source, reading, data.Captions, read)
    if found is None:
        other = read(source, **reading)
        three = [other.part(name) for name in PARTS]
        pictures = [one for part in three for one in part.pictures]
        each = {"whole": (pictures, [one for part in three for one in part.captions])}
    else:
        each = {name: found.part(name) for name in ("test", "validation")}
    rows, method = [], f"{parts.settings.cell}, {parts.settings.image}"
    if baselines and found is not None:
        constant = constant_caption(found.train.captions, found.validation.captions)
        vectors = parts.features(found.train.pictures, "pooled", cache)
    for name, (pictures, references) in each.items():
        seen = parts.features(pictures, cache=cache)
        for sampler, said in (("beam", f"beam {beams}"), ("greedy", "greedy")):
            options = {"beams": beams} if sampler == "beam" else {}
            own = captioned(bundle.model, parts.encoder, parts.settings, seen, sampler, **options)
            row = {"part": name, "method": f"{method}, {said}"}
            rows.append(row | caption_scores(own.caption.tolist(), references))
        if baselines and found is not None:
            without = caption_baselines(
                found.train.captions,
                vectors,
                references,
                parts.features(pictures, "pooled", cache),
                constant=constant,
            )
            rows += [{"part": name} | row for row in without.to_dict("records")]
    return pd.DataFrame(rows)
