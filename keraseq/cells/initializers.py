"""Initial values: weights drawn block by block, and chrono initialisation."""

import numbers

import keras
from keras import ops

from keraseq.checks import positive_integer


@keras.saving.register_keras_serializable("keraseq")
class ChronoInitializer(keras.initializers.Initializer):
    """Initial bias of a forget gate for lags of up to `longest` steps.

        b_f = log(u),   u ~ uniform[1, longest - 1]

    A unit whose forget gate rests at sigmoid(log u) forgets over about `u` steps. The same instance
    draws the same values each time, so that the input gate can be given `-b_f`.

    Args:
        longest: The longest time lag expected, in steps, at least 3.
        seed: Integer seed. Default: drawn from Keras' global seed.

    Example:

    >>> from keraseq.cells import ChronoInitializer
    >>> tuple(ChronoInitializer(100)((16,)).shape)
    (16,)

    References:
        Tallec & Ollivier 2018, "Can Recurrent Neural Networks Warp Time?", arXiv:1804.11188.
    """

    def __init__(self, longest: int, seed: int | None = None):
        self.longest = time_lag(longest)
        self.uniform = keras.initializers.RandomUniform(1.0, self.longest - 1.0, seed=seed)

    def __call__(self, shape, dtype=None):
        """Values for a weight of that shape."""
        return ops.log(self.uniform(shape, dtype=dtype))

    def clone(self):
        """A copy that draws the same values."""
        return self

    def get_config(self):
        """Configuration for serialisation."""
        return {"longest": self.longest, "seed": self.uniform.get_config()["seed"]}


def time_lag(steps: int | None) -> int | None:
    """A longest time lag in steps, or an error that names it."""
    if steps is None:
        return None
    if positive_integer("chrono", steps) < 3:
        raise ValueError(f"chrono must be at least 3 steps; received chrono={steps}")
    return int(steps)


def draw_blocks(initialisers, defaults, fallback, blocks, shape, dtype):
    """Initial value of a weight made of `blocks`, each drawn on its own with its own seed.

    `initialisers` is one initialiser, or a dictionary from block to initialiser. Blocks that it
    does not name take theirs from `defaults`, else `fallback`.
    """
    if not isinstance(initialisers, dict):
        initialisers, fallback = {}, initialisers
    drawn = []
    for i, block in enumerate(blocks):
        if block in initialisers or block not in defaults:
            initialiser = own_seed(initialisers.get(block, fallback), offset=i)
        else:  # as the cell gives it: two gates may have to share a draw
            initialiser = keras.initializers.get(constant(defaults[block]))
        drawn.append(initialiser(shape, dtype=dtype))
    return ops.concatenate(drawn, axis=-1)


def own_seed(initializer, offset: int):
    """An initialiser for the block number `offset`: one that draws is a copy, its seed moved on."""
    initializer = keras.initializers.get(initializer)
    if not isinstance(initializer, keras.initializers.Initializer):
        return initializer
    config = initializer.get_config()
    if "seed" not in config:  # the copy may have lost something: Keras' Identity its gain
        return initializer
    if isinstance(config["seed"], int):
        config["seed"] += offset
    return type(initializer).from_config(config)


def constant(value):
    """A number as the initialiser that gives it; anything else as it is."""
    if isinstance(value, numbers.Real):
        return keras.initializers.Constant(float(value))
    return value
