import numpy as np
import pytest

from keraseq.data.text import streams


def rows(stream, array):
    """What each row reads, batch after batch, `(rows, batches, length)`."""
    return getattr(stream, array).reshape(-1, stream.batch_size, getattr(stream, array).shape[-1])


def test_rows_go_on_from_batch_to_batch():
    stream = streams([np.arange(61)], batch_size=3, length=5)
    tokens = rows(stream, "tokens").swapaxes(0, 1).reshape(3, -1)
    assert tokens.tolist() == [list(range(start, start + 20)) for start in (0, 20, 40)]
    assert (stream.targets == stream.tokens + 1).all()
    assert stream.fresh.ravel().tolist() == [True] * 3 + [False] * 9
    assert stream.weights.tolist() == np.ones((12, 5)).tolist()
    assert stream.tokens.dtype == stream.targets.dtype == np.int32


def test_a_window_never_holds_two_documents():
    documents = [np.arange(100, 107), np.arange(200, 202), np.arange(300, 304)]
    stream = streams(documents, batch_size=1, length=3)
    assert stream.tokens.tolist() == [
        [100, 101, 102],
        [103, 104, 105],
        [200, 0, 0],
        [300, 301, 302],
    ]
    assert stream.fresh.ravel().tolist() == [True, False, True, True]
    assert stream.targets[2].tolist() == [201, 0, 0]
    assert (stream.weights > 0).sum(axis=1).tolist() == [3, 3, 1, 3]
    assert stream.weights[2, 0] > 0


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7])
def test_every_token_but_the_first_is_predicted_once(batch_size):
    rng = np.random.default_rng(batch_size)
    ends = np.cumsum(rng.integers(2, 40, 12))
    documents = np.split(np.arange(1, ends[-1] + 1), ends[:-1])
    stream = streams(documents, batch_size, 4)
    counted = stream.weights > 0
    wanted = np.concatenate([one[1:] for one in documents])
    assert sorted(stream.targets[counted]) == sorted(wanted)
    assert stream.predictions == len(wanted)
    starts = {one[0] for one in documents}
    fresh = stream.fresh.ravel() & counted.any(axis=1)
    assert starts <= set(stream.tokens[fresh, 0])
    # A window that is not fresh goes on where its row was.
    tokens, fresh = rows(stream, "tokens"), rows(stream, "fresh")
    for batch in range(1, len(tokens)):
        for row in range(batch_size):
            if not fresh[batch, row, 0] and tokens[batch, row, 0]:
                assert tokens[batch, row, 0] == tokens[batch - 1, row, -1] + 1


def test_weights_make_the_mean_over_places_that_over_tokens():
    stream = streams([np.arange(9), np.arange(3)], batch_size=2, length=5)
    costs = np.random.default_rng(0).random(stream.targets.shape)
    assert np.mean(costs * stream.weights) == pytest.approx(costs[stream.weights > 0].mean())


def test_restarts_are_drawn_from_the_seed():
    text = [np.arange(4001)]
    plain, some = streams(text, 4, 5), streams(text, 4, 5, restarts=0.1, seed=1)
    assert plain.fresh.sum() == 4
    assert 50 < some.fresh.sum() < 120 and some.fresh[plain.fresh].all()
    assert (some.fresh == streams(text, 4, 5, restarts=0.1, seed=1).fresh).all()
    assert (some.fresh != streams(text, 4, 5, restarts=0.1, seed=2).fresh).any()
    assert (some.tokens == plain.tokens).all()


def test_text_that_is_too_short():
    with pytest.raises(ValueError, match=r"4 rows need 4 windows of length=5; the text has 3"):
        streams([np.arange(16)], 4, 5)
    with pytest.raises(ValueError, match="the text has 0"):
        streams([np.arange(1)], 1, 5)
    with pytest.raises(ValueError, match="length must be a positive integer"):
        streams([np.arange(9)], 1, 0)
    with pytest.raises(ValueError, match=r"restarts must be a number in \[0, 1\)"):
        streams([np.arange(9)], 1, 2, restarts=1.0)
