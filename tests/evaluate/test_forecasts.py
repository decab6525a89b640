"""Metrics of forecasts, by hand and against other programs."""

import numpy as np
import pytest
from sklearn.metrics import mean_pinball_loss

from keraseq import evaluate


def test_smape_by_hand():
    assert evaluate.smape([1.0, -2.0, 0.0, 5.0], [3.0, 2.0, 0.0, 5.0]).tolist() == [100, 200, 0, 0]


def test_pinball_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    truth, found = rng.normal(size=(2, 50))
    for q in (0.1, 0.5, 0.9):
        ours = evaluate.pinball(truth, found, q).mean()
        assert ours == pytest.approx(mean_pinball_loss(truth, found, alpha=q))


def test_the_quantile_itself_costs_least():
    values = np.random.default_rng(1).exponential(size=20_000)
    costs = [evaluate.pinball(values, np.quantile(values, q), 0.8).mean() for q in (0.7, 0.8, 0.9)]
    assert costs[1] < min(costs[0], costs[2])


def test_crps_of_a_normal_distribution():
    """Closed form (Gneiting & Raftery 2007): at y = mean it is sigma (sqrt(2/pi) - 1/sqrt(pi))."""
    from statistics import NormalDist

    normal = NormalDist(3.0, 2.0)
    quantiles = {q: normal.inv_cdf(q) for q in np.linspace(0.002, 0.998, 499)}
    wanted = 2.0 * (np.sqrt(2 / np.pi) - 1 / np.sqrt(np.pi))
    assert evaluate.crps(3.0, quantiles) == pytest.approx(wanted, rel=2e-3)
    few = {q: normal.inv_cdf(q) for q in np.arange(1, 10) / 10}
    assert evaluate.crps(3.0, few) == pytest.approx(wanted, rel=0.1)
    assert evaluate.crps(3.0, dict(reversed(few.items()))) == evaluate.crps(3.0, few)


def test_crps_of_one_number_is_the_absolute_error():
    found = evaluate.crps(np.array([1.0, 5.0]), {0.2: np.array([2.0, 2.0])})
    np.testing.assert_allclose(found, [1.0, 3.0])


@pytest.mark.parametrize("quantile", [-0.1, 1.5, "a"])
def test_no_quantile(quantile):
    with pytest.raises(ValueError, match="quantile must be a number"):
        evaluate.pinball([1.0], [1.0], quantile)
