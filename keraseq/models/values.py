"""The numbers in data: tokens must be in the vocabulary, and labels classes of the loss."""

import keras
import numpy as np

from keraseq.layers.scan.values import at_hand


def check_tokens(want, got, size: int):
    """Raises if `got`, for the `keras.Input` `want`, has a token beyond a vocabulary of `size`."""
    tokens = at_hand(got)
    if tokens is None or not tokens.size:
        return
    for token in (int(tokens.min()), int(tokens.max())):
        if not 0 <= token < size:
            raise ValueError(f"{vocabulary_of(want, size)}; received {token}")


def vocabulary_of(want, size: int) -> str:
    """Which tokens a `keras.Input` accepts, in words."""
    return f"`{want.name}` must be ids of the vocabulary, 0 to {size - 1}"


def check_labels(loss, logits, labels):
    """The labels, or an error where a loss that reads classes from `logits` cannot mean them.

    A last axis of size 1, which Keras drops too, is dropped: TensorFlow compiles for one rank.
    """
    if isinstance(loss, (list, tuple, dict)) and len(loss) == 1:
        [loss] = loss.values() if isinstance(loss, dict) else loss
    pairs = getattr(loss, "pairwise", False)  # a conditional random field scores two tags together
    *axes, width = logits.shape[:-1] if pairs else logits.shape
    whole = reads_class_numbers(loss)
    if not whole and not (isinstance(loss, keras.losses.BinaryCrossentropy) and width == 1):
        return labels
    last = width - 1 if whole else 1
    wanted = ", ".join(["batch", "length"][: len(axes)])
    asked = (
        f"labels must be {'class numbers' if whole else 'numbers'} from 0 to {last}, "
        f"an array of shape ({wanted})"
    )
    shape = tuple(labels.shape)
    longer = shape[-1:] == (1,) and fits(shape[:-1], axes)
    if not fits(shape, axes) and not longer:
        hint = ""
        if whole and not pairs and fits(shape, logits.shape):
            one_hot = "keras.losses.CategoricalCrossentropy(from_logits=True)"
            hint = f". For one-hot labels compile with {one_hot}"
        raise ValueError(f"{asked}; received {dtype_name(labels.dtype)} of shape {shape}{hint}")
    numbers = at_hand(labels)
    if numbers is None or numbers.dtype.kind not in "biuf":
        return labels
    right = (numbers >= 0) & (numbers <= last)
    if whole and numbers.dtype.kind == "f":
        right &= numbers == np.floor(numbers)
    if whole and getattr(loss, "ignore_class", None) is not None:
        right |= numbers == loss.ignore_class
    if not right.all():
        raise ValueError(f"{asked}; received {numbers[~right][0]}")
    return labels[..., 0] if longer else labels


def reads_class_numbers(loss) -> bool:
    """Whether a loss, or its name in Keras, is a cross-entropy of class numbers."""
    known = ("sparse_categorical_crossentropy", keras.losses.sparse_categorical_crossentropy)
    kind = keras.losses.SparseCategoricalCrossentropy
    return isinstance(loss, kind) or loss in known or getattr(loss, "class_numbers", False)


def fits(shape, asked) -> bool:
    """Whether two shapes are the same but for the batch, where they are known."""
    return len(shape) == len(asked) and all(
        None in (one, two) or one == two for one, two in zip(shape[1:], asked[1:], strict=True)
    )


def dtype_name(dtype) -> str:
    """The name of a dtype of any backend or of NumPy."""
    return getattr(dtype, "name", str(dtype)).removeprefix("torch.")
