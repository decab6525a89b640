"""Music: which keys sound next, of a piece that is a roll of keys."""

from collections.abc import Sequence

import keras

from keraseq.checks import one_of, positive_integer
from keraseq.layers import IndependentKeys, OrderedKeys, stack
from keraseq.models.inputs import drop, full_precision
from keraseq.models.sequence_model import SequenceModel

HEADS = ("ordered", "independent")


def roll_model(
    keys: int = 88,
    *,
    head: str = "ordered",
    head_units: int = 128,
    downwards: bool = False,
    cell="lstm",
    units: int | Sequence[int] = 128,
    layers: int | None = None,
    residual: bool = False,
    dropout: float = 0.0,
    cell_options: dict | None = None,
    rnn_options: dict | None = None,
    name: str = "roll_model",
) -> SequenceModel:
    """A model that reads the frames of a piece and gives the logits of the keys that sound next.

        frames -> recurrent tower -> independent keys -> logits
        frames -> recurrent tower -> ordered keys -----> logits      the frames that come: next
        next ------------------------^

    Ordered keys see those before them in the same frame, so the model reads the frame that comes
    too, and logit i only its keys before i: `keraseq.losses.KeysLoss` of the logits is the exact
    cost of the frame either way. Pieces are filled up with frames at their ends.

    Args:
        keys: Number of keys, a positive integer. Defaults to 88.
        head: `"ordered"`, see `keraseq.layers.OrderedKeys`, or `"independent"`, see
            `keraseq.layers.IndependentKeys`. Defaults to `"ordered"`.
        head_units: Size of the hidden layer of ordered keys. Defaults to 128.
        downwards: Whether these begin with the highest key. Defaults to `False`.
        cell: A registered name (`keraseq.cells.names()`), a cell class, or an instance as a
            pattern. Defaults to `"lstm"`.
        units: Size of the state of each layer: one number, or one for each. Defaults to 128.
        layers: Number of recurrent layers. Default: 1, or as many as `units` names.
        residual: Whether to add each layer's input to its output. Defaults to `False`.
        dropout: Fraction of the values to drop between the layers and before the head, in [0, 1).
            Defaults to 0.
        cell_options: Further options of the cells, such as `{"zoneout": 0.1}`.
        rnn_options: How the recurrent layers run, a dictionary of `loop`, `unroll` and
            `checkpoint_every`, see `keraseq.layers.RNN`. Default: as it chooses.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model`. Input `frames`, `(batch, length, keys)`, with ordered keys also
        `next` of that shape, the same a frame ahead. Output logits `(batch, length, keys)`.

    Raises:
        ValueError: An unknown cell, head or option, or a size that is no positive integer.

    Example:

    >>> model = keraseq.models.roll_model(cell="gru", units=16, head_units=8)
    >>> [one.name for one in model.inputs], model.output_shape
    (['frames', 'next'], (None, None, 88))

    References:
        Boulanger-Lewandowski, Bengio & Vincent 2012, "Modeling Temporal Dependencies in
        High-Dimensional Sequences", arXiv:1206.6392.
    """
    keys = positive_integer("keys", keys)
    ordered = one_of("head", head, HEADS) == "ordered"
    frames = keras.Input((None, keys), name="frames")
    x = stack(
        cell,
        units,
        layers=layers,
        residual=residual,
        dropout=dropout,
        return_sequences=True,
        cell_options=cell_options,
        rnn_options=rnn_options,
        name="recurrent",
    )(frames)
    x = drop(x, dropout, "dropout")
    if not ordered:
        logits = IndependentKeys(keys, dtype=full_precision(), name="keys")(x)
        return SequenceModel(frames, logits, name=name)
    following = keras.Input((None, keys), name="next")
    logits = OrderedKeys(head_units, downwards, dtype=full_precision(), name="keys")([x, following])
    return SequenceModel([frames, following], logits, name=name)
