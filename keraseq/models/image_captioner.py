"""One to many: a picture in, a sentence out."""

from collections.abc import Sequence

import keras
from keras import ops, tree

from keraseq import cells
from keraseq.checks import number, one_of, positive_integer
from keraseq.layers import RNN, AttentionCell, Beside, EvenAttention, stack
from keraseq.layers.rnn import run_options
from keraseq.layers.stack import sizes
from keraseq.models.inputs import drop, embedded_tokens, full_precision
from keraseq.models.sequence_model import SequenceModel

IMAGES = ("initial_state", "first_input", "every_input", "merge", "attention")


def image_captioner(
    vocabulary: int,
    *,
    features: Sequence[int] = (49, 320),
    embedding: int = 64,
    cell="lstm",
    units: int | Sequence[int] = 64,
    layers: int | None = None,
    image: str = "attention",
    attention_units: int | None = None,
    even_attention: float = 1.0,
    start: int = 1,
    dropout: float = 0.0,
    cell_options: dict | None = None,
    rnn_options: dict | None = None,
    name: str = "image_captioner",
) -> SequenceModel:
    """A model that writes a sentence about a picture, of which a frozen network has made features.

        E: vectors of words, v: the picture as one vector, m_j: its regions, s: states, o: outputs

        initial_state   s_0 = tanh(W v + b)                   and nothing after that
        first_input     x_1 = [E start; W v], x_t = [E w_{t-1}; 0]
        every_input     x_t = [E w_{t-1}; W v]
        merge           logits_t = U [o_t; W v] + b           the network reads words alone
        attention       s_0 = tanh(W mean_j m_j + b)
                        a_t = softmax_j(u' tanh(W s_{t-1} + U m_j))
                        c_t = sigmoid(w' s_{t-1} + b) sum_j a_tj m_j
                        o_t, s_t = cell([E w_{t-1}; c_t], s_{t-1})
                        logits_t = L tanh(E w_{t-1} + L_o [o_t; c_t] + b) + b

    It trains by teacher forcing: `target` is the caption, shifted by one step behind a start token,
    and the labels are the caption. Ids of value 0 are padding; Keras leaves padded steps out of
    loss and metrics. `keraseq.generation.decode(model, {"picture": ...}, ...)` writes, and
    `alignment` says where the model looked.

    Departs from the papers: features are brought to one scale first (layer normalization), as they
    come from the middle of a network. The first input of Tanti et al. is the picture alone, the
    start token the second; here they are one. Xu et al. have several layers for the first states,
    and write the sum before the logits without tanh, which their program has.

    Args:
        vocabulary: Number of token ids, padding (0) and start token included.
        features: Shape of a picture's features: `(regions, width)`, or `(width,)`. A map of regions
            is averaged where one vector is needed. Defaults to `(49, 320)`.
        embedding: Width of the vectors of words, and of the picture's. Defaults to 64.
        cell: A registered name (`keraseq.cells.names()`), a cell class, or an instance as a
            pattern. Defaults to `"lstm"`.
        units: Size of the state of each layer: one number, or one for each. Defaults to 64.
        layers: Number of recurrent layers. Default: 1, or as many as `units` names.
        image: Where the picture comes in: `"initial_state"`, `"first_input"`, `"every_input"`,
            `"merge"`, or `"attention"`, which needs regions. Defaults to `"attention"`.
        attention_units: Width of the attention's scores. Default: that of the state.
        even_attention: What it costs in training that a caption does not look at all regions alike,
            see `keraseq.layers.EvenAttention`; 0 is nothing. Defaults to 1.
        start: Id of the start token, for `"first_input"`. Defaults to 1.
        dropout: Fraction of the values to drop: of the features, of the vectors of words, between
            the layers and before the logits, in [0, 1). Defaults to 0.
        cell_options: Further options of the cells, such as `{"zoneout": 0.1}`.
        rnn_options: How the recurrent layers run, a dictionary of `loop`, `unroll` and
            `checkpoint_every`, see `keraseq.layers.RNN`. Default: as it chooses.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model`. Input a dictionary of `picture`, numbers `(batch, *features)`,
        and `target`, integers `(batch, length)`. Output logits `(batch, length, vocabulary)`.

    Raises:
        ValueError: An unknown cell, option or way of bringing the picture in, a size that is no
            positive integer, or attention without regions.

    Example:

    >>> model = keraseq.models.image_captioner(9, features=(4, 6), units=8)
    >>> picture, target = keras.ops.ones((2, 4, 6)), keras.ops.ones((2, 5), "int32")
    >>> tuple(model({"picture": picture, "target": target}).shape)
    (2, 5, 9)

    References:
        Vinyals et al. 2015, "Show and Tell: A Neural Image Caption Generator", arXiv:1411.4555.
        Xu et al. 2015, "Show, Attend and Tell", arXiv:1502.03044 (attention).
        Tanti, Gatt & Camilleri 2017, "Where to put the Image in an Image Caption Generator",
        arXiv:1703.09137 (the other four).
    """
    vocabulary, units = positive_integer("vocabulary", vocabulary), sizes(units, layers)
    one_of("image", image, IMAGES)
    shape = tuple(positive_integer("features", one) for one in features)
    if len(shape) > 2 or not shape or (image == "attention" and len(shape) == 1):
        needed = "(regions, width)" if image == "attention" else "(regions, width) or (width,)"
        raise ValueError(f"features must be {needed} for image={image!r}; received {shape}")
    picture = keras.Input(shape, name="picture")
    scaled = keras.layers.LayerNormalization(name="scaled")(picture)
    scaled = drop(scaled, dropout, "picture_dropout")
    whole = scaled
    if len(shape) == 2:
        whole = keras.layers.GlobalAveragePooling1D(name="whole")(scaled)
    target, x = embedded_tokens("target", vocabulary, embedding, None, dropout, "")
    options = {"cell_options": cell_options, "rnn_options": rnn_options}
    states = []
    if image in ("initial_state", "attention"):
        for size in units:
            for width in tree.flatten(cells.get(cell, size, **(cell_options or {})).state_size):
                first = keras.layers.Dense(width, "tanh", name=f"state_{len(states) + 1}")
                states.append(first(whole))
    else:
        vector = keras.layers.Dense(embedding, name="vector")(whole)
    if image == "first_input":
        x = Beside(name="beside")(x, vector, ops.equal(target, start))
    elif image == "every_input":
        x = Beside(name="beside")(x, vector)
    if image == "attention":
        top = cells.get(cell, units[-1], **(cell_options or {}))
        last, below = len(tree.flatten(top.state_size)), x
        if len(units) > 1:
            lower = stack(
                cell, units[:-1], dropout=dropout, return_sequences=True, name="lower", **options
            )
            below = drop(lower(x, initial_state=states[:-last]), dropout, "lower_dropout")
        costs = number("even_attention", even_attention) != 0
        attentive = RNN(
            AttentionCell(
                top,
                "additive",
                attention_units,
                gate=True,
                give_shares=costs,
                name="attention_cell",
            ),
            return_sequences=True,
            name="attention",
            **run_options(rnn_options),
        )
        y = attentive(below, initial_state=states[-last:], context=scaled)
        if costs:
            y = EvenAttention(shape[0], even_attention, name="even_attention")(y)
        y = keras.layers.Dense(embedding, name="readout")(y)
        x = keras.layers.Activation("tanh", name="deep")(keras.layers.Add(name="words")([x, y]))
    else:
        tower = stack(cell, units, dropout=dropout, return_sequences=True, name="writer", **options)
        x = tower(x, initial_state=states) if states else tower(x)
        x = Beside(name="beside")(x, vector) if image == "merge" else x
    x = drop(x, dropout, "dropout")
    logits = keras.layers.Dense(vocabulary, dtype=full_precision(), name="logits")(x)
    return SequenceModel({"picture": picture, "target": target}, logits, name=name)
