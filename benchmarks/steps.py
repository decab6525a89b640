"""A layer's forward pass and its full training step on each backend, the same for every layer.

A training step is the forward pass over all steps of a batch, the mean squared error against a
target for each step, the gradient of every weight, and a step of gradient descent; data and
weights are where they are needed already. TensorFlow runs it as a graph, JAX compiled, PyTorch as
it comes: what `fit` does.
"""

from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np
import timing

RATE = 0.01


class Data(NamedTuple):
    """One batch: inputs `(batch, time, features)`, targets `(batch, time, width)`, and a mask."""

    inputs: np.ndarray
    targets: np.ndarray
    mask: np.ndarray | None

    @classmethod
    def random(cls, size: tuple[int, int, int, int], width: int, longest: float | None) -> "Data":
        """A batch for `size` (time, batch, features, units).

        With `longest`, rows are padded at their end: the longest reads that share of the steps, the
        others fewer, down to half of it.
        """
        time, batch, features, _ = size
        rng = np.random.default_rng(0)
        mask = None
        if longest is not None:
            lengths = np.linspace(longest / 2, longest, batch) * time
            mask = np.arange(time)[None] < np.maximum(1, np.round(lengths))[:, None]
        return cls(
            rng.normal(size=(batch, time, features)).astype("float32"),
            rng.normal(size=(batch, time, width)).astype("float32"),
            mask,
        )


class Calls(NamedTuple):
    """What is timed; each returns when its work is done."""

    forward: Callable[[], object]
    train: Callable[[], object]


def calls(layer, data: Data) -> Calls:
    """The calls of a Keras layer on the current backend, or of a `torch.nn` module."""
    if not isinstance(layer, keras.layers.Layer):
        return on_torch(lambda x, training: layer(x)[0], list(layer.parameters()), data)
    layer.build(data.inputs.shape)
    backend = keras.backend.backend()
    if backend == "tensorflow":
        return on_tensorflow(layer, data)
    if backend == "jax":
        return on_jax(layer, data)
    mask = None if data.mask is None else keras.ops.convert_to_tensor(data.mask)

    def apply(x, training):
        return layer(x, mask=mask, training=training)

    return on_torch(apply, [one.value for one in layer.trainable_variables], data)


def on_tensorflow(layer, data: Data) -> Calls:
    """A graph each, as Keras makes them; not compiled by XLA, which Keras does not do on CPUs."""
    import tensorflow as tf

    x, y = tf.constant(data.inputs), tf.constant(data.targets)
    mask = None if data.mask is None else tf.constant(data.mask)
    variables = [one.value for one in layer.trainable_variables]

    @tf.function(autograph=False)
    def forward(x):
        return layer(x, mask=mask, training=False)

    @tf.function(autograph=False)
    def train(x, y):
        with tf.GradientTape() as tape:
            output = tf.cast(layer(x, mask=mask, training=True), tf.float32)
            loss = tf.reduce_mean((output - y) ** 2)
        for variable, gradient in zip(variables, tape.gradient(loss, variables), strict=True):
            variable.assign_sub(RATE * gradient)
        return loss

    return Calls(lambda: forward(x)[0, 0, 0].numpy(), lambda: train(x, y).numpy())


def on_jax(layer, data: Data) -> Calls:
    """Compiled, as Keras does."""
    import jax
    from jax import numpy as jnp

    x, y = jnp.asarray(data.inputs), jnp.asarray(data.targets)
    mask = None if data.mask is None else jnp.asarray(data.mask)
    others = [one.value for one in layer.non_trainable_variables]
    weights = [one.value for one in layer.trainable_variables]

    def output(weights, x, training):
        return layer.stateless_call(weights, others, x, mask=mask, training=training)[0]

    @jax.jit
    def forward(weights, x):
        return output(weights, x, False)

    @jax.jit
    def train(weights, x, y):
        def error(weights):
            return jnp.mean((output(weights, x, True).astype("float32") - y) ** 2)

        loss, gradients = jax.value_and_grad(error)(weights)
        return [w - RATE * g for w, g in zip(weights, gradients, strict=True)], loss

    def step():
        weights[:], loss = train(weights, x, y)
        return jax.block_until_ready((weights, loss))

    return Calls(lambda: jax.block_until_ready(forward(weights, x)), step)


def on_torch(apply, weights, data: Data) -> Calls:
    """As it comes, on the GPU if there is one."""
    import torch

    device = weights[0].device
    x, y = (torch.from_numpy(one).to(device) for one in (data.inputs, data.targets))
    optimizer = torch.optim.SGD(weights, RATE)

    def done():
        if device.type == "cuda":
            torch.cuda.synchronize()

    def forward():
        with torch.no_grad():
            apply(x, False)
        done()

    def train():
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(apply(x, True).float(), y)
        loss.backward()
        optimizer.step()
        done()

    return Calls(forward, train)


class Product(NamedTuple):
    """A large matrix product on the current backend: the call, and its operations."""

    call: Callable[[], object]
    flop: float


def large_product() -> Product:
    """What the bound takes its rate from, in the compute type of the layers."""
    dtype = keras.config.dtype_policy().compute_dtype
    m, k, n = (16384, 4096, 4096) if on_gpu() else (4096, 1024, 1024)
    backend = keras.backend.backend()
    a, b = (
        keras.ops.cast(keras.ops.convert_to_tensor(np.ones(s, "float32")), dtype)
        for s in ((m, k), (k, n))
    )
    if backend == "tensorflow":
        import tensorflow as tf

        product = tf.function(tf.matmul, autograph=False)
        return Product(lambda: keras.ops.convert_to_numpy(product(a, b)[0, 0]), 2.0 * m * k * n)
    if backend == "jax":
        import jax

        product = jax.jit(lambda a, b: a @ b)
        return Product(lambda: jax.block_until_ready(product(a, b)), 2.0 * m * k * n)
    import torch

    def product_of_torch():
        with torch.no_grad():
            found = a @ b
        if found.device.type == "cuda":
            torch.cuda.synchronize()

    return Product(product_of_torch, 2.0 * m * k * n)


def on_gpu() -> bool:
    """Whether the current backend computes on a GPU."""
    return device() != "cpu"


def device() -> str:
    """What the current backend computes on."""
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        first = jax.devices()[0]
        return "cpu" if first.platform == "cpu" else first.device_kind
    if backend == "torch":
        import torch

        return torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    import tensorflow as tf

    found = tf.config.list_physical_devices("GPU")
    return tf.config.experimental.get_device_details(found[0])["device_name"] if found else "cpu"


def peak_of_a_step(make: Callable[[], object], data: Data, tiny: Data) -> float:
    """MB that a training step holds at most beyond its data, in a process that has done no other.

    Args:
        make: Makes the layer.
        data: The batch.
        tiny: A small batch; a step on it loads what libraries keep for themselves.
    """
    calls(make(), tiny).train()
    if on_gpu():  # whose peak is that of the whole process
        calls(make(), data).train()
        held = (data.inputs.nbytes + data.targets.nbytes) / 2**20
        return round((peak_on_gpu() or float("nan")) - held, 1)
    large_product().call()
    before = timing.resident()
    train = calls(make(), data).train
    train()
    return round(timing.peak(lambda: [train() for _ in range(3)]) - before, 1)


def peak_on_gpu() -> float | None:
    """MB that JAX or PyTorch has held at most on a GPU since this process began."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.devices()[0].memory_stats()["peak_bytes_in_use"] / 2**20
    if keras.backend.backend() == "torch":
        import torch

        return torch.cuda.max_memory_allocated() / 2**20
    return None
