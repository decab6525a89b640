"""Which words carried a decision: against the definition and against finite differences."""

import keras
import numpy as np
import pytest

from keraseq import models
from keraseq.inspection import word_influence
from keraseq.inspection.words import margin


@pytest.fixture(autouse=True)
def plain_loop(monkeypatch):
    monkeypatch.setenv("KERASEQ_LOOP", "plain")


def classifier(**options):
    options = {"pooling": ("max", "mean"), "dropout": 0.5, "word_dropout": 0.2, **options}
    return models.sequence_classifier(3, vocabulary=20, units=5, embedding=4, **options)


def logits(model, rows):
    return np.asarray(keras.ops.convert_to_numpy(model(np.asarray(rows))), "float64")


TOKENS = np.array([3, 17, 5, 5, 11, 2])


@pytest.mark.parametrize("options", [{"pooling": "last"}, {"bidirectional": True}], ids=["a", "b"])
def test_reading_and_leaving_out_are_what_they_say(options):
    model = classifier(**options)
    frame = word_influence(model, TOKENS, 1, temperature=2.0)
    for i in range(len(TOKENS)):
        so_far = margin(logits(model, TOKENS[None, : i + 1])[0] / 2, 1)
        assert frame.so_far[i] == pytest.approx(so_far, abs=1e-5)
        changed = TOKENS.copy()
        changed[i] = 1
        without = margin(logits(model, changed[None])[0] / 2, 1)
        assert frame.left_out[i] == pytest.approx(frame.so_far.iloc[-1] - without, abs=1e-5)
    assert frame.token.tolist() == TOKENS.tolist()


@pytest.mark.parametrize("options", [{"pooling": "last"}, {"bidirectional": True}], ids=["a", "b"])
def test_gradients_against_finite_differences(options, tmp_path):
    model = classifier(**options)
    weights = [w.copy() for w in model.get_weights()]
    frame = word_influence(model, TOKENS, 2, temperature=0.5)
    for before, after in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)  # the model is as it was
    model.save(tmp_path / "still.keras")
    embedding = model.get_layer("embedding")
    table = keras.ops.convert_to_numpy(embedding.embeddings).copy()
    for i, token in enumerate(TOKENS):
        if (TOKENS == token).sum() > 1:
            continue  # a change of its vector changes two words
        found = []
        for factor in (1.01, 0.99):
            changed = table.copy()
            changed[token] *= factor
            embedding.embeddings.assign(changed)
            found.append(margin(logits(model, TOKENS[None])[0] / 0.5, 2))
        embedding.embeddings.assign(table)
        estimate = (found[0] - found[1]) / 0.02
        assert frame.gradient[i] == pytest.approx(estimate, abs=2e-4)


def test_the_margin_is_the_log_odds_of_a_class():
    chances = np.array([0.2, 0.5, 0.3])
    assert margin(np.log(chances) + 7, 1) == pytest.approx(0.0)
    assert margin(np.log(chances), 0) == pytest.approx(np.log(0.2 / 0.8))


@pytest.mark.parametrize(
    ("tokens", "options", "message"),
    [
        ([], {}, "tokens must be the ids of one text"),
        ([[1, 2]], {}, r"tokens must be .*received int64 of shape \(1, 2\)"),
        ([1.5], {}, "tokens must be the ids of one text, integers"),
        ([3, 0], {}, "integers from 1 on"),
        ([3], {"label": 3}, "label must be 0 to 2; received label=3"),
        ([3], {"temperature": 0}, "temperature must be a positive number"),
    ],
)
def test_what_cannot_be_explained(tokens, options, message):
    with pytest.raises(ValueError, match=message):
        word_influence(classifier(), np.array(tokens, None), **options)


def test_a_model_without_words():
    with pytest.raises(ValueError, match="no layers 'embedding' and 'logits'"):
        word_influence(models.sequence_classifier(2, features=3), TOKENS)
