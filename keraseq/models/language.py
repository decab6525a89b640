"""Language models: at every step the logits of the token that comes next."""

from collections.abc import Sequence

import keras

from keraseq.checks import boolean, positive_integer
from keraseq.layers import OneHot, Stack, StreamingStack
from keraseq.models.inputs import drop, full_precision
from keraseq.models.scheduled_sampling import ScheduledSampling
from keraseq.models.sequence_model import SequenceModel


def language_model(
    vocabulary: int,
    *,
    embedding: int | None = None,
    cell="lstm",
    units: int | Sequence[int] = 64,
    layers: int | None = None,
    residual: bool = False,
    dropout: float = 0.0,
    tie_embeddings: bool = False,
    stateful: bool = False,
    resets: bool = False,
    batch_size: int | None = None,
    length: int | None = None,
    cell_options: dict | None = None,
    rnn_options: dict | None = None,
    scheduled_sampling: bool = False,
    name: str = "language_model",
) -> SequenceModel:
    """A model of text: tokens in, at each step the logits of the next token.

        tokens -> one-hot or embedding -> recurrent tower -> logits at each step

    Every id is a token: nothing is padding and nothing is masked, 0 included.

    With `stateful` the states at the end of a batch are those at the start of the next (truncated
    backpropagation through time): row i of each batch must continue row i of the batch before, so
    fit with `shuffle=False`, and call `keraseq.layers.reset_states(model)` where the text starts
    again, as between epochs and before validation. With `resets` the data say so instead: rows of a
    batch whose `fresh` is true start from the cells' first states (`keraseq.data.text.streams`
    makes such data).

    Args:
        vocabulary: Number of token ids, 0 included, a positive integer.
        embedding: Width of the tokens' vectors. Default: none, tokens enter as one-hot vectors,
            the usual choice for characters.
        cell: A registered name (`keraseq.cells.names()`), a cell class, or an instance as a
            pattern. Defaults to `"lstm"`.
        units: Size of the state of each layer: one number, or one for each. Defaults to 64.
        layers: Number of recurrent layers. Default: 1, or as many as `units` names.
        residual: Whether to add each layer's input to its output. Defaults to `False`.
        dropout: Fraction of the values to drop after the embedding, between the layers and before
            the logits, in [0, 1). Defaults to 0.
        tie_embeddings: Whether the logits are products with the embedding's vectors instead of
            having a matrix of their own (no bias then). The top layer must be as wide as
            `embedding`. Defaults to `False`.
        stateful: Whether states go on from batch to batch. Defaults to `False`.
        resets: With `stateful`, whether there is a second input that says which rows of a batch
            start anew. Defaults to `False`.
        batch_size: Number of rows in a batch; needed with `stateful`. Default: any.
        length: Number of steps, where it is fixed. Default: any.
        cell_options: Further options of the cells, such as `{"zoneout": 0.1}`.
        rnn_options: How the recurrent layers run, a dictionary of `loop`, `unroll` and
            `checkpoint_every`, see `keraseq.layers.RNN`. Default: as it chooses.
        scheduled_sampling: Whether the model can read words of its own in training, see
            `keraseq.models.ScheduledSampling`. Defaults to `False`.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model`. Input `tokens`, integers `(batch, length)`; with `resets` also
        `fresh`, booleans `(batch, 1)`. Output logits `(batch, length, vocabulary)`.

    Raises:
        ValueError: An unknown cell or option, a size that is no positive integer, `stateful`
            without `batch_size`, `resets` without `stateful`, or `tie_embeddings` without an
            embedding as wide as the top layer.

    Example:

    >>> import keraseq
    >>> model = keraseq.models.language_model(65, units=32, stateful=True, batch_size=8)
    >>> model.output_shape
    (8, None, 65)

    References:
        Press & Wolf 2017, "Using the Output Embedding to Improve Language Models",
        arXiv:1608.05859.
    """
    vocabulary = positive_integer("vocabulary", vocabulary)
    batch_size = None if batch_size is None else positive_integer("batch_size", batch_size)
    length = None if length is None else positive_integer("length", length)
    if boolean("stateful", stateful) and batch_size is None:
        raise ValueError("stateful=True needs batch_size, a positive integer; received None")
    if boolean("resets", resets) and not stateful:
        raise ValueError("resets=True needs stateful=True; received stateful=False")
    if boolean("tie_embeddings", tie_embeddings) and embedding is None:
        raise ValueError("tie_embeddings=True needs embedding, a positive integer; received None")

    inputs = keras.Input((length,), batch_size=batch_size, dtype="int32", name="tokens")
    if embedding is None:
        x = OneHot(vocabulary, name="one_hot")(inputs)
    else:
        embedding = positive_integer("embedding", embedding)
        kind, options = keras.layers.Embedding, {}
        if tie_embeddings:
            kind, options = keras.layers.ReversibleEmbedding, {"reverse_dtype": product_type()}
        embed = kind(vocabulary, embedding, name="embedding", **options)
        x = drop(embed(inputs), dropout, "embedding_dropout")
    tower = (StreamingStack if resets else Stack)(
        cell,
        units,
        layers=layers,
        residual=residual,
        dropout=dropout,
        return_sequences=True,
        stateful=stateful,
        cell_options=cell_options,
        rnn_options=rnn_options,
        name="recurrent",
    )
    everything = inputs
    if resets:
        fresh = keras.Input((1,), batch_size=batch_size, dtype="bool", name="fresh")
        everything = {"tokens": inputs, "fresh": fresh}
    x = tower(x, fresh) if resets else tower(x)
    x = drop(x, dropout, "dropout")
    if not tie_embeddings:
        logits = keras.layers.Dense(vocabulary, dtype=full_precision(), name="logits")(x)
    elif x.shape[-1] != embedding:
        raise ValueError(
            "tie_embeddings=True needs a top layer as wide as the embedding; "
            f"received embedding={embedding} and a top layer of {x.shape[-1]}"
        )
    else:
        x = embed(x, reverse=True)
        logits = keras.layers.Activation("linear", dtype=full_precision(), name="logits")(x)
    kind = ScheduledSampling if boolean("scheduled_sampling", scheduled_sampling) else SequenceModel
    return kind(everything, logits, name=name)


def product_type() -> str | None:
    """The type of the products with tied vectors, `None` where it is that of the vectors.

    Without it Keras (3.15) does them in float32 under mixed precision, four times as slow.
    """
    policy = keras.config.dtype_policy()
    return None if policy.compute_dtype == policy.variable_dtype else policy.compute_dtype
