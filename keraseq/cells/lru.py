"""Linear recurrent unit."""

import math

import keras
from keras import ops

from keraseq.cells.cell import normalise
from keraseq.cells.initializers import draw_blocks
from keraseq.cells.linear import LinearCell
from keraseq.checks import number

LEAST = 1e-7  # of a squared radius, and of its distance from 1: their logarithms are weights


@keras.saving.register_keras_serializable("keraseq")
class LRUCell(LinearCell):
    """Linear recurrent unit: a complex diagonal recurrence, read by a matrix.

        lambda = exp(-exp(nu) + j exp(theta))                     one complex number a unit
        u_t = exp(gamma) * (B_r x_t)
        v_t = exp(gamma) * (B_i x_t)
        r_t = Re(lambda) * r_{t-1} - Im(lambda) * i_{t-1} + u_t   real part of the new state
        i_t = Re(lambda) * i_{t-1} + Im(lambda) * r_{t-1} + v_t   imaginary part of the new state
        h_t = r_t + j i_t                                         new state
        y_t = C_r r_t - C_i i_t + D x_t + b                       output, Re(C h_t) + D x_t + b

    |lambda| < 1 whatever the weights are. At the start lambda is drawn uniformly from a ring in the
    complex plane, and gamma = log sqrt(1 - |lambda|^2) keeps the state's size the same whatever the
    radius. All steps can be computed at once: see `keraseq.cells.LinearCell`. There is no
    nonlinearity in it: the paper puts one behind every such layer.

    Departs from the paper: D is a matrix, since the output need not be as wide as the input (the
    paper's listing, where it is, has a vector), and starts like C; there is a bias b, which starts
    at 0 (`use_bias=False` is the paper's).

    Under a mask run it in `keraseq.layers.RNN`: on JAX `keras.layers.RNN` takes the first state for
    the last output there.

    Args:
        units: Number of complex states, and size of the output, a positive integer.
        r_min, r_max: Radii of the ring, 0 <= r_min < r_max <= 1; close to 1 for long sequences (the
            paper takes up to 0.9 and 0.999). Default to 0 and 1.
        max_phase: Largest angle of lambda in the ring, in radians, in (0, 2 pi]; smaller for long
            sequences (the paper takes pi / 10). Defaults to 2 pi.
        **options: Options that every cell takes; see `keraseq.cells.Cell`. Those called `recurrent`
            are of C; `recurrent_dropout` drops u_t and v_t. `kernel_initializer` and
            `recurrent_initializer` default to the paper's normal distributions.

    Call arguments:
        inputs: `(batch, features)`.
        states: Two tensors, `r_{t-1}` and `i_{t-1}`, `(batch, units)`.

    Returns:
        `(y_t, [r_t, i_t])`, each `(batch, units)`.

    Raises:
        ValueError: An option is unknown or out of its range.

    Weights (gates real, imaginary, skip):
        kernel `(features, 3 * units)` (B_r, B_i, D), bias `(units,)`, nu, theta, gamma `(units,)`,
        output_kernel `(2 * units, units)` (C_r above -C_i); with `layer_norm` also output_gain.

    Example:

    >>> import keraseq
    >>> layer = keraseq.layers.RNN(keraseq.cells.LRUCell(16, r_min=0.9, r_max=0.999))
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape)
    (2, 16)

    References:
        Orvieto, Smith, Gu, Fernando, Gulcehre, Pascanu & De 2023, "Resurrecting Recurrent Neural
        Networks for Long Sequences", arXiv:2303.06349.
    """

    gates = ("real", "imaginary", "skip")
    state_names = ("real", "imaginary")
    zoned_with = (0, 0)
    reference = "Orvieto et al. 2023, Resurrecting Recurrent Neural Networks for Long Sequences"

    def __init__(
        self,
        units,
        *,
        r_min: float = 0.0,
        r_max: float = 1.0,
        max_phase: float = 2 * math.pi,
        kernel_initializer=None,
        recurrent_initializer=None,
        **options,
    ):
        if kernel_initializer is None:  # the variance of a complex number is that of both parts
            kernel_initializer = {"real": normal(0.5), "imaginary": normal(0.5), "skip": normal(1)}
        if recurrent_initializer is None:  # one fan for both parts of C, whose entries are complex
            recurrent_initializer = normal(2)
        super().__init__(
            units,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            **options,
        )
        self.r_min, self.r_max = number("r_min", r_min), number("r_max", r_max)
        if not 0 <= r_min < r_max <= 1:
            raise ValueError(
                f"the ring needs 0 <= r_min < r_max <= 1; received r_min={r_min}, r_max={r_max}"
            )
        self.max_phase = number("max_phase", max_phase)
        if not 0 < max_phase <= 2 * math.pi:
            raise ValueError(f"max_phase must be in (0, 2 pi]; received max_phase={max_phase}")

    @property
    def bias_blocks(self):
        return ("skip",) if self.use_bias else ()

    def build_weights(self, features):
        super().build_weights(features)
        squared = (max(self.r_min**2, LEAST), min(self.r_max**2, 1 - LEAST))
        radius = keras.initializers.RandomUniform(*squared, seed=self.seed)  # the same every time
        angle = keras.initializers.RandomUniform(LEAST, self.max_phase, seed=radius.seed + 1)
        initial = {
            "nu": lambda *of: ops.log(-0.5 * ops.log(radius(*of))),
            "theta": lambda *of: ops.log(angle(*of)),
            "gamma": lambda *of: 0.5 * ops.log(1 - radius(*of)),
        }
        for name, draw in initial.items():
            one = self.vector(name, self.units, lambda shape, dtype, draw=draw: draw(shape, dtype))
            setattr(self, name, one)
        self.output_kernel = self.weight(
            "output_kernel",
            "recurrent",
            (2 * self.units, self.units),
            lambda shape, dtype: draw_blocks(
                self.recurrent_initializer, {}, normal(2), ("skip",), shape, dtype
            ),
        )
        if self.layer_norm:
            self.output_gain = self.vector("output_gain", self.units, "ones")

    def project(self, inputs):
        B_r, B_i, D = ops.split(self.input_product(inputs), 3, axis=-1)
        [b] = self.biases("skip")
        return ops.concatenate([B_r, B_i, D + b], axis=-1)

    def step(self, projected, states):
        r, i = states
        (lambda_r, lambda_i), (u, v) = self.coefficients(projected)
        r, i = lambda_r * r - lambda_i * i + u, lambda_r * i + lambda_i * r + v
        return self.emit([r, i], projected), [r, i]

    def coefficients(self, projected):
        B_r, B_i, _ = ops.split(projected, 3, axis=-1)
        radius, angle = ops.exp(-ops.exp(self.nu)), ops.exp(self.theta)
        scale = ops.exp(self.gamma)
        return (
            (radius * ops.cos(angle), radius * ops.sin(angle)),
            (self.masked(scale * B_r), self.masked(scale * B_i)),
        )

    def emit(self, states, projected):
        """y from the new states and D x + b."""
        C = self._product(ops.concatenate(states, axis=-1), self.output_kernel)
        if self.layer_norm:
            C = normalise(C, self.output_gain)
        return C + ops.split(projected, 3, axis=-1)[2]


def normal(scale: float):
    """Numbers of variance `scale / rows`."""
    return keras.initializers.VarianceScaling(scale, "fan_in", "untruncated_normal")
