"""Where a classifier errs, and what it does with one raw text, word by word."""

import numpy as np
import pandas as pd

from keraseq.bundle import Bundle
from keraseq.checks import did_you_mean, one_of, positive_integer
from keraseq.data import Labelled
from keraseq.data.labelled.parts import PARTS
from keraseq.evaluate import probabilities
from keraseq.inspection import word_influence
from keraseq.recipes.classify.evaluation import parts_of


def explain(bundle: Bundle, text: str | bytes, label: str | None = None) -> pd.DataFrame:
    """How the probability of a class moves as a text is read, and which words carried it.

    Args:
        bundle: What `train` made.
        text: One raw text.
        label: The class. Default: the one that the model names.

    Returns:
        A row a token that the model reads: `word`; `probability` of the class after the text so
        far, calibrated; `left_out` and `gradient`, what the word adds to the class's logit margin,
        see `keraseq.inspection.word_influence`. In a notebook
        `keraseq.inspection.ColouredText(frame.word + " ", frame.left_out)` shows it.

    Raises:
        ValueError: The bundle does not know the class, reads no texts, or is of another recipe.

    Example:

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"text": [f"good {i}" for i in range(40)], "label": [0, 1] * 20})
    >>> tiny = {"units": 4, "embedding": 4, "epochs": 1, "report": None}
    >>> bundle = keraseq.recipes.train("classify", keraseq.data.reviews(frame), **tiny)
    >>> keraseq.recipes.classify.explain(bundle, "Good film").columns.tolist()
    ['word', 'probability', 'left_out', 'gradient']
    """
    encoder, classes, warmth, *_, kind = parts_of(bundle)
    if kind.name != "texts":
        raise ValueError(f"explain reads texts word by word; this model reads {kind.name}")
    if label is not None and label not in classes:
        raise ValueError(
            f"unknown label {label!r}; accepted: {', '.join(classes)}."
            f"{did_you_mean(label, classes)}"
        )
    ids = encoder.encode(text)
    number = None if label is None else classes.index(label)
    frame = word_influence(bundle.model, ids, number, temperature=warmth)
    frame.insert(0, "word", [encoder.token(i) for i in ids])
    frame.insert(1, "probability", 1 / (1 + np.exp(-frame.pop("so_far"))))
    return frame.drop(columns="token")


def predictions(bundle: Bundle, parts: Labelled, part: str = "validation") -> pd.DataFrame:
    """What the model says of each example of a part, for confusion matrices and the like.

    Args:
        bundle: What `train` made.
        parts: The parts.
        part: `"train"`, `"validation"` or `"test"`. Defaults to `"validation"`.

    Returns:
        A row an example: `truth` and `label`, names of classes; `probability` of the latter,
        calibrated; `length`, its number of words or steps, also where fewer are read; `right`.
        `keraseq.evaluate.confusion_matrix(frame.truth, frame.label)` counts them,
        `keraseq.evaluate.reliability(frame.probability, frame.right)` is the reliability curve.
    """
    encoder, classes, warmth, *_, kind = parts_of(bundle)
    inputs, labels = parts.part(one_of("part", part, PARTS))
    logits = kind.logits(bundle.model, encoder.rows(inputs))
    chances = probabilities(logits, warmth)
    named = chances.argmax(-1)
    return pd.DataFrame(
        {
            "truth": [classes[i] for i in labels],
            "label": [classes[i] for i in named],
            "probability": chances.max(-1),
            "length": encoder.lengths(inputs),
            "right": named == labels,
        }
    )


def over_time(bundle: Bundle, example, moments: int = 20) -> pd.DataFrame:
    """What a model says of a skeleton, a sequence of frames or a series as it goes on.

    Args:
        bundle: What `train` made.
        example: One raw example: a skeleton `(frames, 20, 3)`, frames
            `(frames, height, width, channels)`, or a series `(steps, channels)`.
        moments: How many beginnings of it are read, of which the last is all. Defaults to 20.

    Returns:
        A row a beginning: `frames`, how many are read of it; `label`, and the calibrated
        probability of each class, as `predict` has them. `keraseq.plots.motion` draws it.

    Raises:
        ValueError: The bundle reads texts or trees, or is of another recipe.

    Example:

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> bodies = [rng.normal(size=(8, 20, 3)) for _ in range(20)]
    >>> parts = keraseq.data.labelled_skeletons(bodies, ["wave", "kick"] * 10)
    >>> bundle = keraseq.recipes.train("classify", parts, units=4, epochs=1, report=None)
    >>> keraseq.recipes.classify.over_time(bundle, bodies[0], 4).frames.tolist()
    [1, 3, 6, 8]
    """
    encoder, classes, warmth, *_, kind = parts_of(bundle)
    if kind.name in ("texts", "trees"):
        raise ValueError(f"over_time is of what moves; this model reads {kind.name}")
    [row] = encoder.rows([example])
    ends = np.linspace(1, len(row), min(positive_integer("moments", moments), len(row)))
    ends = ends.round().astype(int)
    chances = probabilities(kind.logits(bundle.model, [row[:end] for end in ends]), warmth)
    frame = pd.DataFrame({"frames": ends, "label": [classes[i] for i in chances.argmax(-1)]})
    return frame.assign(**{f"P({one})": chances[:, i] for i, one in enumerate(classes)})


def accuracy_by_length(frame: pd.DataFrame, bins: int = 8) -> pd.DataFrame:
    """The accuracy of examples of like length.

    Args:
        frame: What `predictions` gave.
        bins: Number of groups of about as many examples. Defaults to 8.

    Returns:
        A row a group, short ones first: `length`, their mean; `accuracy`; `count`.

    Example:

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"length": [1, 2, 30, 40], "right": [True, True, True, False]})
    >>> keraseq.recipes.classify.accuracy_by_length(frame, bins=2).accuracy.tolist()
    [1.0, 0.5]
    """
    groups = pd.qcut(frame.length, positive_integer("bins", bins), duplicates="drop")
    grouped = frame.groupby(groups, observed=True)
    return pd.DataFrame(
        {
            "length": grouped.length.mean().to_numpy(),
            "accuracy": grouped.right.mean().to_numpy(),
            "count": grouped.size().to_numpy(),
        }
    )
