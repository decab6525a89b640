"""What the builders return: a functional model that looks at its input before Keras casts it."""

import functools

import keras
from keras import ops, tree

from keraseq import losses
from keraseq.keras_inside import KeptState, made_by, read_by
from keraseq.layers import WordDropout
from keraseq.layers.scan.formats import FORMATS, exporting, refuse_states
from keraseq.layers.scan.values import Watched, watched
from keraseq.models.sharing import check_shares
from keraseq.models.values import check_labels, check_tokens, dtype_name, vocabulary_of


def checked(method, labelled=True, shared=True):
    """A method of `keras.Model` that first looks at its data, labels and validation data too."""

    @functools.wraps(method)
    def look_first(self, x=None, *args, **kwargs):
        if labelled:
            y, *args = args or (kwargs.pop("y", None),)
            args = (self.check_data(x, y), *args)
        else:
            self.check_data(x)
        aside = kwargs.get("validation_data")
        self.check_data(*aside[:2] if isinstance(aside, tuple) else (aside,))
        if shared:
            size = kwargs.get("batch_size") or next((n for n in args if isinstance(n, int)), 32)
            check_shares(self, x, size)
            aside = aside[0] if isinstance(aside, tuple) else aside
            check_shares(self, aside, kwargs.get("validation_batch_size") or size)
        try:
            return method(self, self.watched(x), *args, **kwargs)
        except Exception as error:
            self.come_back()
            said = [one for one in self.vocabularies_said if one in str(error)]
            if said and type(error).__name__ == "InvalidArgumentError":  # from `watched`
                raise ValueError(said[0]) from None
            raise

    return look_first


