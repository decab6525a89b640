"""What a search varies: learning rate, scale of the initial weights, clipping norm."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import optuna

# Jozefowicz et al. 2015 varied the first by these factors; their norms, for plain SGD, go to 20.
SCALES = (0.3, 0.7, 1.0, 1.4, 2.0, 2.8)
NORMS = (0.5, 1.0, 2.5, 5.0, 10.0)
BELOW, ABOVE = 0.1, 5.0  # times a task's own learning rate: where the search for a better one ends


@dataclass(frozen=True)
class Space:
    """The settings that are tried, the same for every cell of a task.

    Args:
        rates: Learning rates: two ends of a range, drawn from evenly on a logarithmic scale, or, if
            `listed`, each of them.
        listed: Whether the rates are all there are, with nothing else varied. Defaults to `False`.

    Example:

    >>> from keraseq.experiments.engine.space import Space
    >>> Space((0.001, 0.01), listed=True).settings(2)
    [{'learning_rate': 0.001}, {'learning_rate': 0.01}]
    """

    rates: tuple[float, ...]
    listed: bool = False

    @classmethod
    def around(cls, rate: float) -> "Space":
        """The space around a task's own learning rate."""
        return cls((BELOW * rate, ABOVE * rate))

    def settings(self, count: int, first: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """So many settings: those listed, or `first` and then random ones, always the same."""
        if self.listed:
            return [{"learning_rate": rate} for rate in self.rates][:count]
        drawn = [self.draw(np.random.default_rng([2015, number])) for number in range(count)]
        return [first or drawn[0], *drawn[1:]]

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """A random setting."""
        low, high = np.log(self.rates)
        return {
            "learning_rate": float(np.exp(rng.uniform(low, high))),
            "initial_scale": float(rng.choice(SCALES)),
            "clipnorm": float(rng.choice(NORMS)),
        }

    def suggest(self, trial: "optuna.Trial") -> dict[str, Any]:
        """The setting of a trial: what was fixed for it, or what the sampler thinks."""
        if self.listed:
            return {"learning_rate": trial.suggest_categorical("learning_rate", self.rates)}
        low, high = self.rates
        return {
            "learning_rate": trial.suggest_float("learning_rate", low, high, log=True),
            "initial_scale": trial.suggest_categorical("initial_scale", SCALES),
            "clipnorm": trial.suggest_categorical("clipnorm", NORMS),
        }

    def describe(self) -> dict[str, Any]:
        """The space as plain values, for the settings of a comparison."""
        if self.listed:
            return {"learning_rates": list(self.rates)}
        low, high = self.rates
        return {
            "learning_rates": {"from": low, "to": high},
            "initial_scales": list(SCALES),
            "clipnorms": list(NORMS),
        }
