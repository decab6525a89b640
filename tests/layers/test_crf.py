"""The conditional random field against all paths, enumerated in NumPy."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

import keraseq
from keraseq.autodiff import gradients
from keraseq.layers import CRF, marginals, viterbi
from keraseq.losses import CRFNegativeLogLikelihood, summed

TAGS, STEPS = 3, 5
LENGTHS = (5, 3, 1, 0)
MASK = np.arange(STEPS) < np.array(LENGTHS)[:, None]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(len(LENGTHS), STEPS, TAGS)).astype("float32")
LABELS = RNG.integers(0, TAGS, (len(LENGTHS), STEPS))


def layer(**options):
    """A field with weights drawn at random."""
    made = CRF(**options)
    made.build((None, None, TAGS))
    rng = np.random.default_rng(1)
    made.set_weights([rng.normal(size=one.shape) for one in made.get_weights()])
    return made


def score(crf, x, path):
    """What the paper gives a path, from logits and the three weights."""
    transitions, start, end = crf.get_weights()
    return (
        start[path[0]]
        + end[path[-1]]
        + sum(x[at, tag] for at, tag in enumerate(path))
        + sum(transitions[pair] for pair in itertools.pairwise(path))
    )


def scores(crf, x, length):
    """Path -> score, of all paths that are not forbidden."""
    never = {tuple(pair) for pair in crf.forbidden}
    paths = itertools.product(range(TAGS), repeat=length)
    return {
        path: score(crf, x, path)
        for path in paths
        if not never & {(-1, path[0]), *itertools.pairwise(path)}
    }


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


@pytest.mark.parametrize("forbidden", [(), [(-1, 1), (0, 1)]])
def test_sum_best_path_and_marginals_are_those_of_all_paths(forbidden):
    crf = layer(forbidden=forbidden)
    potentials = crf(X, mask=MASK)
    total = numpy(ops.logsumexp(summed(potentials)[:, -1], axis=-1))
    best, chances = numpy(viterbi(potentials)), numpy(marginals(potentials))
    for row, length in enumerate(LENGTHS):
        if not length:
            assert total[row] == 0
            continue
        every = scores(crf, X[row], length)
        assert total[row] == pytest.approx(np.logaddexp.reduce([*every.values()]), abs=1e-5)
        assert tuple(best[row, :length]) == max(every, key=every.get)
        assert len(set(best[row, length - 1 :])) == 1  # padding repeats the last
        each = np.zeros((length, TAGS))
        for path, value in every.items():
            each[np.arange(length), path] += np.exp(value - total[row])
        np.testing.assert_allclose(chances[row, :length], each, atol=1e-5)


def test_the_loss_of_a_sentence_is_that_of_its_path():
    crf = layer()
    costs = numpy(CRFNegativeLogLikelihood(reduction=None)(LABELS, crf(X, mask=MASK)))
    assert costs.shape == MASK.shape
    for row, length in enumerate(LENGTHS):
        if length:
            every = scores(crf, X[row], length)
            path = tuple(LABELS[row, :length].tolist())
            expected = np.logaddexp.reduce([*every.values()]) - every[path]
            assert costs[row, :length].sum() == pytest.approx(expected, abs=1e-4)


def test_gradients_are_the_marginals_and_those_of_differences():
    """Of log Z by the logits; of the loss by every weight, against central differences."""
    crf = layer()
    for row in (0, 1):
        mask = MASK[row : row + 1]

        def total(x, mask=mask):
            return ops.logsumexp(summed(crf(x, mask=mask))[0, -1])

        [found], _ = gradients(total, [X[row : row + 1]], [])
        expected = numpy(marginals(crf(X[row : row + 1], mask=mask))) * mask[..., None]
        np.testing.assert_allclose(found, expected, atol=1e-5)

    loss = CRFNegativeLogLikelihood(reduction=None)

    def cost(x):
        return ops.sum(loss(LABELS, crf(x, mask=MASK)) * ops.array(MASK.astype("float32")))

    _, found = gradients(cost, [X], crf.trainable_variables)
    assert all(np.isfinite(one).all() for one in found)
    step = 1e-2
    for variable, gradient in zip(crf.trainable_variables, found, strict=True):
        kept = numpy(variable)
        for at in np.ndindex(kept.shape):
            ends = []
            for sign in (1, -1):
                moved = kept.copy()
                moved[at] += sign * step
                variable.assign(moved)
                ends.append(float(numpy(cost(X))))
            variable.assign(kept)
            assert gradient[at] == pytest.approx((ends[0] - ends[1]) / 2 / step, abs=5e-3)


def test_padding_changes_nothing():
    """On either side, whatever stands in it."""
    crf = layer()
    alone = numpy(viterbi(crf(X[:1, :3])))
    loss = CRFNegativeLogLikelihood(reduction="sum")
    cost = float(numpy(loss(LABELS[:1, :3], crf(X[:1, :3]))))
    for before, after in ((0, 4), (2, 0), (2, 3)):
        wide = np.full((1, before + 3 + after, TAGS), 50.0, "float32")
        wide[:, before : before + 3] = X[:1, :3]
        labels = np.full(wide.shape[:2], 2)
        labels[:, before : before + 3] = LABELS[:1, :3]
        mask = np.zeros(wide.shape[:2], bool)
        mask[:, before : before + 3] = True
        potentials = crf(wide, mask=mask)
        assert (numpy(viterbi(potentials))[:, before : before + 3] == alone).all()
        costs = CRFNegativeLogLikelihood(reduction=None)(labels, potentials)
        assert numpy(costs)[mask].sum() == pytest.approx(cost, abs=1e-4)


def test_a_tag_that_is_forbidden_is_never_given():
    tags = ["O", "B-a", "I-a", "B-b", "I-b"]
    crf = CRF(forbidden=keraseq.data.tagged.forbidden(tags))
    rng = np.random.default_rng(0)
    # Logits that want what is forbidden.
    wanted = np.array([0.0, -3.0, 4.0, -3.0, 4.0]) + rng.normal(size=(50, 12, 5))
    best = numpy(viterbi(crf(wanted.astype("float32"))))
    for row in best:
        words = [tags[i] for i in row]
        for before, tag in itertools.pairwise(["O", *words]):
            assert tag[0] != "I" or before[1:] == tag[1:], words
    assert (wanted.argmax(-1) != best).any() and any(tags[i][0] == "I" for i in best.flat)
    with pytest.raises(ValueError, match=r"forbidden must be pairs of tags from 0 to 4.*\(0, 5\)"):
        CRF(forbidden=[(0, 5)])(wanted)


def test_it_learns_what_follows_what_and_survives_a_file(tmp_path):
    """Tags that the tokens do not tell: every second one, counted from a start that they do."""
    keras.utils.set_random_seed(0)
    model = keraseq.models.sequence_tagger(3, vocabulary=4, units=2, cell="elman", crf=True)
    tokens = np.ones((64, 8), "int32")
    tokens[::2, 0] = 2
    tokens[:, 6:] = 0
    labels = (np.arange(8) + tokens[:, :1]) % 2
    keraseq.train.compile(model, learning_rate=0.05)
    assert model.loss.name == "crf"
    first, *_, last = model.fit(tokens, labels, epochs=40, verbose=0).history["loss"]
    assert last < first / 2
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        model.predict(tokens, verbose=0), again.predict(tokens, verbose=0)
    )
    assert again.evaluate(tokens, labels, verbose=0) == pytest.approx(last, rel=0.5)
    found = numpy(viterbi(again.predict(tokens, verbose=0)))
    assert (found == labels)[:, :6].mean() > 0.95
    with pytest.raises(ValueError, match="labels must be class numbers from 0 to 2"):
        model.fit(tokens, labels + 2, verbose=0)
    with pytest.raises(
        ValueError, match=r"an array of shape \(batch, length\); received .*8, 3\)$"
    ):
        model.fit(tokens, labels[..., None].repeat(3, 2), verbose=0)


def test_numbers_are_float32_under_mixed_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = keraseq.models.sequence_tagger(3, vocabulary=4, units=2, cell="elman", crf=True)
        assert model.dtype_policy.compute_dtype == "bfloat16"
        assert keras.backend.standardize_dtype(model(np.ones((1, 2), "int32")).dtype) == "float32"
    finally:
        keras.config.set_dtype_policy(before)
