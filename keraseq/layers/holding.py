"""Layers that hold others: their configuration says what `quantize` has made of these."""

import keras

from keraseq.keras_inside import layers_inside


class Holding:
    """Mixin of a layer with layers inside; it stands before the Keras class.

    `keras.Model.quantize` reaches every dense layer and embedding of a model, however deep, and
    each says so in its own configuration. Those inside another layer are made anew by their holder,
    which therefore says it for them, by their number in the holder.
    """

    to_quantize = ()  # what the configuration said; done when the layers are built

    def build(self, *shapes, **named_shapes):
        """Quantizes what was quantized when the layer was saved; comes last in a build."""
        super().build(*shapes, **named_shapes)
        held = layers_inside(self, itself=False)
        todo = {number: (mode, config) for number, mode, config in self.to_quantize}
        for number, layer in enumerate(held):
            if number in todo and layer.quantization_mode is None:
                mode, config = todo[number]
                layer.quantize(mode, config=keras.saving.deserialize_keras_object(config))

    def get_config(self):
        """Configuration for serialisation."""
        quantized = [
            (number, layer.quantization_mode, serialized(layer))
            for number, layer in enumerate(layers_inside(self, itself=False))
            if layer.quantization_mode is not None
        ]
        return {**super().get_config(), **({"quantized": quantized} if quantized else {})}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """The layer that `get_config` describes."""
        config = dict(config)
        quantized = config.pop("quantized", ())
        if isinstance(config.get("cell"), dict):
            config["cell"] = keras.saving.deserialize_keras_object(
                config["cell"], custom_objects=custom_objects
            )
        layer = cls(**config)
        layer.to_quantize = tuple(quantized)
        return layer


def serialized(layer):
    """How a layer was quantized, as JSON can hold it; None where it was Keras' usual way."""
    return keras.saving.serialize_keras_object(getattr(layer, "quantization_config", None))
