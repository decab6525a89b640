"""What a classifier drops in training, and what of the outputs it sees."""

import keras
import numpy as np
import pytest

from keraseq import layers, models
from keraseq.layers.wide import keys_of

WORDS = np.array([[3, 4, 5, 6], [2, 7, 0, 0]])


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def test_attention_weighs_the_valid_steps():
    x = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32")
    layer = layers.SequencePooling("attention")
    layer.build(x.shape)
    w = numpy(layer.w)
    found = numpy(layer(x, mask=WORDS > 0))
    for row, valid, result in zip(x, WORDS > 0, found, strict=True):
        shares = np.exp(row[valid] @ w)
        np.testing.assert_allclose(result, (shares / shares.sum() * row[valid]).sum(0), rtol=1e-4)
    shares = np.exp(x @ w)
    np.testing.assert_allclose(
        numpy(layer(x)), (shares / shares.sum(1, keepdims=True) * x).sum(1), rtol=1e-4
    )


def test_several_poolings_stand_side_by_side():
    model = models.sequence_classifier(
        2, vocabulary=9, units=5, pooling=["max", "mean", "attention"], bidirectional=True
    )
    assert model.get_layer("logits").kernel.shape == (30, 2)
    model(WORDS)
    again = keras.Model.from_config(model.get_config())
    assert [w.shape for w in again.weights] == [w.shape for w in model.weights]


@pytest.mark.parametrize(
    "pooling", [(), ("max", "max"), ("last", "max"), ("mean", "last"), ("average", "max")]
)
def test_poolings_that_do_not_go_together(pooling):
    with pytest.raises(ValueError, match="pooling must be 'last', 'average', or one or several of"):
        models.sequence_classifier(2, vocabulary=9, pooling=pooling)


def test_words_are_dropped_in_training_alone():
    layer = layers.WordDropout(0.3, unknown=1, seed=0)
    tokens = np.full((50, 40), 7)
    tokens[:, 30:] = 0
    found = numpy(layer(tokens, training=True))
    assert set(found[:, :30].ravel()) == {1, 7} and not found[:, 30:].any()
    assert 0.25 < (found == 1).sum() / 1500 < 0.35
    np.testing.assert_array_equal(numpy(layer(tokens, training=False)), tokens)
    other = numpy(layer(tokens, training=True))
    assert (other != found).any()


def test_each_dropout_has_a_rate_of_its_own():
    model = models.sequence_classifier(
        2, vocabulary=9, units=4, dropout=0.2, embedding_dropout=0.6, word_dropout=0.1
    )
    rates = {one.name: one.rate for one in model.layers if hasattr(one, "rate")}
    assert rates == {"word_dropout": 0.1, "embedding_dropout": 0.6, "dropout": 0.2}
    usual = models.sequence_classifier(2, vocabulary=9, units=4, dropout=0.2)
    assert usual.get_layer("embedding_dropout").rate == 0.2
    with pytest.raises(ValueError, match="word_dropout is for tokens"):
        models.sequence_classifier(2, features=3, word_dropout=0.1)
    with pytest.raises(ValueError, match="word_dropout must be a number in"):
        models.sequence_classifier(2, vocabulary=3, word_dropout=1.0)


def test_pairs_tell_the_order_of_words():
    layer = layers.PairEmbedding(1000, 4, rank=3)
    found = keras.ops.convert_to_numpy(layer(np.array([[5, 6, 5, 6], [6, 5, 7, 5]], "int32")))
    np.testing.assert_allclose(found[0, 1], found[0, 3])  # 5 6 and 5 6
    np.testing.assert_allclose(found[0, 2], found[1, 1])  # 6 5 and 6 5
    assert np.abs(found[0, 1] - found[0, 2]).max() > 1e-4
    table, widen = (keras.ops.convert_to_numpy(weight) for weight in layer.weights)
    np.testing.assert_allclose(found[1, 2], table[(5 * 7919 + 7) % 1000] @ widen, rtol=1e-5)


