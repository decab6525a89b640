"""Frames: a whole sequence of pictures gets one label."""

from collections.abc import Sequence

import keras

from keraseq.checks import boolean, one_of, positive_integer
from keraseq.layers import EachFrame, MaskNaN, stack
from keraseq.models.classifier import told
from keraseq.models.inputs import drop
from keraseq.models.sequence_model import SequenceModel


def frame_classifier(
    classes: int,
    *,
    height: int,
    width: int,
    channels: int = 1,
    filters: Sequence[int] = (8, 16, 32),
    embedding: int = 64,
    cell="lstm",
    units: int | Sequence[int] = 64,
    layers: int | None = None,
    bidirectional: bool = False,
    residual: bool = False,
    dropout: float = 0.0,
    pooling: str = "average",
    masked: bool = False,
    length: int | None = None,
    cell_options: dict | None = None,
    rnn_options: dict | None = None,
    name: str = "frame_classifier",
) -> SequenceModel:
    """A model that looks at each frame of a sequence and gives the logits of its class.

        frames -> convolutions -> recurrent tower -> logits at each step -> averaged predictions
                                                  -> last output -> logits

    The long-term recurrent convolutional network of Donahue et al. 2015, with a small convolutional
    network that learns from the start. Without a cell the predictions of single frames are
    averaged: what recurrence must beat.

    Args:
        classes: Number of classes, a positive integer; 1 gives a single logit for two classes.
        height, width: Size of a frame, in pixels.
        channels: 1 for grey, 3 for colours. Defaults to 1.
        filters: Convolutions of 3 by 3, each of which halves the picture: the number of filters of
            each. Defaults to `(8, 16, 32)`.
        embedding: Width of the vector that stands for a frame. Defaults to 64.
        cell: A registered name (`keraseq.cells.names()`), a cell class, an instance as a pattern,
            or `None` for no recurrence. Defaults to `"lstm"`.
        units: Size of the state of each layer: one number, or one for each. Defaults to 64.
        layers: Number of recurrent layers. Default: 1, or as many as `units` names.
        bidirectional: Whether each layer reads both ways. Defaults to `False`.
        residual: Whether to add each layer's input to its output. Defaults to `False`.
        dropout: Fraction of the values to drop of a frame's vector, between the layers and before
            the logits, in [0, 1). Defaults to 0.
        pooling: `"average"` of the predictions at every step, or the `"last"` output alone, which
            needs a cell. Defaults to `"average"`.
        masked: Whether frames that are all `NaN` are padding, see `keraseq.layers.MaskNaN`.
            Defaults to `False`.
        length: Number of frames, where it is fixed. Default: any.
        cell_options: Further options of the cells, such as `{"zoneout": 0.1}`.
        rnn_options: How the recurrent layers run, a dictionary of `loop`, `unroll` and
            `checkpoint_every`, see `keraseq.layers.RNN`. Default: as it chooses.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model`. Input `frames`, `(batch, length, height, width, channels)`,
        best between 0 and 1. Output logits `(batch, classes)`, in the weights' dtype also under
        mixed precision. `model.get_layer("logits").output` are those of every step, with
        `"average"`.

    Raises:
        ValueError: An unknown cell, option or pooling, a size that is no positive integer, or
            `"last"` without a cell.

    Example:

    >>> model = keraseq.models.frame_classifier(4, height=16, width=16, units=8)
    >>> model.output_shape
    (None, 4)

    References:
        Donahue et al. 2015, "Long-term Recurrent Convolutional Networks for Visual Recognition and
        Description", CVPR.
    """
    classes = positive_integer("classes", classes)
    sizes = {"height": height, "width": width, "channels": channels}
    shape = tuple(positive_integer(name, size) for name, size in sizes.items())
    length = None if length is None else positive_integer("length", length)
    one_of("pooling", pooling, ("average", "last"))
    if cell is None and pooling == "last":
        raise ValueError("pooling='last' needs a cell: a last frame alone has seen no other")
    frames = x = keras.Input((length, *shape), name="frames")
    if boolean("masked", masked):
        x = MaskNaN(name="padding")(x)
    rectified = {"activation": "relu", "kernel_initializer": "he_normal"}
    convolutions = [
        keras.layers.Conv2D(
            positive_integer("filters", one), 3, strides=2, padding="same", **rectified
        )
        for one in filters
    ]
    vector = keras.layers.Dense(positive_integer("embedding", embedding), **rectified)
    # Frames may be nearly empty: their vectors are brought to the scale that a cell expects. How
    # bright a frame is as a whole is mostly lost by that; what it shows is not.
    scaled = keras.layers.LayerNormalization()
    look = [keras.Input(shape), *convolutions, keras.layers.Flatten(), vector, scaled]
    x = EachFrame(keras.Sequential(look, name="look"), name="each_frame")(x)
    x = drop(x, dropout, "frame_dropout")
    if cell is not None:
        x = stack(
            cell,
            units,
            layers=layers,
            bidirectional=bidirectional,
            residual=residual,
            dropout=dropout,
            return_sequences=pooling == "average",
            cell_options=cell_options,
            rnn_options=rnn_options,
            name="recurrent",
        )(x)
    return SequenceModel(frames, told(x, classes, [pooling], dropout), name=name)
