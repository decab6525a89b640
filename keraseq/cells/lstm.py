"""Long short-term memory and its variants."""

import keras

from keraseq.cells.cell import Cell, normalise
from keraseq.cells.initializers import ChronoInitializer, time_lag
from keraseq.checks import boolean, known_to, number, positive_integer


@keras.saving.register_keras_serializable("keraseq")
class LSTMCell(Cell):
    """Long short-term memory with a forget gate.

        i_t = sigmoid(W_i x_t + U_i h_{t-1} + b_i [+ p_i * c_{t-1}])      input gate
        f_t = sigmoid(W_f x_t + U_f h_{t-1} + b_f [+ p_f * c_{t-1}])      forget gate
        g_t = tanh(W_g x_t + U_g h_{t-1} + b_g)                           candidate
        c_t = f_t * c_{t-1} + i_t * g_t                                   new cell state
        o_t = sigmoid(W_o x_t + U_o h_{t-1} + b_o [+ p_o * c_t])          output gate
        h_t = o_t * tanh(c_t)                                             new hidden state, output

    The terms in brackets are the peepholes of Gers et al. 2002 (`peephole=True`). With
    `coupled=True` i_t = 1 - f_t (CIFG). A removed gate is the constant 1: `input_gate=False`,
    `forget_gate=False`, `output_gate=False` are the LSTM-i, -f and -o of Jozefowicz et al. 2015.
    With `projection` h_t = (o_t * tanh(c_t)) P (Sak et al. 2014). With `layer_norm`
    h_t = o_t * tanh(LN(c_t)) on top of the normalised products (Ba et al. 2016).

    Departs from the paper: the forget gate is that of Gers et al. 2000. Jozefowicz et al. print
    tanh for the input and output gates; they are logistic here, as in every implementation. The
    forget gate's bias starts at 1, as Jozefowicz et al. advise.

    Args:
        units: Size of the cell state, a positive integer.
        forget_bias: Initial value of b_f, any number. Defaults to 1.
        chrono: The longest time lag expected, in steps, at least 3: b_f = log u with u uniform in
            [1, chrono - 1] and b_i = -b_f at the start (Tallec & Ollivier 2018), instead of
            `forget_bias`. Default: none.
        peephole: Whether the gates see the cell state. Defaults to `False`.
        coupled: Whether i_t = 1 - f_t. Defaults to `False`.
        input_gate, forget_gate, output_gate: `False` removes the gate. Default to `True`.
        projection: Size of h_t, if it is to differ from that of the cell state. Default: none.
        activation: In place of tanh. Defaults to `"tanh"`.
        recurrent_activation: In place of the gates' sigmoid. Defaults to `"sigmoid"`.
        **options: Options that every cell takes; see `keraseq.cells.Cell`.

    Call arguments:
        inputs: `(batch, features)`.
        states: Two tensors, `h_{t-1}` `(batch, projection or units)` and `c_{t-1}`
            `(batch, units)`.

    Returns:
        `(h_t, [h_t, c_t])`.

    Raises:
        ValueError: An option is unknown, out of its range, or contradicts another.

    Weights (blocks in the order input, forget, candidate, output; a removed gate has none):
        kernel `(features, 4 * units)`, recurrent_kernel `(h size, 4 * units)`, bias `(4 * units,)`:
        those of `keras.layers.LSTM` fit unchanged. Then peephole_kernel `(3 * units,)` (input,
        forget, output), projection_kernel `(units, projection)`, and with `layer_norm` cell_gain
        and cell_shift `(units,)`.

    Example:

    >>> import keraseq
    >>> layer = keraseq.layers.RNN(keraseq.cells.LSTMCell(16, peephole=True))
    >>> tuple(layer(keras.ops.ones((2, 5, 3))).shape)
    (2, 16)

    References:
        Hochreiter & Schmidhuber 1997, "Long Short-Term Memory", Neural Computation 9.
        Gers, Schmidhuber & Cummins 2000, "Learning to Forget", Neural Computation 12.
        Gers, Schraudolph & Schmidhuber 2002, "Learning Precise Timing with LSTM Recurrent
        Networks", JMLR 3.
        Sak, Senior & Beaufays 2014, "Long Short-Term Memory Recurrent Neural Network Architectures
        for Large Scale Acoustic Modeling", Interspeech.
        Jozefowicz, Zaremba & Sutskever 2015, "An Empirical Exploration of Recurrent Network
        Architectures", ICML.
        Tallec & Ollivier 2018, "Can Recurrent Neural Networks Warp Time?", arXiv:1804.11188.
    """

    state_names = ("hidden", "cell")
    reference = "Hochreiter & Schmidhuber 1997, Long Short-Term Memory"

    def __init__(
        self,
        units,
        *,
        forget_bias: float = 1.0,
        chrono: int | None = None,
        peephole: bool = False,
        coupled: bool = False,
        input_gate: bool = True,
        forget_gate: bool = True,
        output_gate: bool = True,
        projection: int | None = None,
        activation="tanh",
        recurrent_activation="sigmoid",
        **options,
    ):
        self.coupled = boolean("coupled", coupled)
        self.input_gate = boolean("input_gate", input_gate)
        self.forget_gate = boolean("forget_gate", forget_gate)
        self.output_gate = boolean("output_gate", output_gate)
        if coupled and not (input_gate and forget_gate):
            raise ValueError(
                "coupled=True ties the input gate to the forget gate and needs both; received "
                f"input_gate={input_gate}, forget_gate={forget_gate}"
            )
        super().__init__(units, **options)
        self.forget_bias = number("forget_bias", forget_bias)
        self.chrono = time_lag(chrono)
        if self.chrono and not forget_gate:
            raise ValueError("chrono initialises the forget gate, and forget_gate=False removes it")
        self.peephole = boolean("peephole", peephole)
        self.projection = None if projection is None else positive_integer("projection", projection)
        self.activation = known_to(keras.activations, "activation", activation)
        self.recurrent_activation = known_to(
            keras.activations, "recurrent_activation", recurrent_activation
        )

    @property
    def gates(self):
        present = {
            "input": self.input_gate and not self.coupled,
            "forget": self.forget_gate,
            "candidate": True,
            "output": self.output_gate,
        }
        return tuple(gate for gate, there in present.items() if there)

    @property
    def peephole_blocks(self) -> tuple[str, ...]:
        """Blocks of `peephole_kernel`, in weight order."""
        return tuple(gate for gate in self.gates if gate != "candidate") if self.peephole else ()

    @property
    def output_size(self):
        return self.projection or self.units

    def bias_defaults(self):
        if not self.chrono:
            return {"forget": self.forget_bias}
        # The two gates share one draw of time scales.
        scales = ChronoInitializer(self.chrono, seed=self.seed)
        return {"forget": scales, "input": lambda shape, dtype: -scales(shape, dtype)}

    def build_weights(self, features):
        super().build_weights(features)
        if self.peephole_blocks:
            width = len(self.peephole_blocks) * self.units
            self.peephole_kernel = self.vector("peephole_kernel", width, "zeros")
        if self.projection:
            self.projection_kernel = self.add_weight(
                name="projection_kernel",
                shape=(self.units, self.projection),
                initializer="glorot_uniform",
                autocast=False,
            )
        if self.layer_norm:
            self.cell_gain = self.vector("cell_gain", self.units, "ones")
            self.cell_shift = self.vector("cell_shift", self.units, "zeros")

    def step(self, projected, states):
        h, c = states
        i, f, g, o = self.by_gate(self.recurrent(h, *self.gates, add=projected))
        f = self.gate("forget", f, c)
        i = 1 - f if self.coupled else self.gate("input", i, c)
        g = self.activation(g)
        c = f * c + i * g
        o = self.gate("output", o, c)
        h = self.shortened(o * self.activation(self.normalised(c)))
        return h, [h, c]

    def by_gate(self, preactivations):
        """`W x + U h + b` of i, f, g and o; None for a gate that is not there."""
        if len(self.gates) == 1:
            preactivations = [preactivations]
        found = dict(zip(self.gates, preactivations, strict=True))
        return [found.get(gate) for gate in ("input", "forget", "candidate", "output")]

    def gate(self, name, preactivation, c):
        """The value of a gate, which may see the cell state; 1 if it is removed."""
        if preactivation is None:
            return 1.0
        if self.peephole:
            columns = self._columns("peephole_kernel", self.peephole_blocks, (name,))
            preactivation = preactivation + self.peephole_kernel[columns] * c
        return self.recurrent_activation(preactivation)

    def normalised(self, c):
        """LN(c) with its gain and shift; `c` itself without layer normalisation."""
        return normalise(c, self.cell_gain) + self.cell_shift if self.layer_norm else c

    def shortened(self, h):
        """`h P`; `h` itself without a projection."""
        return self._product(h, self.projection_kernel) if self.projection else h

    @classmethod
    def from_config(cls, config):
        """The cell that `get_config` describes; older files also name an option that is gone."""
        config = dict(config)
        if config.pop("normalized_carry", False):
            raise ValueError("normalized_carry=True is no longer an option of LSTMCell")
        return super().from_config(config)
