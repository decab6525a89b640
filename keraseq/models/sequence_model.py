"""What the builders return: a functional model that looks at its input before Keras casts it."""

import functools

import keras


def checked(method):
    """A method of `keras.Model` that first looks at its data."""

    @functools.wraps(method)
    def look_first(self, x=None, *args, **kwargs):
        self.check_data(x)
        return method(self, x, *args, **kwargs)

    return look_first


@keras.saving.register_keras_serializable("keraseq")
class SequenceModel(keras.Model):
    """A functional `keras.Model` that refuses input of the wrong kind instead of repairing it.

    Keras casts whatever it gets to the dtype of the `Input` and adds or drops an axis of size 1 to
    make ranks fit, so that features given to an embedding, or a forgotten axis, train without a
    word. On JAX it also loses the weights of a model when the first batch of `fit`, `evaluate` or
    `predict` does not fit. Here the dtype and the shape are looked at first, in `fit`, `evaluate`,
    `predict` (arrays and `tf.data`) and in every call. All else is `keras.Model`.

    Args:
        inputs, outputs, name: As for a functional `keras.Model`. Integer inputs are tokens
            `(batch, length)`, others features `(batch, length, features)`.

    Raises:
        ValueError: In use: input that is no array, tokens that are no integers, the wrong rank or
            width, or sequences without a step.

    Example:

    >>> import keraseq
    >>> model = keraseq.models.sequence_classifier(3, vocabulary=100, units=8)
    >>> tuple(model(keras.ops.ones((2, 5), "int32")).shape)
    (2, 3)
    """

    fit = checked(keras.Model.fit)
    evaluate = checked(keras.Model.evaluate)
    predict = checked(keras.Model.predict)

    def __call__(self, inputs, *args, **kwargs):
        self.check(inputs)
        return super().__call__(inputs, *args, **kwargs)

    def call(self, inputs, training=None, mask=None):
        """Runs the graph of layers."""
        self.check(inputs)  # compiled steps on JAX come here directly
        return super().call(inputs, training=training, mask=mask)

    def check_data(self, x):
        """Raises if arrays, or the elements of a `tf.data.Dataset`, cannot be this model's input."""
        if hasattr(x, "element_spec"):
            x = x.element_spec[0] if isinstance(x.element_spec, tuple) else x.element_spec
        if x is not None:
            self.check(x, whole=True)

    def check(self, inputs, whole: bool = False):
        """Raises a one-line error if `inputs`, a batch or the `whole` data, cannot be the input."""
        expected = self.inputs
        if isinstance(inputs, dict):
            missing = [one.name for one in expected if one.name not in inputs]
            if missing:
                names = ", ".join(one.name for one in expected)
                raise ValueError(
                    f"`{missing[0]}` is missing: the inputs are {names}; received {list(inputs)}"
                )
            received = [inputs[one.name] for one in expected]
        elif isinstance(inputs, (list, tuple)):
            received = list(inputs)
            if len(expected) == 1 and not (len(received) == 1 and hasattr(received[0], "shape")):
                raise ValueError(f"{describe(expected[0])}; received a {type(inputs).__name__}")
        else:
            received = [inputs]
        if len(received) == len(expected):  # else Keras names what is missing
            for want, got in zip(expected, received, strict=True):
                check_one(want, got, whole)


def check_one(want, got, whole):
    """Raises if the array or tensor `got` cannot be what the `keras.Input` `want` stands for."""
    if not (hasattr(got, "dtype") and hasattr(got, "shape")):
        return  # a generator, a data loader, a frame: Keras knows what to do, or says so
    if getattr(got.shape, "rank", 0) is None:
        return  # TensorFlow does not know the rank before it runs
    dtype, shape = dtype_name(got.dtype), tuple(got.shape)
    asked = (None, *want.shape[1:]) if whole else want.shape  # all data may have more than a batch
    fits = len(shape) == len(asked) and all(
        w is None or g is None or w == g for w, g in zip(asked, shape, strict=True)
    )
    empty = 0 in (shape if whole else shape[1:])
    if empty or not fits or not dtype.startswith(accepted_kinds(want)):
        raise ValueError(f"{describe(want)}; received {dtype} of shape {shape}")


def dtype_name(dtype) -> str:
    """The name of a dtype of any backend or of NumPy."""
    return getattr(dtype, "name", str(dtype)).removeprefix("torch.")


def accepted_kinds(want) -> tuple[str, ...]:
    """How the names of the dtypes begin that a `keras.Input` accepts."""
    integers = ("int", "uint")
    return integers if "int" in want.dtype else (*integers, "float", "bfloat", "bool")


def describe(want) -> str:
    """What a `keras.Input` accepts, in words."""
    batch, length, *width = want.shape
    shape = ", ".join(str(d) for d in (batch or "batch", length or "length >= 1", *width))
    kind = "integer tokens" if "int" in want.dtype else "numbers"
    return f"`{want.name}` must be {kind}, an array of shape ({shape})"
