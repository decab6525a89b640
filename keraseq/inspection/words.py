"""Which words of a text carried a classifier's decision, and how it moved while it read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import numpy as np
from keras import ops

from keraseq.autodiff import gradients
from keraseq.checks import positive_integer, positive_number

if TYPE_CHECKING:
    import pandas as pd

UNKNOWN = 1  # the token that stands for any word
TOGETHER = 64  # rows of a batch


def word_influence(
    model: keras.Model,
    tokens,
    label: int | None = None,
    *,
    temperature: float = 1.0,
    unknown: int = UNKNOWN,
) -> pd.DataFrame:
    """What each token of one text did to a classifier's decision.

    The decision is measured by the margin of a class: its logit less the logarithm of the sum of
    the exponentials of the others', so that the class's probability is sigmoid(margin).

    Args:
        model: What `keraseq.models.sequence_classifier` made for tokens, of any pooling.
        tokens: Token ids of one text `(n,)`, without padding.
        label: The class. Default: the one that the model names.
        temperature: What all logits are divided by. Defaults to 1.
        unknown: The token that a word is replaced by. Defaults to 1.

    Returns:
        A row a token: `token`, its id; `so_far`, the margin after the text up to and with it;
        `left_out`, by how much the margin falls if it is unknown; `gradient`, the first-order
        estimate of the same for a word without any meaning (gradient times vector). The last
        `so_far` is the margin of the whole text.

    Raises:
        ValueError: The model has no layers `embedding` and `logits`, there are no tokens, or the
            class does not exist.

    Example:

    >>> import numpy as np
    >>> model = keraseq.models.sequence_classifier(2, vocabulary=9, units=4, pooling="max")
    >>> frame = keraseq.inspection.word_influence(model, np.array([3, 5, 7]))
    >>> frame.columns.tolist()
    ['token', 'so_far', 'left_out', 'gradient']

    References:
        Li, Monroe & Jurafsky 2016, "Understanding Neural Networks through Representation Erasure",
        arXiv:1612.08220 (leaving out).
        Shrikumar et al. 2016, "Not Just a Black Box", arXiv:1605.01713 (gradient times input).
    """
    import pandas as pd

    if not {"embedding", "logits"} <= {layer.name for layer in model.layers}:
        raise ValueError("the model has no layers 'embedding' and 'logits': it reads no tokens")
    tokens = np.asarray(tokens)
    if tokens.ndim != 1 or not len(tokens) or tokens.dtype.kind not in "iu" or tokens.min() < 1:
        raise ValueError(
            "tokens must be the ids of one text, integers from 1 on, at least one; received "
            f"{tokens.dtype} of shape {tokens.shape}"
        )
    positive_integer("unknown", unknown)
    warmth = positive_number("temperature", temperature)
    logits = logits_of(model, tokens[None])[0] / warmth
    label = int(logits.argmax()) if label is None else label
    if not 0 <= label < len(logits):
        raise ValueError(f"label must be 0 to {len(logits) - 1}; received label={label!r}")
    whole = margin(logits, label)
    steps = np.arange(len(tokens))
    prefixes = np.where(steps <= steps[:, None], tokens, 0)
    without = np.where(steps == steps[:, None], unknown, tokens)
    return pd.DataFrame(
        {
            "token": tokens,
            "so_far": margin(logits_of(model, prefixes) / warmth, label),
            "left_out": whole - margin(logits_of(model, without) / warmth, label),
            "gradient": gradient_times_vector(model, tokens, label, warmth),
        }
    )


def logits_of(model: keras.Model, rows: np.ndarray) -> np.ndarray:
    """The logits of rows of tokens."""
    return model.predict(rows.astype("int32"), batch_size=TOGETHER, verbose=0).astype("float64")


def margin(logits: np.ndarray, label: int) -> np.ndarray:
    """The logit of a class less that of all others together, `(..., classes)` -> `(...)`."""
    others = np.delete(logits, label, axis=-1)
    top = others.max(-1, keepdims=True)
    return logits[..., label] - top[..., 0] - np.log(np.exp(others - top).sum(-1))


def gradient_times_vector(
    model: keras.Model, tokens: np.ndarray, label: int, temperature: float
) -> np.ndarray:
    """For each token the product of its vector and the gradient of the margin by it."""
    # Of a copy: Keras notes in the layers who uses them, and could not save the model afterwards.
    copy = type(model).from_config(model.get_config())
    copy.set_weights(model.get_weights())
    embedding = copy.get_layer("embedding")
    row = ops.convert_to_tensor(tokens[None].astype("int32"))
    vectors = ops.convert_to_numpy(embedding(row))
    # The tokens too: the mask that the layers behind see is made of them.
    rest = keras.Model([copy.input, embedding.output], copy.output)

    def of_vectors(vectors):
        logits = rest([row, vectors], training=False)[0] / temperature
        others = ops.logsumexp(ops.where(np.arange(logits.shape[0]) == label, -1e9, logits))
        return logits[label] - others

    [[slope], _] = gradients(of_vectors, [vectors])
    return np.sum(slope[0] * vectors[0], axis=-1)
