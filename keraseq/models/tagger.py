"""Many to many, aligned: every step of a sequence gets a label."""

from collections.abc import Sequence

import keras

from keraseq.checks import positive_integer
from keraseq.layers import stack
from keraseq.models.inputs import drop, full_precision, sequence_inputs
from keraseq.models.sequence_model import SequenceModel


def sequence_tagger(
    classes: int,
    *,
    features: int | None = None,
    vocabulary: int | None = None,
    embedding: int = 64,
    cell="lstm",
    units: int | Sequence[int] = 64,
    layers: int | None = None,
    bidirectional: bool = False,
    residual: bool = False,
    dropout: float = 0.0,
    length: int | None = None,
    cell_options: dict | None = None,
    rnn_options: dict | None = None,
    name: str = "sequence_tagger",
) -> SequenceModel:
    """A model that reads a sequence and gives the logits of a class at every step.

        tokens -> embedding -> recurrent tower -> logits at each step
        features ------------> recurrent tower -> logits at each step

    Exactly one of `features` and `vocabulary` says what it reads. Tokens of value 0 are padding:
    the outputs carry the mask, so that Keras leaves padded steps out of loss and metrics; the
    targets there may hold any class.

    Args:
        classes: Number of classes, a positive integer.
        features: Width of the measurements at each step.
        vocabulary: Number of token ids, padding (0) included.
        embedding: Width of the tokens' vectors. Defaults to 64.
        cell: A registered name (`keraseq.cells.names()`), a cell class, or an instance as a
            pattern. Defaults to `"lstm"`.
        units: Size of the state of each layer: one number, or one for each. Defaults to 64.
        layers: Number of recurrent layers. Default: 1, or as many as `units` names.
        bidirectional: Whether each layer reads both ways. Defaults to `False`.
        residual: Whether to add each layer's input to its output. Defaults to `False`.
        dropout: Fraction of the values to drop after the embedding, between the layers and before
            the logits, in [0, 1). Defaults to 0.
        length: Number of steps, where it is fixed. Default: any.
        cell_options: Further options of the cells, such as `{"zoneout": 0.1}`.
        rnn_options: How the recurrent layers run, a dictionary of `loop`, `unroll` and
            `checkpoint_every`, see `keraseq.layers.RNN`. Default: as it chooses.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model`. Input `tokens`, integers `(batch, length)`, or `features`,
        `(batch, length, features)`. Output logits `(batch, length, classes)`.

    Raises:
        ValueError: An unknown cell or option, a size that is no positive integer, or both or
            neither of `features` and `vocabulary`.

    Example:

    >>> import keraseq
    >>> model = keraseq.models.sequence_tagger(9, vocabulary=1000, units=16, bidirectional=True)
    >>> model.output_shape
    (None, None, 9)
    """
    classes = positive_integer("classes", classes)
    inputs, x = sequence_inputs(features, vocabulary, embedding, length, dropout)
    x = stack(
        cell,
        units,
        layers=layers,
        bidirectional=bidirectional,
        residual=residual,
        dropout=dropout,
        return_sequences=True,
        cell_options=cell_options,
        rnn_options=rnn_options,
        name="recurrent",
    )(x)
    x = drop(x, dropout, "dropout")
    logits = keras.layers.Dense(classes, dtype=full_precision(), name="logits")(x)
    return SequenceModel(inputs, logits, name=name)
