"""Many to one: a whole sequence gets one label."""

from collections.abc import Sequence

import keras

from keraseq.checks import one_of, positive_integer
from keraseq.layers import AveragedPredictions, SequencePooling, WideLogits, stack
from keraseq.layers.pooling import POOLED, POOLINGS
from keraseq.models.inputs import drop, full_precision, sequence_inputs
from keraseq.models.sequence_model import SequenceModel


def sequence_classifier(
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
    pooling: str | Sequence[str] = "last",
    embedding_dropout: float | None = None,
    word_dropout: float = 0.0,
    pairs: int = 0,
    wide: int = 0,
    masked: bool = False,
    length: int | None = None,
    cell_options: dict | None = None,
    rnn_options: dict | None = None,
    name: str = "sequence_classifier",
) -> SequenceModel:
    """A model that reads a sequence and gives the logits of its class.

        tokens -> embedding -> recurrent tower -> [pooling] -> logits
        features ------------> recurrent tower -> [pooling] -> logits

    With `wide`, logits of the words, pairs and triples that occur are added (Cheng et al. 2016).
    Exactly one of `features` and `vocabulary` says what it reads. Tokens of value 0 are padding, on
    either side: neither the tower nor the pooling sees them.

    Args:
        classes: Number of classes, a positive integer; 1 gives a single logit for two classes.
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
        pooling: What of the tower's outputs the logits see: `"last"` (of each direction), or over
            the valid steps the `"mean"`, the `"max"` or a mean that learns its weights
            (`"attention"`); or several of these three side by side; or `"average"`, logits at every
            step, whose probabilities are averaged. Defaults to `"last"`.
        embedding_dropout: Fraction to drop after the embedding. Default: that of `dropout`.
        word_dropout: Fraction of the tokens that are read as the unknown one, 1, in training, in
            [0, 1), see `keraseq.layers.WordDropout`. Defaults to 0.
        pairs: Vectors for pairs of neighbouring tokens, added to the tokens' own, see
            `keraseq.layers.PairEmbedding`. Defaults to 0, none.
        wide: Number of runs of words that have a say in the logits by themselves, as layer
            `"wide"`, see `keraseq.layers.WideLogits`, whose `set_table` they must be given by.
            Defaults to 0, none.
        masked: Whether steps whose features are all `NaN` are padding, which neither the tower nor
            the pooling sees, see `keraseq.layers.MaskNaN`. Defaults to `False`.
        length: Number of steps, where it is fixed. Default: any.
        cell_options: Further options of the cells, such as `{"zoneout": 0.1}`.
        rnn_options: How the recurrent layers run, a dictionary of `loop`, `unroll` and
            `checkpoint_every`, see `keraseq.layers.RNN`. Default: as it chooses.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model`. Input `tokens`, integers `(batch, length)`, or `features`,
        `(batch, length, features)`. Output logits `(batch, classes)`, in the weights' dtype also
        under mixed precision.

    Raises:
        ValueError: An unknown cell, option or pooling, a size that is no positive integer,
            `word_dropout`, `pairs` or `wide` of features, `masked` of tokens, or both or neither of
            `features` and `vocabulary`.

    Example:

    >>> import keraseq
    >>> model = keraseq.models.sequence_classifier(2, vocabulary=1000, units=16, pooling="max")
    >>> model.output_shape
    (None, 2)
    """
    classes = positive_integer("classes", classes)
    poolings = chosen_poolings(pooling)
    if embedding_dropout is None:
        embedding_dropout = dropout
    inputs, x = sequence_inputs(
        features, vocabulary, embedding, length, embedding_dropout, word_dropout, pairs, masked
    )
    x = stack(
        cell,
        units,
        layers=layers,
        bidirectional=bidirectional,
        residual=residual,
        dropout=dropout,
        return_sequences=poolings != ["last"],
        cell_options=cell_options,
        rnn_options=rnn_options,
        name="recurrent",
    )(x)
    logits = told(x, classes, poolings, dropout)
    if wide:
        if vocabulary is None:
            raise ValueError(f"wide is for tokens; received features={features!r}")
        votes = WideLogits(classes, vocabulary, wide, dtype=full_precision(), name="wide")(inputs)
        logits = keras.layers.Add(dtype=full_precision(), name="sum")([logits, votes])
    return SequenceModel(inputs, logits, name=name)


def told(x, classes: int, poolings: list[str], dropout: float):
    """The logits of what a tower gives: of its pooled outputs, or of each step, averaged."""
    if poolings == ["average"]:
        each = keras.layers.Dense(classes, dtype=full_precision(), name="logits")
        average = AveragedPredictions(dtype=full_precision(), name="average")
        return average(each(drop(x, dropout, "dropout")))
    if poolings != ["last"]:
        pooled = [SequencePooling(one, name=f"{one}_pooling")(x) for one in poolings]
        x = pooled[0] if len(pooled) == 1 else keras.layers.Concatenate(name="pooling")(pooled)
    x = drop(x, dropout, "dropout")
    return keras.layers.Dense(classes, dtype=full_precision(), name="logits")(x)


def chosen_poolings(pooling: str | Sequence[str]) -> list[str]:
    """The poolings by name, each once; `"last"` and `"average"` stand alone."""
    poolings = [pooling] if isinstance(pooling, str) else list(pooling)
    for one in poolings:
        one_of("pooling", one, POOLINGS)
    alone = len(poolings) > 1 and not set(poolings) <= set(POOLED)
    if not poolings or len(set(poolings)) < len(poolings) or alone:
        raise ValueError(
            "pooling must be 'last', 'average', or one or several of 'mean', 'max' and "
            "'attention'; "
            f"received pooling={pooling!r}"
        )
    return poolings
