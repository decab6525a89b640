"""A conditional random field: what labels stand beside each other, and the best of all paths."""

from collections.abc import Sequence

import keras
from keras import ops

from keraseq.layers.rnn import valid_steps
from keraseq.losses import LOW, CRFNegativeLogLikelihood, summed


@keras.saving.register_keras_serializable("keraseq")
class CRF(keras.layers.Layer):
    """Linear-chain conditional random field on logits: `(batch, time, tags)` -> its potentials.

        P_1[i, j] = x_1[j] + s[j]                     s: start, e: end, T: transitions
        P_t[i, j] = x_t[j] + T[i, j]                  t > 1
        P_n[i, j] = ... + e[j]                        at the last step too
        p(y | x) = exp(sum_t P_t[y_{t-1}, y_t]) / Z   Z: the same, summed over all labels

    The potentials hold all that loss and decoding need, so that the model is an ordinary one for
    `compile`, `fit` and `save`: `keraseq.losses.CRFNegativeLogLikelihood` (its `loss()`) learns
    from them, `keraseq.layers.viterbi` and `keraseq.layers.marginals` decode them. They take
    `tags^2` numbers a step: meant for at most some 40 tags. They are float32 whatever the policy.

    Args:
        forbidden: Pairs `(before, tag)` that never follow each other; -1 stands for the start.
            Default: none.
        **kwargs: `name` of `keras.layers.Layer`.

    Call arguments:
        inputs: Logits, `(batch, time, tags)`.
        mask: `(batch, time)`, `True` where a step is valid; steps may be missing before and after
            the sentence, not within. A row may have no valid step.

    Returns:
        `(batch, time, tags, tags)`, tag before and tag; with the mask.

    Raises:
        ValueError: `forbidden` names tags that there are not.

    Weights:
        `transitions (tags, tags)`, `start (tags,)`, `end (tags,)`.

    Example:

    >>> layer = keraseq.layers.CRF(forbidden=[(-1, 1)])
    >>> potentials = layer(keras.ops.array([[[0.0, 9.0], [0.0, 1.0]]]))
    >>> keras.ops.convert_to_numpy(keraseq.layers.viterbi(potentials)).tolist()
    [[0, 1]]

    References:
        Lafferty, McCallum & Pereira 2001, "Conditional Random Fields"; Lample et al. 2016, "Neural
        Architectures for Named Entity Recognition" (above a recurrent network).
    """

    def __init__(self, forbidden: Sequence[tuple[int, int]] = (), **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.forbidden = [[int(before), int(tag)] for before, tag in forbidden]
        self.supports_masking = True

    def build(self, input_shape):
        """Makes transitions, start and end, and looks at what is forbidden."""
        tags = input_shape[-1]
        for before, tag in self.forbidden:
            if not (-1 <= before < tags and 0 <= tag < tags):
                raise ValueError(
                    f"forbidden must be pairs of tags from 0 to {tags - 1}, -1 before the first; "
                    f"received {(before, tag)}"
                )
        self.transitions = self.add_weight((tags, tags), name="transitions", initializer="zeros")
        self.start = self.add_weight((tags,), name="start", initializer="zeros")
        self.end = self.add_weight((tags,), name="end", initializer="zeros")

    def scores(self):
        """Transitions `(tags, tags)` and start `(tags,)`, very low where they are forbidden."""
        tags = self.start.shape[0]
        never = [[0.0] * tags for _ in range(tags + 1)]
        for before, tag in self.forbidden:
            never[before][tag] = -LOW  # that of the start is the last row
        return self.transitions + ops.array(never[:-1]), self.start + ops.array(never[-1])

    def call(self, inputs, mask=None):
        """The potentials."""
        x = ops.cast(inputs, "float32")
        mask = valid_steps(mask)
        if mask is None:
            mask = ops.ones(ops.shape(x)[:2], "bool")
        nothing = ops.zeros_like(mask[:, :1])
        first = ops.logical_not(ops.concatenate([nothing, mask[:, :-1]], axis=1))
        first = ops.expand_dims(first, (-2, -1))
        last = ops.expand_dims(ops.logical_not(ops.concatenate([mask[:, 1:], nothing], axis=1)), -1)
        transitions, start = self.scores()
        x = x + ops.where(last, ops.convert_to_tensor(self.end), 0.0)
        valid = ops.expand_dims(x, -2) + ops.where(first, start, transitions)
        stay = (1.0 - ops.eye(x.shape[-1])) * -LOW  # where nothing is, all stays as it was
        return ops.where(ops.expand_dims(mask, (-2, -1)), valid, stay)

    def loss(self) -> keras.losses.Loss:
        """The loss that belongs to it."""
        return CRFNegativeLogLikelihood()

    def compute_mask(self, inputs, mask=None):
        """That of the input."""
        return mask

    def compute_output_shape(self, input_shape):
        """The input's shape and one axis more."""
        return (*input_shape, input_shape[-1])

    def get_config(self):
        """Configuration for serialisation."""
        return {**super().get_config(), "forbidden": self.forbidden}


def viterbi(potentials):
    """The best labels of potentials: `(batch, time, tags, tags)` -> `(batch, time)`, integers.

    Steps that are masked repeat the label beside them.

    Example:

    >>> potentials = keras.ops.array([[[[0.0, 1.0]] * 2, [[0.0, 0.0], [0.0, -2.0]]]])
    >>> keras.ops.convert_to_numpy(keraseq.layers.viterbi(potentials)).tolist()
    [[1, 0]]
    """
    potentials = ops.convert_to_tensor(potentials)
    best = summed(potentials, ops.max)
    end = ops.cast(ops.argmax(best[:, -1], axis=-1), "int32")
    # Which tag stood before each: that of the best path to there.
    came = ops.argmax(best[:, :-1, :, None] + potentials[:, 1:], axis=2)
    came = ops.moveaxis(ops.cast(came, "int32"), 1, 0)

    def step(tag, came):
        before = ops.take_along_axis(came, tag[:, None], axis=1)[:, 0]
        return before, before

    if potentials.shape[1] == 1:
        return end[:, None]
    _, path = ops.scan(step, end, came, reverse=True)
    return ops.concatenate([ops.moveaxis(path, 0, 1), end[:, None]], axis=1)


def marginals(potentials):
    """How likely each label is at each step, `(batch, time, tags)`, by forward and backward sums.

    Example:

    >>> potentials = keras.ops.zeros((1, 3, 4, 4))
    >>> float(keraseq.layers.marginals(potentials)[0, 1, 2])
    0.25
    """
    potentials = ops.convert_to_tensor(potentials)
    return ops.softmax(summed(potentials) + summed(potentials, reverse=True), axis=-1)
