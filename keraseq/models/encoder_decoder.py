"""Many to many through an encoder and a decoder: one sequence becomes another."""

from collections.abc import Sequence

import keras

from keraseq.checks import positive_integer
from keraseq.layers import stack
from keraseq.models.inputs import drop, embedded_tokens, full_precision
from keraseq.models.sequence_model import SequenceModel


def encoder_decoder(
    source_vocabulary: int,
    target_vocabulary: int,
    *,
    embedding: int = 64,
    cell="lstm",
    units: int | Sequence[int] = 64,
    layers: int | None = None,
    residual: bool = False,
    dropout: float = 0.0,
    source_length: int | None = None,
    target_length: int | None = None,
    cell_options: dict | None = None,
    rnn_options: dict | None = None,
    name: str = "encoder_decoder",
) -> SequenceModel:
    """A model that reads one sequence and writes another, of another length (Sutskever et al.).

        source -> embedding -> encoder tower -> its last states
        target -> embedding -> decoder tower, starting from them -> logits at each step

    It trains by teacher forcing: `target` is what to write, shifted by one step behind a start
    token, and the labels are what to write. Ids of value 0 are padding in both sequences; Keras
    leaves padded target steps out of loss and metrics. The encoder's states and nothing else go
    from source to target: there is no attention.

    Writing needs no other model, since a step of the decoder sees no later one: fill `target` with
    0 behind the start token, and put the choice at step t into position t + 1, one step at a time.

    Args:
        source_vocabulary: Number of token ids to read, padding (0) included.
        target_vocabulary: Number of token ids to write, padding (0) and start token included.
        embedding: Width of the tokens' vectors, on both sides. Defaults to 64.
        cell: A registered name (`keraseq.cells.names()`), a cell class, or an instance as a
            pattern, on both sides. Defaults to `"lstm"`.
        units: Size of the state of each layer: one number, or one for each. Defaults to 64.
        layers: Number of recurrent layers. Default: 1, or as many as `units` names.
        residual: Whether to add each layer's input to its output. Defaults to `False`.
        dropout: Fraction of the values to drop after the embeddings, between the layers and before
            the logits, in [0, 1). Defaults to 0.
        source_length: Number of steps to read, where it is fixed. Default: any.
        target_length: Number of steps to write, where it is fixed. Default: any.
        cell_options: Further options of the cells, such as `{"zoneout": 0.1}`.
        rnn_options: How the recurrent layers run, a dictionary of `loop`, `unroll` and
            `checkpoint_every`, see `keraseq.layers.RNN`. Default: as it chooses.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model`. Input a dictionary of `source`, integers
        `(batch, source_length)`, and `target`, integers `(batch, target_length)`. Output logits
        `(batch, target_length, target_vocabulary)`.

    Raises:
        ValueError: An unknown cell or option, or a size that is no positive integer.

    Example:

    >>> import keraseq
    >>> model = keraseq.models.encoder_decoder(50, 40, units=16)
    >>> source, target = keras.ops.ones((2, 7), "int32"), keras.ops.ones((2, 5), "int32")
    >>> tuple(model({"source": source, "target": target}).shape)
    (2, 5, 40)

    References:
        Sutskever, Vinyals & Le 2014, "Sequence to Sequence Learning with Neural Networks",
        arXiv:1409.3215.
    """
    lengths = {"source_length": source_length, "target_length": target_length}
    for key, length in lengths.items():
        lengths[key] = None if length is None else positive_integer(key, length)
    tower = {
        "layers": layers,
        "residual": residual,
        "dropout": dropout,
        "cell_options": cell_options,
        "rnn_options": rnn_options,
    }
    source, read = embedded_tokens(
        "source", source_vocabulary, embedding, lengths["source_length"], dropout, "source_"
    )
    target, written = embedded_tokens(
        "target", target_vocabulary, embedding, lengths["target_length"], dropout, "target_"
    )
    _, *states = stack(cell, units, return_state=True, name="encoder", **tower)(read)
    decoder = stack(cell, units, return_sequences=True, name="decoder", **tower)
    x = decoder(written, initial_state=states)
    x = drop(x, dropout, "dropout")
    logits = keras.layers.Dense(target_vocabulary, dtype=full_precision(), name="logits")(x)
    return SequenceModel({"source": source, "target": target}, logits, name=name)