def test_a_classifier_with_pairs_ignores_padding_and_is_saved(tmp_path):
    model = models.sequence_classifier(2, vocabulary=9, units=4, pairs=50, pooling=["max", "mean"])
    short, long = np.array([[3, 4, 5]]), np.array([[3, 4, 5, 0, 0]])
    expected = model.predict(short, verbose=0)
    np.testing.assert_allclose(model.predict(long, verbose=0), expected, atol=1e-6)
    model.save(tmp_path / "pairs.keras")
    again = keras.saving.load_model(tmp_path / "pairs.keras")
    np.testing.assert_allclose(again.predict(short, verbose=0), expected, atol=1e-6)
    with pytest.raises(ValueError, match="pairs are for tokens; received features=3"):
        models.sequence_classifier(2, features=3, pairs=50)


def test_words_pairs_and_triples_vote_once_each():
    rng = np.random.default_rng(0)
    tokens = rng.integers(1, 6, (4, 12)).astype("int32")
    tokens[0, 7:], tokens[1, :5] = 0, 0  # padding on either side
    triples = [key for row in tokens for key in keys_of(row[row > 0], 6) if key < 0]
    keys = [*rng.choice(np.arange(1, 36), 15, False), *rng.choice(np.unique(triples), 8, False)]
    table = {int(key): rng.normal(size=3) for key in keys}
    layer = layers.WideLogits(3, vocabulary=6, size=30)
    layer.set_table(list(table), list(table.values()), bias=[0.5, 0, 0])
    found = keras.ops.convert_to_numpy(layer(tokens))
    for row, logits in zip(tokens, found, strict=True):
        text = row[row > 0]
        expected = sum((table.get(key, np.zeros(3)) for key in {*keys_of(text, 6)}), np.zeros(3))
        np.testing.assert_allclose(logits, expected + np.array([0.5, 0, 0]), atol=1e-5)


def test_keys_are_exact_for_pairs_and_hashed_for_triples():
    tokens = np.random.default_rng(0).integers(1, 20_000, 3_000)
    words, pairs, triples = np.split(keys_of(tokens, 20_000), [3_000, 6_000])
    np.testing.assert_array_equal(words, tokens)
    np.testing.assert_array_equal(pairs[1:], tokens[:-1] * 20_000 + tokens[1:])
    assert (triples < 0).all() and len(np.unique(triples)) == 2_998
    assert keys_of(tokens[:1], 20_000).tolist() == [tokens[0]] * 2  # a word without others
    order = keys_of([1, 2, 3], 9)[-1], keys_of([3, 2, 1], 9)[-1], keys_of([1, 2, 4], 9)[-1]
    assert len(set(order)) == 3


def test_a_classifier_with_a_wide_part_is_saved_and_its_sum_is_right(tmp_path):
    model = models.sequence_classifier(2, vocabulary=9, units=4, wide=5)
    tokens = np.array([[3, 4, 5], [3, 4, 0]], "int32")
    alone = model.predict(tokens, verbose=0)
    model.get_layer("wide").set_table([3, 4 * 9 + 5], [[1, 0], [0, 2]])
    expected = alone + np.array([[1, 2], [1, 0]])
    np.testing.assert_allclose(model.predict(tokens, verbose=0), expected, atol=1e-6)
    model.save(tmp_path / "wide.keras")
    again = keras.saving.load_model(tmp_path / "wide.keras")
    np.testing.assert_allclose(again.predict(tokens, verbose=0), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("keys", "kernel", "message"),
    [
        ([1, 2], [[0.0]], r"kernel must have the shape \(keys, 1\)"),
        ([1, 2, 3], np.zeros((3, 1)), "at most 2 numbers, none of them 0, each once; received 3"),
        ([2, 2], np.zeros((2, 1)), "each once; received 2"),
        ([0], np.zeros((1, 1)), "none of them 0"),
    ],
)
def test_tables_that_do_not_fit(keys, kernel, message):
    with pytest.raises(ValueError, match=message):
        layers.WideLogits(1, vocabulary=9, size=2).set_table(keys, kernel)


def test_wide_parts_that_cannot_be():
    with pytest.raises(ValueError, match="at most 46,340; received vocabulary=50000"):
        models.sequence_classifier(2, vocabulary=50_000, units=4, wide=5)
    with pytest.raises(ValueError, match="wide is for tokens; received features=3"):
        models.sequence_classifier(2, features=3, wide=5)
    with pytest.raises(ValueError, match="size must be a positive integer"):
        models.sequence_classifier(2, vocabulary=9, units=4, wide=-1)
