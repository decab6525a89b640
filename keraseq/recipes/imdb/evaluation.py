"""What a classifier says of raw texts, and what it is worth beside simple methods."""

from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
import pandas as pd

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
from keraseq.recipes.imdb import baselines as simple
from keraseq.recipes.imdb.baselines import logits_of


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
        ValueError: The bundle is of another recipe or its parts do not belong together, `texts` is
            no list of texts, or one is no UTF-8.
        TypeError: One is no text.
    """
    encoder, classes, warmth = parts_of(bundle)
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
    encoder, classes, warmth = parts_of(bundle)
    boolean("baselines", baselines)
    reviews, alone = found(bundle, source, classes)
    scored = {"whole": alone}
    if reviews is not None:
        scored = {name: reviews.part(name) for name in ("validation", "test")}
    rows = []
    for name, one in scored.items():
        texts = encoder.rows(one.texts)
        for method, logits in logits_by_part(bundle, texts).items():
            rows.append(measured(name, method, probabilities(logits, warmth), one.labels))
    if baselines and reviews is not None:
        for method, chances_of in simple.fitted(reviews, encoder, report or (lambda line: None)):
            for name, one in scored.items():
                rows.append(measured(name, method, chances_of(one.texts), one.labels))
    frame = pd.DataFrame(rows)
    return frame.sort_values("part", kind="stable", ascending=False, ignore_index=True)


def shown(text: str | bytes) -> str:
    """The text as it came, what no UTF-8 can hold replaced: frames refuse lone surrogates."""
    text = text.decode("utf-8") if isinstance(text, bytes) else text
    return text.encode("utf-8", "replace").decode("utf-8")


def parts_of(bundle: Bundle) -> tuple[data.TextEncoder, list[str], float]:
    """Encoder, classes and temperature of a bundle, if they fit its model."""
    values = bundle.preprocessing
    missing = [one for one in ("encoder", "classes", "temperature") if one not in values]
    if missing:
        raise ValueError(
            f"the bundle has no {missing[0]}: it is no classifier of texts of this recipe"
        )
    encoder = data.TextEncoder.from_dict(values["encoder"])
    ids = bundle.model.get_layer("embedding").input_dim
    if ids != len(encoder):
        raise ValueError(
            f"the bundle's vocabulary has {len(encoder):,} ids and its model {ids:,}: they do not "
            "belong together"
        )
    outputs = bundle.model.output_shape[-1]
    if outputs != len(values["classes"]):
        raise ValueError(
            f"the bundle names {len(values['classes'])} classes and its model has {outputs}: they "
            "do not belong together"
        )
    return encoder, list(values["classes"]), float(values["temperature"])


def found(bundle: Bundle, source, classes: list[str]):
    """`(parts, None)`, two of which are scored, or `(None, part)`, a table that is scored whole."""
    trained = bundle.preprocessing["data"]
    if isinstance(source, data.LabelledTexts):
        reviews = source
    elif source is not None and str(source).lower().endswith(FILES):
        if str(source) != trained["options"].get("source"):
            return None, whole(Path(source), trained["options"], classes)
        reviews = data.reviews(**trained["options"])
    elif trained["name"] == "imdb":
        reviews = data.imdb(source, **trained["options"])
    elif source is None and trained["options"]:
        reviews = data.reviews(**trained["options"])
    elif source is None:
        raise ValueError(
            f"the model was trained on a frame ({trained['name']!r}), which cannot be read again; "
            "give the data"
        )
    else:
        raise ValueError(f"{str(source)!r} must end in one of {', '.join(FILES)}")
    if list(reviews.classes) != classes:
        raise ValueError(
            f"the data have the classes {', '.join(reviews.classes)}; the model knows "
            f"{', '.join(classes)}"
        )
    if reviews.sha256 != trained["sha256"] and source is None:
        raise ValueError(f"the data {trained['name']!r} have changed since the model was trained")
    return reviews, None


def whole(path: Path, options: dict, classes: list[str]):
    """All rows of a table, with the model's classes."""
    names = {"text": options.get("text", "text"), "label": options.get("label", "label")}
    frame, name = table(path)
    texts, labels = columns(frame, name, **names)
    return part(texts, list(map(str, labels)), classes, name)


def logits_by_part(bundle: Bundle, rows: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """The logits of the model by its name; and of its recurrent and wide part, if it has both."""
    whole, name = bundle.model, method_of(bundle)
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


def method_of(bundle: Bundle) -> str:
    """The model in a few words."""
    settings = bundle.preprocessing["settings"]
    words = [f"{'bidirectional ' * settings['bidirectional']}{settings['cell']}"]
    words.append(" and ".join(settings["pooling"]) + " pooling")
    return ", ".join([*words, *(["pretrained"] if settings["pretraining"] else [])])


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