@keras.saving.register_keras_serializable("keraseq")
class SequenceModel(KeptState, keras.Model):
    """A functional `keras.Model` that refuses input of the wrong kind instead of repairing it.

    Keras casts whatever it gets to the dtype of the `Input` and adds or drops an axis of size 1 to
    make ranks fit, so that features given to an embedding, or a forgotten axis, train without a
    word. On JAX it also loses the weights of a model when the first batch of `fit`, `evaluate` or
    `predict` does not fit. Here the dtype and the shape are looked at first, in `fit`, `evaluate`,
    `predict` (arrays, `keras.utils.PyDataset` and `tf.data`) and in every call; so are labels,
    where they are classes. Ids beyond the vocabulary, which a compiled model would read as
    something else, are refused wherever the numbers are at hand: in arrays, tensors and data sets
    of both kinds, but on TensorFlow and JAX not in what a generator makes.

    Its output is the forecast of a head of `keraseq.layers` or, without one, logits of classes;
    `fitting_loss()` is the loss that belongs to it, which `keraseq.train.compile` takes. All else
    is `keras.Model`.

    Args:
        inputs, outputs, name: As for a functional `keras.Model`. Integer inputs are tokens
            `(batch, length)`, others features `(batch, length, features)`.

    Raises:
        ValueError: In use: input that is no array, tokens that are no integers or not in the
            vocabulary, the wrong rank or width, sequences without a step, or labels that do not
            belong to the loss.

    Example:

    >>> import keraseq
    >>> model = keraseq.models.sequence_classifier(3, vocabulary=100, units=8)
    >>> tuple(model(keras.ops.ones((2, 5), "int32")).shape)
    (2, 3)
    """

    fit = checked(keras.Model.fit)
    evaluate = checked(keras.Model.evaluate)
    predict = checked(keras.Model.predict, labelled=False)
    train_on_batch = checked(keras.Model.train_on_batch, shared=False)
    test_on_batch = checked(keras.Model.test_on_batch, shared=False)
    predict_on_batch = checked(keras.Model.predict_on_batch, labelled=False, shared=False)

    def __call__(self, inputs, *args, **kwargs):
        self.check(inputs, values=True)
        return super().__call__(inputs, *args, **kwargs)

    def call(self, inputs, training=None, mask=None):
        """Runs the graph of layers."""
        self.check(inputs)  # compiled steps on JAX come here directly
        return super().call(inputs, training=training, mask=mask)

    def export(self, filepath, format="tf_saved_model", **options):
        """`keras.Model.export`, the recurrent layers in loops that the format can hold."""
        names = {made.keras: name for name, made in FORMATS.items()}
        if format not in names:  # another of Keras', or an error
            return super().export(filepath, format=format, **options)
        refuse_states(self)
        with exporting(self, names[format]) as further:
            return super().export(filepath, format=format, **{**further, **options})

    def with_its_dtypes(self, x):
        """The data `x` in the dtypes of the model's inputs."""
        if isinstance(x, dict):
            dtypes = {one.name: one.dtype for one in self.inputs}
            return {name: ops.cast(one, dtypes.get(name, one.dtype)) for name, one in x.items()}
        flat = zip(tree.flatten(x), self.inputs, strict=True)
        return tree.pack_sequence_as(x, [ops.cast(one, want.dtype) for one, want in flat])

    def fitting_loss(self) -> keras.losses.Loss | None:
        """The loss that fits what the model gives, `None` where it gives several things.

        A head of `keraseq.layers` says its own; all else is logits of classes.
        """
        if len(self.outputs) != 1:
            return None
        last = made_by(self.outputs[0])
        if hasattr(last, "loss"):
            return last.loss()
        return losses.of_classes(self.outputs[0].shape[-1])

    @functools.cached_property
    def vocabularies(self) -> dict[str, int]:
        """How many tokens there are for each input of tokens, by its name."""
        found = {}
        for layer in self.layers:
            size = getattr(layer, "vocabulary", getattr(layer, "input_dim", None))
            if size is None:
                continue
            source = layer
            while isinstance(source, WordDropout) or source is layer:
                source = made_by(read_by(source))
            if isinstance(source, keras.layers.InputLayer) and "int" in source.dtype:
                found[source.name] = min(size, found.get(source.name, size))
        return found

    @property
    def vocabularies_said(self) -> list[str]:
        """What each input of tokens accepts, in words."""
        sizes = self.vocabularies
        return [vocabulary_of(one, sizes[one.name]) for one in self.inputs if one.name in sizes]

    def watched(self, x):
        """`x`; a data set as one that stops at what does not go with this model.

        That is tokens beyond the vocabulary, and of a `keras.utils.PyDataset` all else.
        """
        if isinstance(x, keras.utils.PyDataset) and not x.use_multiprocessing:
            return Watched(x, self.check_batch)
        if not (hasattr(x, "element_spec") and hasattr(x, "map") and self.vocabularies):
            return x

        def limits(inputs):
            for want, got in self.named(inputs):
                size = self.vocabularies.get(want.name)
                if size is not None:
                    yield got, size, vocabulary_of(want, size)

        return watched(x, limits)

    def check_batch(self, x, y=None):
        """`check_data` of a batch, which several devices may share."""
        check_shares(self, x)
        self.check_data(x, y)

    def check_data(self, x, y=None):
        """Raises if arrays, or what a `tf.data.Dataset` gives, do not go with this model.

        Returns the labels `y`, as they are or, where they are classes, without an axis of size 1.
        """
        if hasattr(x, "element_spec"):
            spec = x.element_spec if isinstance(x.element_spec, tuple) else (x.element_spec,)
            self.check_data(*spec[:2])
            return y
        if x is not None:
            self.check(x, whole=True, values=True)
        if len(self.outputs) == 1 and hasattr(y, "shape") and hasattr(y, "dtype"):
            return check_labels(getattr(self, "loss", None), self.outputs[0], y)
        return y

    def check(self, inputs, whole: bool = False, values: bool = False):
        """Raises a one-line error if `inputs`, a batch or the `whole` data, cannot be the input."""
        for want, got in self.named(inputs):
            check_one(want, got, whole)
            size = self.vocabularies.get(want.name) if values else None
            if size is not None:
                check_tokens(want, got, size)

    def named(self, inputs):
        """Each `keras.Input` of the model with what `inputs` has for it, or a one-line error."""
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
        # Where the numbers differ Keras names what is missing.
        return list(zip(expected, received, strict=True)) if len(received) == len(expected) else []


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
