"""What keraseq uses of Keras and TensorFlow that they do not export does what keraseq needs."""

import contextlib
import logging

import keras
import numpy as np
import pytest

from keraseq import cells, keras_inside, layers


def test_layers_however_deep():
    tower = layers.Stack("gru", 2, layers=2, bidirectional=True, name="tower")
    found = keras_inside.layers_inside(tower)
    assert found[0] is tower
    assert sum(isinstance(one, cells.GRUCell) for one in found) == 4
    assert tower not in keras_inside.layers_inside(tower, itself=False)
    uppermost = keras_inside.layers_inside(tower, itself=False, deep=False)
    assert set(map(id, tower.rnns)) <= set(map(id, uppermost))
    assert not any(isinstance(one, cells.GRUCell) for one in uppermost)


def test_the_graph_of_a_model_and_its_run_with_other_layers():
    double, less = keras.layers.Rescaling(2.0), keras.layers.Rescaling(1.0, offset=-1.0)
    inputs = keras.Input((1,))
    model = keras.Model(inputs, less(double(double(inputs))))
    assert keras_inside.operations(model)[1:] == [double, double, less]  # after the input
    assert [read for _, read in keras_inside.calls(model)][1] == [inputs]
    assert keras_inside.made_by(model.output) is less
    assert keras_inside.made_by(keras_inside.read_by(less)) is double
    five = keras.ops.full((1, 1), 5.0)
    assert float(keras_inside.run_graph(model, [five], lambda layer: layer)[0, 0]) == 19
    nodes = len(less._inbound_nodes)
    found = keras_inside.run_graph(
        model, [five], lambda layer: (lambda x: x + 1) if layer is double else layer
    )
    assert float(found[0, 0]) == 6
    assert len(less._inbound_nodes) == nodes
    alike = keras.Sequential([keras.Input((1,)), double, less])
    assert keras_inside.operations(keras_inside.graph_of(alike))[1:] == [double, less]
    assert keras_inside.graph_of(double) is None


def test_the_scope_that_records_updates():
    assert not keras_inside.in_stateless_scope()
    assert keras_inside.get_stateless_scope() is None
    with keras.StatelessScope() as scope:
        assert keras_inside.in_stateless_scope()
        assert keras_inside.get_stateless_scope() is scope


def test_keras_prepares_dropout_masks_for_this_class_alone():
    for cell in (cells.GRUCell(2, dropout=0.5), keras.layers.GRUCell(2, dropout=0.5)):
        assert isinstance(cell, keras_inside.DropoutRNNCell)
        keras.layers.RNN(cell)(np.ones((2, 3, 2), "float32"), training=True)
        assert cell._dropout_mask is None  # reset after the loop


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's tape")
def test_the_record_of_a_tape():
    import tensorflow as tf

    record, x = keras_inside.tape_record(), tf.constant(3.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        with record.stop_recording():
            y = x * x
        record.record_operation("mine", [y], [x], lambda d: [7 * d])
    assert float(tape.gradient(y, x)) == 7


def test_what_lives_for_a_moment_is_taken_for_nothing_else():
    """Keras knows things by `id` while it saves or loads a model, and an `id` is given again."""
    from keras.src.saving.serialization_lib import ObjectSharingScope

    cell = cells.GRUCell(2)
    with ObjectSharingScope():
        keras.saving.serialize_keras_object(cell)  # as one that is gone had the same id
        assert "shared_object_id" in keras.saving.serialize_keras_object(cell)
        assert "shared_object_id" not in keras_inside.serialized(cell)
        layer = layers.RNN(cell)
        keras.saving.serialize_keras_object(layer)
        with pytest.raises(ValueError, match="go_backwards"):  # or the weights of another
            keras.layers.Bidirectional(layer)
        both = layers.Bidirectional(layer)
        assert both.forward_layer is not both.backward_layer
        assert "shared_object_id" in keras.saving.serialize_keras_object(layer)  # as before


def test_a_stateful_layer_knows_its_batch_and_a_layer_its_argument():
    layer = layers.RNN(cells.GRUCell(2), stateful=True)
    layer.build((4, 3, 2))
    assert keras_inside.expected_batch(layer) == 4
    assert keras_inside.expected_batch(layers.RNN(cells.GRUCell(2))) is None
    assert keras_inside.takes_training(keras.layers.GRUCell(2))
    assert not keras_inside.takes_training(keras.layers.Flatten())


def test_a_cell_of_keras_uses_the_masks_that_it_is_given():
    cell = keras.layers.GRUCell(2, dropout=0.5)
    cell.build((1, 3))
    keras_inside.give_masks(cell, np.zeros((1, 3), "float32"), None)
    x, states = np.ones((1, 3), "float32"), [np.zeros((1, 2), "float32")]
    found, wanted = (cell(one, states, training=True)[0] for one in (x, 0 * x))
    np.testing.assert_allclose(*map(keras.ops.convert_to_numpy, (found, wanted)))


def test_what_is_not_said_of_tracing(caplog):
    logger = logging.getLogger("tensorflow")
    logger.propagate, before = True, logger.propagate
    try:
        for quiet in (contextlib.nullcontext, keras_inside.without_advice_on_tracing):
            with quiet():
                logger.warning("5 out of the last 5 calls triggered tf.function retracing. So")
                logger.warning("something else")
    finally:
        logger.propagate = before
    said = [record.getMessage() for record in caplog.records]
    assert [one[:9] for one in said] == ["5 out of ", "something", "something"]


def test_a_fit_begins_where_it_is_told_and_a_schedule_is_found():
    rate = keras.optimizers.schedules.CosineDecay(0.5, 10)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(rate), "mse")
    assert keras_inside.rate_of(model.optimizer) is rate
    begin = keras.callbacks.LambdaCallback(
        on_train_begin=lambda logs: keras_inside.begin_at(model, 3)
    )
    x = np.ones((4, 1), "float32")
    history = model.fit(x, x, epochs=5, callbacks=[begin], verbose=0)
    assert history.epoch == [3, 4]
