import os
from math import log

import numpy as np
import pytest

from keraseq import data, evaluate


def test_likelihood_survives_large_logits():
    logits = np.array([[1e4, 0.0, 0.0], [0.0, 0.0, 0.0]])
    nats = evaluate.negative_log_likelihood(logits, [0, 2])
    np.testing.assert_allclose(nats, [0, log(3)], atol=1e-12)
    assert evaluate.bits(np.full(5, log(4))) == pytest.approx(2)


def test_accuracy():
    assert evaluate.accuracy([[0, 1], [1, 0], [0, 1], [0, 1]], [1, 0, 0, 1]) == 0.75


def test_mase_of_the_seasonal_naive_forecast_on_its_own_training_part_is_one():
    train = np.random.default_rng(0).normal(size=200).cumsum()
    scale = evaluate.seasonal_scale(train, 7)
    assert evaluate.mase(train[7:], train[:-7], scale) == pytest.approx(1)


def test_scales_that_do_not_exist():
    with pytest.raises(ValueError, match="season=52 needs more than 52 rows; received 52"):
        evaluate.seasonal_scale(np.arange(52), 52)
    with pytest.raises(ValueError, match="every season=2 rows repeat exactly"):
        evaluate.seasonal_scale([1, 2, 1, 2, 1], 2)


def test_majority_class_and_logistic_regression():
    assert evaluate.majority_class([2, 1, 2], [2, 2, 1, 0]) == 0.5
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 200)
    inputs = rng.normal(size=(200, 3, 2)) + 3 * labels[:, None, None]
    score = evaluate.logistic_regression(inputs[:100], labels[:100], inputs[100:], labels[100:])
    assert score > 0.95


def witten_bell(tokens, history, token, order, vocabulary):
    """The definition, by counting in a loop."""
    lower = (
        1 / vocabulary if order == 1 else witten_bell(tokens, history, token, order - 1, vocabulary)
    )
    h = tuple(history[len(history) - order + 1 :]) if order > 1 else ()
    follow = [
        tokens[i + order - 1]
        for i in range(len(tokens) - order + 1)
        if tuple(tokens[i : i + order - 1]) == h
    ]
    if not follow:
        return lower
    kinds = len(set(follow))
    return (follow.count(token) + kinds * lower) / (len(follow) + kinds)


def test_ngram_is_its_definition():
    rng = np.random.default_rng(0)
    train, test = rng.integers(0, 4, 60).tolist(), rng.integers(0, 5, 25).tolist()
    model = evaluate.NGram(order=3, vocabulary=5).fit(train)
    expected = [
        -log(witten_bell(train, (train + test[:i])[-2:], token, 3, 5))
        for i, token in enumerate(test)
    ]
    np.testing.assert_allclose(model.cost(test, before=train), expected)


def test_ngram_probabilities_sum_to_one():
    model = evaluate.NGram(order=3, vocabulary=6).fit(np.random.default_rng(0).integers(0, 5, 300))
    for before in ([], [1], [5, 5], [2, 3]):
        total = sum(np.exp(-model.cost([token], before=before))[0] for token in range(6))
        assert total == pytest.approx(1)


def test_ngram_refuses():
    with pytest.raises(ValueError, match="order=20 is too long for vocabulary=100: at most 9"):
        evaluate.NGram(20, 100)
    with pytest.raises(ValueError, match="call fit first"):
        evaluate.NGram(2, 3).cost([1])
    with pytest.raises(ValueError, match="ids from 0 to 2, at least one; received 0 to 3"):
        evaluate.NGram(2, 3).fit([0, 3])
    with pytest.raises(ValueError, match="at least one; received none"):
        evaluate.NGram(2, 3).fit([])


@pytest.mark.skipif("KERASEQ_DATA" not in os.environ, reason="needs KERASEQ_DATA")
def test_published_tinyshakespeare_table():
    """Nats a character, nanoGPT's split, orders 1 to 5."""
    corpus = data.text_corpus("tinyshakespeare")
    [train], [test] = corpus.tokens("train"), corpus.tokens("validation")
    found = [evaluate.NGram(n, 65).fit(train).cost(test, before=train).mean() for n in range(1, 6)]
    np.testing.assert_allclose(found, [3.347, 2.486, 2.049, 1.774, 1.669], atol=5.1e-4)
