"""How exactly a GPU multiplies float32, and how to ask for all of it."""

import keras

ROUNDED = "float32 rounded to TF32 (10 bits of 23); all bits: "
FULL = "float32"
# What to say to a backend for products of full float32.
ASK = {
    "jax": 'jax.config.update("jax_default_matmul_precision", "highest")',
    "torch": "torch.backends.cuda.matmul.allow_tf32 = False",
    "cudnn": "torch.backends.cudnn.allow_tf32 = False",
    "tensorflow": "tf.config.experimental.enable_tensor_float_32_execution(False)",
}


def products(dtype: str, gpu: bool, kernel: bool = False) -> str:
    """What the matrix products of a layer are computed in, as its backend is set now.

    Args:
        dtype: The layer's compute type.
        gpu: Whether it runs on a GPU; a CPU rounds nothing.
        kernel: Whether all steps run in one of cuDNN's kernels, which PyTorch asks separately.
    """
    if dtype != "float32" or not gpu:
        return dtype
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        asked = jax.config.jax_default_matmul_precision or "default"
        if asked not in ("default", "fastest", "tensorfloat32", "high"):
            return FULL if asked in ("highest", "float32") else f"float32 by {asked}"
    elif backend == "torch":
        import torch

        backend = "cudnn" if kernel else backend
        place = torch.backends.cudnn if kernel else torch.backends.cuda.matmul
        if not place.allow_tf32:
            return FULL
    else:
        import tensorflow as tf

        if not tf.config.experimental.tensor_float_32_execution_enabled():
            return FULL
    return ROUNDED + ASK[backend]
