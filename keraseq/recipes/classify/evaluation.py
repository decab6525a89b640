"""What a classifier says of raw texts, and what it is worth beside simple methods."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, NamedTuple

import keras
import numpy as np
import pandas as pd
from pydantic import Field

from keraseq import data
from keraseq.bundle import Bundle
from keraseq.checks import boolean
from keraseq.data.labelled.table import FILES, columns, part, table
from keraseq.evaluate import (
    accuracy,
    calibration_error,
    negative_log_likelihood,
    probabilities,
)
from keraseq.recipes.classify import baselines as simple
from keraseq.recipes.classify.baselines import logits_of
from keraseq.recipes.classify.settings import Settings


@dataclass(frozen=True)
class Encoder:
    """What `keraseq.data.TextEncoder.to_dict` writes."""

    tokenizer: str
    length: int
    keep: str


@dataclass(frozen=True)
class Again:
    """Arguments that read the data again: of `data.load("imdb")` or `data.reviews`."""

    source: str | None = None
    text: str | None = None
    label: str | None = None
    validation: Annotated[float, Field(ge=0, lt=1)] | None = None
    test: Annotated[float, Field(ge=0, lt=1)] | None = None
    seed: Annotated[int, Field(ge=0)] | None = None
    overlap: str | None = None


@dataclass(frozen=True)
class Source:
    """The data of the training."""

    name: str
    sha256: str
    options: Again


@dataclass(frozen=True)
class Stored:
    """The preprocessing of a bundle of this recipe."""

    encoder: Encoder
    classes: list[str]
    temperature: Annotated[float, Field(gt=0)]
    data: Source
    settings: Settings


def predict(bundle: Bundle, texts: Sequence[str | bytes]) -> pd.DataFrame:
    """The class of each text, and how likely it is.

    Args:
        bundle: What `train` made.
        texts: Raw texts, `str` or UTF-8 bytes, of any length, also none.

    Returns:
        A row a text: `text`, `label`, its `probability`, and the probability of each class in a
        column of its name in brackets, as `P(pos)`. They are calibrated: divided by the temperature
        that fits the validation part best.

    Raises:
        BundleError: The bundle is of another recipe, damaged, or its parts do not belong together.
        ValueError: `texts` is no list of texts, or one is no UTF-8.
        TypeError: One is no text.
    """
    encoder, classes, warmth, *_ = parts_of(bundle)
    rows = encoder.rows(texts)
    logits = logits_of(bundle.model, rows) if rows else np.zeros((0, len(classes)))
    chances = probabilities(logits, warmth)
    frame = pd.DataFrame(
        {
            "text": [shown(one) for one in texts],
            "label": [classes[i] for i in chances.argmax(-1)],
            "probability": chances.max(-1) if rows else [],
        }
    )
    return frame.assign(**{f"P({one})": chances[:, i] for i, one in enumerate(classes)})


def evaluate(
    bundle: Bundle,
    source: str | Path | data.LabelledTexts | None = None,
    *,
    baselines: bool = True,
    report: Callable[[str], None] | None = None,
) -> pd.DataFrame:
    """The model on raw data, and simple methods that learned from the same training part.

    Args:
        bundle: What `train` made.
        source: Texts in parts; a table of texts and labels (`.csv`, `.tsv`, `.parquet`), all of
            which is scored, unless it is the one that the model was trained on; or the archive or
            folder of the IMDB reviews. Default: the data that the model was trained on.
        baselines: Whether to train the simple methods: naming the most frequent class, a mean of
            word vectors, logistic regression on TF-IDF of words and pairs. It takes a few
            minutes on all IMDB reviews. They are left out where the training part cannot be read.
            Defaults to `True`.
        report: Gets a line before each simple method. Default: none.

    Returns:
        A row a part and method, the model first, then its recurrent and its wide part alone, where
        it has both: `part`, `method`, `texts`, `accuracy`, `nats` (mean negative log-likelihood)
        and `calibration_error`.

    Raises:
        ValueError: The bundle is of another recipe, the data are not there or have changed, or they
            have classes that the model does not know.
    """
    encoder, classes, warmth, trained, settings = parts_of(bundle)
    boolean("baselines", baselines)
    reviews, alone = found(trained, source, classes)
    scored = {"whole": alone}
    if reviews is not None:
        scored = {name: reviews.part(name) for name in ("validation", "test")}
    rows = []
    for name, one in scored.items():
        texts = encoder.rows(one.inputs)
        for method, logits in logits_by_part(bundle.model, settings, texts).items():
            rows.append(measured(name, method, probabilities(logits, warmth), one.targets))
    if baselines and reviews is not None:
        for method, chances_of in simple.fitted(reviews, encoder, report or (lambda line: None)):
            for name, one in scored.items():
                rows.append(measured(name, method, chances_of(one.inputs), one.targets))
    frame = pd.DataFrame(rows)
    return frame.sort_values("part", kind="stable", ascending=False, ignore_index=True)


def shown(text: str | bytes) -> str:
    """The text as it came, what no UTF-8 can hold replaced: frames refuse lone surrogates."""
    text = text.decode("utf-8") if isinstance(text, bytes) else text
    return text.encode("utf-8", "replace").decode("utf-8")


class Parts(NamedTuple):
    """What a bundle of this recipe holds beside its model."""

    encoder: data.TextEncoder
    classes: list[str]
    temperature: float
    data: Source
    settings: Settings


def parts_of(bundle: Bundle) -> Parts:
    """What a bundle holds beside its model, if it fits it."""
    with bundle.reading(Stored, "classifier of texts of this recipe") as stored:
        encoder = data.TextEncoder.from_dict(asdict(stored.encoder))
        model = bundle.model
        if model.input_shape != (None, None):
            raise ValueError(f"its model reads inputs of shape {model.input_shape}, no tokens")
        ids = model.get_layer("embedding").input_dim
        if ids != len(encoder):
            raise ValueError(
                f"its vocabulary has {len(encoder):,} ids and its model {ids:,}: they do not "
                "belong together"
            )
        if model.output_shape != (None, len(stored.classes)):
            raise ValueError(
                f"it names {len(stored.classes)} classes and its model has "
                f"{model.output_shape[-1]}: they do not belong together"
            )
    return Parts(encoder, stored.classes, stored.temperature, stored.data, stored.settings)


def found(trained: Source, source, classes: list[str]):
    """`(parts, None)`, two of which are scored, or `(None, part)`, a table that is scored whole."""
    options = {k: v for k, v in asdict(trained.options).items() if v is not None}
    if isinstance(source, data.LabelledTexts):
        reviews = source
    elif source is not None and str(source).lower().endswith(FILES):
        if str(source) != options.get("source"):
            return None, whole(Path(source), options, classes)
        reviews = data.reviews(**options)
    elif trained.name == "imdb":
        reviews = data.load("imdb", source=source, **options)
    elif source is None and options:
        reviews = data.reviews(**options)
    elif source is None:
        raise ValueError(
            f"the model was trained on a frame ({trained.name!r}), which cannot be read again; "
            "give the data"
        )
    else:
        raise ValueError(f"{str(source)!r} must end in one of {', '.join(FILES)}")
    if list(reviews.classes) != classes:
        raise ValueError(
            f"the data have the classes {', '.join(reviews.classes)}; the model knows "
            f"{', '.join(classes)}"
        )
    if reviews.sha256 != trained.sha256 and source is None:
        raise ValueError(f"the data {trained.name!r} have changed since the model was trained")
    return reviews, None


def whole(path: Path, options: dict, classes: list[str]):
    """All rows of a table, with the model's classes."""
    names = {"text": options.get("text", "text"), "label": options.get("label", "label")}
    frame, name = table(path)
    texts, labels = columns(frame, name, **names)
    return part(texts, list(map(str, labels)), classes, name)


