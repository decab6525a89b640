"""What test_devices.py runs in processes of its own: models on one device and on several.

python on_devices.py several|workers       prints JSON: a row a way to run
"""

import contextlib
import json
import os
import sys

DEVICES, BATCH = 2, 8
WAYS = [  # loop and cell; the whole is a builder's model, bidirectional and masked
    ("plain", "gru"),
    ("deferred", "gru"),
    ("compiled", "gru"),
    ("fused", "lstm"),
    ("parallel", "min-gru"),
    ("auto", "whole"),
]


def prepare():
    """The CPU counts as several devices."""
    if os.environ["KERAS_BACKEND"] == "jax":
        flags = f"--xla_force_host_platform_device_count={DEVICES}"
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flags}"
        return
    import tensorflow as tf

    [cpu] = tf.config.list_physical_devices("CPU")
    parts = [tf.config.LogicalDeviceConfiguration()] * DEVICES
    tf.config.set_logical_device_configuration(cpu, parts)


def made(loop, cell, batch_size=None):
    """A model, and two batches of inputs and targets."""
    import keras
    import numpy as np

    import keraseq

    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(0)
    y = rng.normal(size=(2 * BATCH, 2)).astype("float32")
    if cell == "whole":
        x = rng.integers(0, 6, (2 * BATCH, 5))  # 0 is masked
        options = {"rnn_options": {"loop": loop}, "bidirectional": True, "cell": "mut1"}
        sizes = {"vocabulary": 6, "embedding": 3, "units": 4, "length": 5}
        return keraseq.models.sequence_classifier(2, **sizes, **options), x, y
    x = rng.normal(size=(2 * BATCH, 5, 3)).astype("float32")
    inputs = keras.Input((5, 3), batch_size=batch_size)
    stateful = batch_size is not None
    rnn = keraseq.layers.RNN(keraseq.cells.get(cell, 4), loop=loop, stateful=stateful)
    return keras.Model(inputs, keras.layers.Dense(2)(rnn(inputs))), x, y


def trained(loop, cell, batch_size=None):
    """Losses of two epochs of two steps, weights then; with states the answers around a reset."""
    import keras

    import keraseq

    model, x, y = made(loop, cell, batch_size)
    model.compile(keras.optimizers.SGD(0.3), "mse")
    losses = model.fit(x, y, batch_size=BATCH, epochs=2, shuffle=False, verbose=0).history["loss"]
    found = {"losses": losses, "weights": weights(model)}
    if batch_size is not None:
        said = [model.predict(x, batch_size=BATCH, verbose=0).tolist()]
        keraseq.layers.reset_states(model)
        said.append(model.predict(x, batch_size=BATCH, verbose=0).tolist())
        found["said"] = said
    return found


def weights(model):
    """All numbers of a model."""
    return [number for one in model.get_weights() for number in one.ravel().tolist()]


def trained_by_hand(strategy, loop, cell, batch_size=None):
    """The same steps without `fit`, which Keras 3.15 has not for several processes."""
    import keras
    import tensorflow as tf

    with strategy.scope():
        model, x, y = made(loop, cell, batch_size)
        optimizer = keras.optimizers.SGD(0.3)
        optimizer.build(model.trainable_variables)

    def share(x, y):
        with tf.GradientTape() as tape:
            loss = keras.losses.MeanSquaredError()(y, model(x, training=True))  # a share of it
        found = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(found, model.trainable_variables)
        return loss

    @tf.function
    def step(batch):
        return strategy.reduce("SUM", strategy.run(share, batch), axis=None)

    batches = tf.data.Dataset.from_tensor_slices((x, y)).batch(BATCH, drop_remainder=True)
    batches = strategy.experimental_distribute_dataset(batches)
    losses = [sum(float(step(batch)) for batch in batches) / 2 for _ in range(2)]
    return {"losses": losses, "weights": weights(model)}


def refused(function, *given, **options):
    """What an error says."""
    try:
        function(*given, **options)
    except ValueError as error:
        return str(error)
    return "nothing was refused"


def several():
    """Every way on several devices beside the plain loop on one, and what is refused."""
    import keras
    import numpy as np

    import keraseq

    alone = {cell: trained("plain", cell) for cell in dict(map(reversed, WAYS))}
    alone["stateful"] = trained("plain", "gru", BATCH)
    shares = DEVICES if keras.backend.backend() == "tensorflow" else 1
    together, errors = {}, {}
    with keraseq.train.devices(DEVICES):
        for loop, cell in WAYS:
            together[loop] = trained(loop, cell)
        together["stateful"] = trained("auto", "gru", BATCH // shares)
        options = {"features": 3, "units": 4, "length": 5}
        model = keraseq.models.sequence_classifier(2, **options)
        model.compile("sgd", "mse")
        x, y = np.ones((14, 5, 3), "float32"), np.ones((14, 2), "float32")
        errors["size"] = refused(model.fit, x, y, batch_size=7)
        errors["rows"] = refused(model.fit, x[:13], y[:13], batch_size=4)
        if shares > 1:
            options = {"vocabulary": 4, "units": 4, "batch_size": BATCH, "stateful": True}
            model = keraseq.models.language_model(**options)
            errors["stateful"] = refused(model.predict, np.ones((8, 5), "int32"), batch_size=BATCH)
    with contextlib.ExitStack() as stack:
        errors["count"] = refused(stack.enter_context, keraseq.train.devices(DEVICES + 1))
    return {"alone": alone, "together": together, "errors": errors}


def workers():
    """Every way in one of several processes."""
    import tensorflow as tf

    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    found = {loop: trained_by_hand(strategy, loop, cell) for loop, cell in WAYS}
    found["stateful"] = trained_by_hand(strategy, "auto", "gru", BATCH // DEVICES)
    return found


if __name__ == "__main__":
    if sys.argv[1] == "several":
        prepare()
        print(json.dumps(several()))
    else:
        print(json.dumps(workers()))
