"""What single units of a language model do along a text, and which of them track something."""

from __future__ import annotations

import numbers
from types import SimpleNamespace
from typing import TYPE_CHECKING

import keras
import numpy as np
from keras import ops, tree

from keraseq.cells import Cell
from keraseq.checks import one_of
from keraseq.layers.stateless import Stateless

if TYPE_CHECKING:
    import pandas as pd

CHUNK = 1024  # tokens read in one call


def unit_activations(
    model: keras.Model, tokens, *, layer: int = -1, state: str = "hidden"
) -> np.ndarray:
    """The state of every unit of a layer after each token of a text.

    The text is read from its start, in one go, however long it is (Karpathy et al. 2015 call a
    state with a meaning an interpretable cell). See `keraseq.inspection.activations` for the gates
    too, on short texts.

    Args:
        model: A language model such as `keraseq.models.language_model`.
        tokens: Token ids `(n,)`, at least one.
        layer: Which recurrent layer, counted from 0 at the bottom, or from -1 at the top. Defaults
            to -1.
        state: `"hidden"`, or another of the cell's states, such as the LSTM's `"cell"`. Defaults to
            `"hidden"`.

    Returns:
        float32 `(n, units)`.

    Raises:
        ValueError: The model is no language model, the layer or the state does not exist, or the
            tokens are none.

    Example:

    >>> model = keraseq.models.language_model(9, cell="lstm", units=[8, 4])
    >>> keraseq.inspection.unit_activations(model, [3, 1, 4, 1, 5], state="cell").shape
    (5, 4)

    References:
        Karpathy, Johnson & Fei-Fei 2015, "Visualizing and Understanding Recurrent Networks",
        arXiv:1506.02078.
    """
    watcher = watcher_of(model)
    place = watcher.place(layer, state)
    tokens = np.asarray(tokens)
    if tokens.ndim != 1 or not tokens.size or tokens.dtype.kind not in "iu":
        raise ValueError(
            "tokens must be integers of shape (n >= 1,); received "
            f"{tokens.dtype} of shape {tokens.shape}"
        )
    if tokens.min() < 0 or tokens.max() >= watcher.stateless.vocabulary:
        raise ValueError(
            f"token ids go from 0 to {watcher.stateless.vocabulary - 1}; received "
            f"{tokens.min() if tokens.min() < 0 else tokens.max()}"
        )
    states = [ops.convert_to_numpy(one) for one in tree.flatten(watcher.stateless.first_states(1))]
    parts = []
    for start in range(0, len(tokens), CHUNK):
        part = np.zeros((1, CHUNK), "int32")
        part[0, : len(tokens) - start] = tokens[start : start + CHUNK]
        seen = watcher.predict_on_batch([part, *states])  # of each state (1, CHUNK, size)
        parts.append(np.asarray(seen[place][0], "float32"))
        states = [one[:, -1] for one in seen]
    return np.concatenate(parts)[: len(tokens)]


def watcher_of(model) -> Watcher:
    """The watcher of a model, compiled once; the model keeps it."""
    if not isinstance(model, keras.Model):
        return Watcher(model)  # says what is wrong
    # In a namespace of its own, where Keras does not look for layers to save.
    kept = vars(model).setdefault("_watched", SimpleNamespace())
    if not vars(kept):
        kept.by = Watcher(model)
    return kept.by


class Watcher(keras.Model):
    """A language model whose output is every state after every step.

    Args:
        model: The language model; weights are shared.

    Call arguments:
        inputs: Tokens `(1, time)`, then the states before the first of them, flat.

    Returns:
        Each state after each step, `(1, time, size)`, flat.
    """

    def __init__(self, model: keras.Model):
        stateless = Stateless(model)  # first: it says what is no model
        super().__init__(name="watcher")
        self.model, self.stateless = model, stateless
        self.cells = [rnn.cell for tower in stateless.towers for rnn in tower.rnns]
        # Keras compiles nothing on TensorFlow without a GPU if it is left to choose.
        self.compile(jit_compile=keras.backend.backend() != "torch")

    def call(self, inputs):
        """Reads step by step."""
        tokens, *states = inputs
        structure = self.stateless.first_states(1)

        def step(states, token):
            nested = tree.pack_sequence_as(structure, states)
            states = tree.flatten(self.stateless.step(token, nested).states)
            return states, states

        _, seen = ops.scan(step, list(states), ops.transpose(tokens))
        return [ops.transpose(one, (1, 0, 2)) for one in seen]

    def place(self, layer, state: str) -> int:
        """Where a state of a layer stands among all states."""
        count = len(self.cells)
        whole = isinstance(layer, numbers.Integral) and not isinstance(layer, bool)
        if not whole or not -count <= layer < count:
            raise ValueError(
                f"layer must be an integer from {-count} to {count - 1}; received layer={layer!r}"
            )
        names = [self.names(cell) for cell in self.cells]
        layer %= count
        before = sum(map(len, names[:layer]))
        return before + names[layer].index(one_of("state", state, names[layer]))

    @staticmethod
    def names(cell) -> list[str]:
        """The names of a cell's states; Keras' cells name none, and have h first."""
        if isinstance(cell, Cell):
            return list(cell.state_names)
        names = ("hidden", "cell", *(f"state {i}" for i in range(3, 99)))
        return list(names[: len(tree.flatten(cell.state_size))])


