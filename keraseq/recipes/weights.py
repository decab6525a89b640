"""Weights of a model in another one that is made of the same layers, and perhaps of more."""

import keras


def copy_weights(trained: keras.Model, other: keras.Model) -> None:
    """Gives the layers of another model the weights of those of the same name in the first."""
    for layer in trained.layers:
        if layer.weights:
            other.get_layer(layer.name).set_weights(layer.get_weights())
