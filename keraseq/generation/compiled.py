"""A function of tensors, compiled as a whole: the only place here that calls a backend."""

import functools
from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from keraseq.generation.choosing import Choice


class Loops:
    """Compiled loops of one model, which keeps them; samplers are made once.

    Args:
        model: The model whose variables the loops read.
    """

    def __init__(self, model: keras.Model):
        self.model = model
        self._samplers: dict = {}
        self._functions: dict = {}

    @classmethod
    def of(cls, model: keras.Model) -> "Loops":
        """Those of a model."""
        kept, name = vars(model) if isinstance(model, keras.Model) else {}, f"_{cls.__name__}"
        if name not in kept:
            kept[name] = cls(model)  # past Keras' own __setattr__, which would look for layers
        return kept[name]

    def seeds(self, choice: Choice, seed: int) -> list:
        """The state of a sampler's random numbers before the first token."""
        variables = self._sampler(choice).variables
        return [tensor([seed + i, 0], one.dtype) for i, one in enumerate(variables)]

    def _sampler(self, choice: Choice):
        if choice.key not in self._samplers:
            self._samplers[choice.key] = choice.make()
        return self._samplers[choice.key]

    def _function(self, key, function: Callable) -> Callable:
        if key not in self._functions:
            self._functions[key] = compiled(function, self.model.variables)
        return self._functions[key]


def token_ids(given, name: str, vocabulary: int | None, what: str = "integer") -> np.ndarray:
    """Token ids int32 `(n,)`, or an error that says what is none; None for any vocabulary."""
    ids = np.asarray(given)
    if ids.ndim != 1 or (ids.size and ids.dtype.kind not in "iu"):
        raise ValueError(
            f"{name} must be {what} token ids (n,); received {ids.dtype} of shape {ids.shape}"
        )
    strange = ids[(ids < 0) | (ids >= (vocabulary or np.inf))]
    if len(strange):
        accepted = "from 0" if vocabulary is None else f"from 0 to {vocabulary - 1}"
        raise ValueError(f"token ids go {accepted}; received {strange[0]} in {name}")
    return ids.astype("int32")


def tensor(value, dtype):
    """A tensor of the backend."""
    return ops.convert_to_tensor(np.asarray(value), dtype=dtype)


def chosen(sampler, seeds: list, probabilities):
    """The next token of each row, and the state of the sampler's random numbers after it."""
    with keras.StatelessScope(list(zip(sampler.variables, seeds, strict=True))) as scope:
        tokens = ops.cast(sampler.get_next_token(probabilities), "int32")
    return tokens, [scope.get_current_value(one) for one in sampler.variables]


def compiled(function: Callable, variables: list[keras.Variable]) -> Callable:
    """The function, compiled for the current backend: by XLA, or on PyTorch run as it is.

    The variables are read anew in every call, so that a model may go on training in between.

    Args:
        function: Takes and returns nested tensors; it must assign no variable.
        variables: Every variable that it reads.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        # TensorFlow warns where one piece of code is compiled again and again, as it is for many
        # models; a partial function is known by itself, not by its code.
        return tf.function(functools.partial(function), jit_compile=True, autograph=False)
    if backend == "torch":
        import torch

        return torch.no_grad()(function)
    import jax

    @jax.jit
    def with_values(values, arguments):
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
            return function(*arguments)

    return lambda *arguments: with_values([one.value for one in variables], arguments)


def compiles() -> bool:
    """Whether functions are compiled for shapes, so that few shapes are better than small ones."""
    return keras.backend.backend() != "torch"
