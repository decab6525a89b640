"""Many to many through an encoder and a decoder: one sequence becomes another."""

from collections.abc import Sequence

import keras
from keras import ops, tree

from keraseq import cells
from keraseq.checks import boolean, one_of, positive_integer
from keraseq.layers import RNN, Attention, AttentionCell, TiedEmbedding, stack
from keraseq.layers.attention import SCORES
from keraseq.layers.rnn import run_options
from keraseq.layers.stack import sizes
from keraseq.models.inputs import drop, embedded_tokens, full_precision
from keraseq.models.language import product_type
from keraseq.models.scheduled_sampling import ScheduledSampling
from keraseq.models.sequence_model import SequenceModel


def encoder_decoder(
    source_vocabulary: int,
    target_vocabulary: int,
    *,
    embedding: int = 64,
    cell="lstm",
    units: int | Sequence[int] = 64,
    layers: int | None = None,
    bidirectional: bool = False,
    encoder_units: int | Sequence[int] | None = None,
    attention: str | None = None,
    input_feeding: bool | None = None,
    tie_embeddings: bool = False,
    residual: bool = False,
    dropout: float = 0.0,
    scheduled_sampling: bool = False,
    source_length: int | None = None,
    target_length: int | None = None,
    cell_options: dict | None = None,
    rnn_options: dict | None = None,
    name: str = "encoder_decoder",
) -> SequenceModel:
    """A model that reads one sequence and writes another, of another length (Sutskever et al.).

        source -> embedding -> encoder tower -> its outputs m_j and its last states
        target -> embedding -> decoder tower, starting from them -> logits at each step

    It trains by teacher forcing: `target` is what to write, shifted by one step behind a start
    token, and the labels are what to write. Ids of value 0 are padding in both sequences; Keras
    leaves padded target steps out of loss and metrics. `keraseq.generation.decode` writes.

    Without attention the encoder's last states and nothing else go from source to target. With it
    the decoder's top layer looks at the encoder's outputs at every step, see
    `keraseq.layers.AttentionCell` (and `keraseq.layers.Attention`, without input feeding).

    Args:
        source_vocabulary: Number of token ids to read, padding (0) included.
        target_vocabulary: Number of token ids to write, padding (0) and start token included.
        embedding: Width of the tokens' vectors, on both sides. Defaults to 64.
        cell: A registered name (`keraseq.cells.names()`), a cell class, or an instance as a
            pattern, on both sides. Defaults to `"lstm"`.
        units: Size of the state of each layer: one number, or one for each. Defaults to 64.
        layers: Number of recurrent layers. Default: 1, or as many as `units` names.
        bidirectional: Whether the encoder reads both ways. A dense layer (tanh) then makes the
            decoder's first states of both last ones. Defaults to `False`.
        encoder_units: Size of the state of the encoder's layers, in each direction; where it is not
            `units`, such a dense layer stands between too. Default: `units`.
        attention: `"additive"` (Bahdanau: before the step), `"dot"` or `"general"` (Luong: after
            it). `"dot"` needs encoder outputs as wide as the decoder's. Default: none.
        input_feeding: For `"dot"` and `"general"`, whether a step reads what the step before made
            of its memory. Without it all steps attend at once, which is faster. Default: `True`.
        tie_embeddings: Whether source, target and logits share one matrix of vectors. Needs equal
            vocabularies. A dense layer (tanh) brings the decoder's outputs to the width of the
            vectors. Defaults to `False`.
        residual: Whether to add each layer's input to its output (never around a layer that
            attends). Defaults to `False`.
        dropout: Fraction of the values to drop after the embeddings, between the layers and before
            the logits, in [0, 1). Defaults to 0.
        scheduled_sampling: Whether the decoder can read words of its own in training, see
            `keraseq.models.ScheduledSampling`. Defaults to `False`.
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
        ValueError: An unknown cell, attention or option, a size that is no positive integer,
            `input_feeding` with another attention than it is for, `tie_embeddings` with unequal
            vocabularies, or `"dot"` with unequal widths.

    Example:

    >>> import keraseq
    >>> model = keraseq.models.encoder_decoder(50, 40, units=16, attention="additive")
    >>> source, target = keras.ops.ones((2, 7), "int32"), keras.ops.ones((2, 5), "int32")
    >>> tuple(model({"source": source, "target": target}).shape)
    (2, 5, 40)

    References:
        Sutskever, Vinyals & Le 2014, "Sequence to Sequence Learning with Neural Networks",
        arXiv:1409.3215. Bahdanau, Cho & Bengio 2015, arXiv:1409.0473. Luong, Pham & Manning 2015,
        arXiv:1508.04025. Press & Wolf 2017, arXiv:1608.05859 (one matrix of vectors).
    """
    lengths = {"source_length": source_length, "target_length": target_length}
    for key, length in lengths.items():
        lengths[key] = None if length is None else positive_integer(key, length)
    units = sizes(units, layers)
    read_units = units if encoder_units is None else sizes(encoder_units, len(units))
    both = boolean("bidirectional", bidirectional)
    if attention is not None:
        one_of("attention", attention, SCORES)
    feeds = attention in ("dot", "general") if input_feeding is None else input_feeding
    if boolean("input_feeding", feeds) and attention not in ("dot", "general"):
        raise ValueError(
            "input_feeding is for attention='dot' and 'general' (with 'additive' the context "
            f"enters the cell anyway); received attention={attention!r}"
        )
    embed = None
    if boolean("tie_embeddings", tie_embeddings):
        if source_vocabulary != target_vocabulary:
            raise ValueError(
                "tie_embeddings=True needs one vocabulary for both sides; received "
                f"source_vocabulary={source_vocabulary}, target_vocabulary={target_vocabulary}"
            )
        embed = TiedEmbedding(
            positive_integer("source_vocabulary", source_vocabulary),
            positive_integer("embedding", embedding),
            mask_zero=True,
            reverse_dtype=product_type(),
            name="embedding",
        )
    source, read = embedded_tokens(
        "source",
        source_vocabulary,
        embedding,
        lengths["source_length"],
        dropout,
        "source_",
        embed=embed,
    )
    target, written = embedded_tokens(
        "target",
        target_vocabulary,
        embedding,
        lengths["target_length"],
        dropout,
        "target_",
        embed=embed,
    )
    tower = {
        "residual": residual,
        "dropout": dropout,
        "cell_options": cell_options,
        "rnn_options": rnn_options,
    }
    encoder = stack(
        cell,
        read_units,
        bidirectional=both,
        return_state=True,
        return_sequences=attention is not None,
        name="encoder",
        **tower,
    )
    memory, *states = encoder(read)
    if both or read_units != units:
        states = bridged(states, cell, units, 1 + both)
    if attention is None:
        decoder = stack(cell, units, return_sequences=True, name="decoder", **tower)
        x = decoder(written, initial_state=states)
    elif attention == "additive" or feeds:
        x = written
        top = cells.get(cell, units[-1], **(cell_options or {}))
        last = states[-len(tree.flatten(top.state_size)) :]
        if len(units) > 1:
            lower = stack(cell, units[:-1], return_sequences=True, name="decoder", **tower)
            x = drop(lower(x, initial_state=states[: -len(last)]), dropout, "decoder_dropout")
        if feeds:  # before the first step there is nothing
            last = [*last, ops.tile(ops.zeros_like(last[0][:, :1]), (1, top.output_size))]
        attentive = RNN(
            AttentionCell(top, attention, name="attention_cell"),
            return_sequences=True,
            name="attention",
            **run_options(rnn_options),
        )
        x = attentive(x, initial_state=last, context=memory)
    else:
        decoder = stack(cell, units, return_sequences=True, name="decoder", **tower)
        x = decoder(written, initial_state=states)
        x = Attention(attention, name="attention")(x, memory)
    if tie_embeddings or attention == "additive":
        width = embedding if tie_embeddings else units[-1]
        x = keras.layers.Dense(width, activation="tanh", name="readout")(x)
    x = drop(x, dropout, "dropout")
    if tie_embeddings:
        x = embed(x, reverse=True)
        logits = keras.layers.Activation("linear", dtype=full_precision(), name="logits")(x)
    else:
        logits = keras.layers.Dense(target_vocabulary, dtype=full_precision(), name="logits")(x)
    kind = ScheduledSampling if boolean("scheduled_sampling", scheduled_sampling) else SequenceModel
    return kind({"source": source, "target": target}, logits, name=name)


def bridged(states: list, cell, units: list[int], ways: int) -> list:
    """The decoder's first states of the encoder's last: for each a dense layer with tanh."""
    made = []
    for layer, size in enumerate(units):
        wanted = tree.flatten(cells.get(cell, size).state_size)
        count = len(states) // len(units)
        own = states[layer * count : (layer + 1) * count]
        for number, width in enumerate(wanted):
            together = own[number :: len(wanted)]
            x = together[0] if ways == 1 else keras.layers.Concatenate()(together)
            dense = keras.layers.Dense(width, activation="tanh", name=f"bridge_{len(made) + 1}")
            made.append(dense(x))
    return made