def logits_by_part(
    whole: keras.Model, settings: Settings, rows: Sequence[np.ndarray]
) -> dict[str, np.ndarray]:
    """The logits of the model by its name; and of its recurrent and wide part, if it has both."""
    name = method_of(settings)
    if "wide" not in {layer.name for layer in whole.layers}:
        return {name: logits_of(whole, rows)}
    recurrent, wide = (
        logits_of(keras.Model(whole.input, whole.get_layer(layer).output), rows)
        for layer in ("logits", "wide")
    )
    return {
        f"{name}, and a wide part": recurrent + wide,  # as the model itself adds them up
        "the recurrent part alone": recurrent,
        "the wide part alone": wide,
    }


def method_of(settings: Settings) -> str:
    """The model in a few words."""
    words = [f"{'bidirectional ' * settings.bidirectional}{settings.cell}"]
    words.append(" and ".join(settings.pooling) + " pooling")
    return ", ".join([*words, *(["pretrained"] if settings.pretraining else [])])


def measured(name: str, method: str, chances: np.ndarray, labels: np.ndarray) -> dict:
    """A row of the table."""
    logs = np.log(np.maximum(chances, 1e-12))
    return {
        "part": name,
        "method": method,
        "texts": len(labels),
        "accuracy": accuracy(chances, labels),
        "nats": float(negative_log_likelihood(logs, labels).mean()),
        "calibration_error": calibration_error(chances, labels),
    }
