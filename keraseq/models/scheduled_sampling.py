"""Scheduled sampling: a model that in training reads what it would have written."""

import keras
from keras import ops

from keraseq.keras_inside import layers_inside
from keraseq.models.sequence_model import SequenceModel


@keras.saving.register_keras_serializable("keraseq")
class ScheduledSampling(SequenceModel):
    """A language model or decoder that trains on its own words now and then, not the true ones.

        w_t = drawn from the model's prediction at step t - 1       a first pass, without gradient
        x_t = w_t with probability `sampling_rate`, else the text   t = 2 ... T
        the logits are those of x, the targets stay the text's      a second pass

    In training only; a rate of 0 is teacher forcing. Raise the rate as training goes on
    (`keraseq.train.SamplingSchedule`). The first token of a window is always the text's; in the
    `target` of a decoder so is padding (0), which is never drawn.

    Departs from the paper: the words are drawn in a first pass that reads the text alone, for all
    steps at once (as in Mihaylova & Martins 2019), while Bengio et al. draw step by step from a
    model that has read its own words already. So the loop over time stays as fast as it is; a
    training step costs one more pass forward.

    Args:
        inputs, outputs, name: As for a functional `keras.Model`: `tokens`, and possibly `fresh`, or
            `target` and its context; logits.

    Example:

    >>> import keraseq
    >>> model = keraseq.models.language_model(9, units=4, scheduled_sampling=True)
    >>> rate = model.sampling_rate.assign(0.25)
    >>> tuple(model(keras.ops.ones((2, 5), "int32"), training=True).shape)
    (2, 5, 9)

    References:
        Bengio et al. 2015, "Scheduled Sampling for Sequence Prediction with Recurrent Neural
        Networks", arXiv:1506.03099.
        Mihaylova & Martins 2019, "Scheduled Sampling for Transformers", arXiv:1906.07651.
    """

    def __init__(self, inputs, outputs, name=None, **kwargs):
        super().__init__(inputs, outputs, name=name, **kwargs)
        self.sampling_rate = keras.Variable(0.0, trainable=False, name="sampling_rate")
        self.seeds = keras.random.SeedGenerator()

    def call(self, inputs, training=None, mask=None):
        """The logits; in training those of a text with words of the model's own."""
        if training:
            inputs = self._with_own_words(inputs)
        return super().call(inputs, training=training, mask=mask)

    def _with_own_words(self, inputs):
        states = [state for rnn in self._stateful_layers() for state in rnn.states]
        before = [ops.copy(state.value) for state in states]
        logits = ops.stop_gradient(super().call(inputs, training=False))
        for state, value in zip(states, before, strict=True):
            state.assign(value)
        written = "target" if isinstance(inputs, dict) and "target" in inputs else "tokens"
        tokens = ops.cast(inputs[written] if isinstance(inputs, dict) else inputs, "int32")
        batch, steps, vocabulary = ops.shape(logits)
        drawn = keras.random.categorical(
            ops.reshape(logits, (-1, vocabulary)), 1, dtype="int32", seed=self.seeds
        )
        drawn = ops.reshape(drawn, (batch, steps))
        own = ops.concatenate([tokens[:, :1], drawn[:, :-1]], axis=1)
        sampled = keras.random.uniform((batch, steps), seed=self.seeds) < self.sampling_rate
        if written == "target":
            sampled = sampled & (tokens != 0) & (own != 0)
        tokens = ops.where(sampled, own, tokens)
        return {**inputs, written: tokens} if isinstance(inputs, dict) else tokens

    def _stateful_layers(self):
        layers = layers_inside(self)
        return [one for one in layers if isinstance(one, keras.layers.RNN) and one.stateful]
