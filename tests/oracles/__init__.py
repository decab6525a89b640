"""NumPy float64 oracles, one function a cell, written from the papers.

They import neither keras nor keraseq.

    output, states = ORACLES["MGUCell"](weights, x, states, use_bias=True)

`weights` is a dict of the cell's arrays by name, `x` is `(batch, features)`, `states` a list of
`(batch, size)`; the keyword options are those of the cell's constructor that change the equation.
"""

from oracles.elman import elman
from oracles.gru import gru
from oracles.indrnn import indrnn
from oracles.janet import janet
from oracles.ligru import ligru
from oracles.lru import lru, lru_output
from oracles.lstm import lstm
from oracles.mgu import mgu
from oracles.min_gru import min_gru, min_lstm
from oracles.minimal_rnn import minimal_rnn
from oracles.mut import mut1, mut2, mut3
from oracles.rhn import rhn
from oracles.slstm import at_one_scale, slstm
from oracles.ugrnn import ugrnn

ORACLES = {
    "ElmanCell": elman,
    "GRUCell": gru,
    "IndRNNCell": indrnn,
    "JANETCell": janet,
    "LRUCell": lru,
    "LSTMCell": lstm,
    "LiGRUCell": ligru,
    "MGUCell": mgu,
    "MUT1Cell": mut1,
    "MUT2Cell": mut2,
    "MUT3Cell": mut3,
    "MinGRUCell": min_gru,
    "MinLSTMCell": min_lstm,
    "MinimalRNNCell": minimal_rnn,
    "RHNCell": rhn,
    "SLSTMCell": slstm,
    "UGRNNCell": ugrnn,
}
OUTPUTS = {"LRUCell": lru_output}  # (weights, x, states) -> output, where it is no state
SCALES = {"SLSTMCell": at_one_scale}  # (old, new) -> the same, comparable number by number
