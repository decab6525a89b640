"""Seeds, and operations that give the same bits in every run."""

import os

import keras
import numpy as np

from keraseq.checks import boolean


def seed_everything(seed: int, deterministic: bool = False) -> None:
    """Seeds Python, NumPy, Keras and the backend, and makes operations deterministic if asked.

    Call it before anything else: before the first model, and with `deterministic` before the first
    computation, as some backends read that setting only once. The same seed then gives the same
    weights, dropout and order of arrays in `fit`. On a GPU `deterministic` may cost much speed, and
    TensorFlow and PyTorch then raise on an operation that has no deterministic form. It cannot be
    taken back in the same process.

    Args:
        seed: An integer, 0 or more.
        deterministic: Whether operations must give the same bits in every run.
            Defaults to `False`.

    Raises:
        ValueError: `seed` is no integer of 0 or more.

    Example:

    >>> import keraseq
    >>> keraseq.train.seed_everything(1)
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"seed must be an integer of 0 or more; received seed={seed!r}")
    keras.utils.set_random_seed(int(seed))
    if boolean("deterministic", deterministic):
        make_deterministic()


def make_deterministic() -> None:
    """Tells the backend to use deterministic operations only; Keras has no word for it."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    elif backend == "torch":
        import torch

        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
    elif backend == "jax":  # on the CPU it always is
        flag = "--xla_gpu_deterministic_ops=true"
        flags = os.environ.get("XLA_FLAGS", "")
        if flag not in flags:
            os.environ["XLA_FLAGS"] = f"{flags} {flag}".strip()