def find_units(activations: np.ndarray, features: pd.DataFrame, *, search: float = 0.5):
    """Which units track what: every unit's agreement with every feature, best first.

    The text is cut in two. In the first part every unit gets a direction and a rank; the second,
    which had no say in that, tells what the best units are worth. A feature that is true or false
    is judged by the AUC: how probably the unit is higher where it is true than where it is false
    (0.5 is chance). A number is judged by Spearman's rank correlation. Both are turned so that the
    search part gives the unit a positive direction.

    Args:
        activations: `(n, units)`, such as `unit_activations` returns.
        features: A column for each feature, a row for each token, such as `text_features` returns.
        search: The fraction of the text that is searched, in (0, 1). Defaults to 0.5.

    Returns:
        A frame with a row for each unit and feature, sorted within each feature: `feature`, `unit`,
        `measure` (`"AUC"` or `"correlation"`), `direction` (1 or -1), `search` and `held_out`, the
        measure in both parts. A feature that does not vary in one of them is left out.

    Raises:
        ValueError: The lengths differ, or nothing is left of a part.

    Example:

    >>> import numpy as np, pandas as pd
    >>> quotes = np.tile([False, False, True, True, True], 20)
    >>> units = np.stack([np.sin(np.arange(100)), 0.3 - quotes], axis=1)
    >>> found = keraseq.inspection.find_units(units, pd.DataFrame({"in quotes": quotes}))
    >>> list(found["unit"]), list(found["direction"]), float(found["held_out"][0])
    ([1, 0], [-1, 1], 1.0)
    """
    import pandas as pd

    activations = np.asarray(activations)
    if activations.ndim != 2 or len(activations) != len(features):
        raise ValueError(
            f"activations must be (n, units) with n={len(features)}, the rows of features; "
            f"received shape {activations.shape}"
        )
    cut = round(len(features) * search)
    if not 0 < cut < len(features):
        raise ValueError(
            f"search={search!r} of {len(features)} tokens leaves a part empty; accepted: a "
            "fraction in (0, 1)"
        )
    ranked = [ranks(activations[:cut]), ranks(activations[cut:])]
    rows = []
    for name, column in features.items():
        parts = [column.to_numpy()[:cut], column.to_numpy()[cut:]]
        if any(len(np.unique(part)) < 2 for part in parts):
            continue
        truth = column.dtype == bool
        judge, chance = (auc, 0.5) if truth else (correlation, 0.0)
        here, there = (judge(x, part) for x, part in zip(ranked, parts, strict=True))
        direction = np.where(here >= chance, 1, -1)
        frame = pd.DataFrame(
            {
                "feature": name,
                "unit": np.arange(activations.shape[1]),
                "measure": "AUC" if truth else "correlation",
                "direction": direction,
                "search": chance + direction * (here - chance),
                "held_out": chance + direction * (there - chance),
            }
        )
        rows.append(frame.sort_values("search", ascending=False, kind="stable"))
    columns = ["feature", "unit", "measure", "direction", "search", "held_out"]
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=columns)


def ranks(values: np.ndarray) -> np.ndarray:
    """The rank of each value in its column, from 1; equal values share the mean of theirs."""
    from scipy.stats import rankdata

    return rankdata(values, axis=0)


def auc(ranked: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """How probably a value where `truth` holds is above one where it does not, a column each.

    Hanley & McNeil 1982: the Mann-Whitney statistic over the number of pairs.
    """
    true, false = truth.sum(), (~truth).sum()
    return (ranked[truth].sum(axis=0) - true * (true + 1) / 2) / (true * false)


def correlation(ranked: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation of each column with some values; 0 for a constant column."""
    x = ranked - ranked.mean(axis=0)
    y = ranks(values) - (len(values) + 1) / 2
    spread = np.sqrt((x**2).sum(axis=0) * (y**2).sum())
    return np.divide(y @ x, spread, out=np.zeros(x.shape[1]), where=spread > 0)
