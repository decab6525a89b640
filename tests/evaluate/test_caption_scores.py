"""Captions as pycocoevalcap and sacreBLEU score them; captions that need no training."""

import random

import numpy as np
import pytest

from keraseq.evaluate import captions
from keraseq.evaluate.captions import (
    caption_baselines,
    caption_bleu,
    caption_scores,
    caption_words,
    cider,
    constant_caption,
)

# BLEU-1 to 4 and the CIDEr of each picture by pycocoevalcap 1.2 (see `pycocoevalcap`). Its
# wheel has 104 MB, most of it Java, for the 16 KB asked here: so no extra installs it.
GOLDEN = {
    0: (
        [76.7834693, 62.888646, 54.2115517, 50.534141],
        [140.738856847, 584.76534131, 290.785604286, 0.0, 36.491137361, 120.122712695],
    ),
    1: (
        [73.8282154, 58.639283, 47.0797504, 38.8888063],
        [108.786191071, 389.738330432, 219.253913981, 166.233127124, 250.0, 11.116074545],
    ),
}


def drawn(seed, pictures=6):
    """Captions of few words, often repeated, some too short for any pair; their references."""
    rng, words = random.Random(seed), "a the dog cat runs sits on grass".split()

    def sentence(shortest):
        return " ".join(rng.choice(words) for _ in range(rng.randrange(shortest, 12)))

    references = [[sentence(1) for _ in range(rng.randrange(1, 6))] for _ in range(pictures)]
    written = [rng.choice(its) if rng.random() < 0.4 else sentence(0) for its in references]
    return written, references


def pycocoevalcap(written, references):
    """BLEU-1..4 and the CIDEr of each picture by pycocoevalcap: how `GOLDEN` was made."""
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider

    truth, said = dict(enumerate(references)), {i: [one] for i, one in enumerate(written)}
    four, _ = Bleu(4).compute_score(truth, said, verbose=0)
    return [100 * one for one in four], 100 * Cider().compute_score(truth, said)[1]


@pytest.mark.parametrize("seed", GOLDEN)
def test_scores_are_those_of_pycocoevalcap(seed):
    written, references = drawn(seed)
    four, each = GOLDEN[seed]
    np.testing.assert_allclose(caption_bleu(written, references), four, atol=1e-6)
    np.testing.assert_allclose(cider(written, references), each, atol=1e-6)


@pytest.mark.parametrize("order", range(1, 5))
def test_bleu_is_that_of_sacrebleu(order):
    from sacrebleu.metrics import BLEU

    written, references = drawn(7)
    streams = [[its[min(at, len(its) - 1)] for its in references] for at in range(5)]
    theirs = BLEU(max_ngram_order=order, tokenize="none", smooth_method="none", force=True)
    expected = theirs.corpus_score(written, streams).score
    np.testing.assert_allclose(caption_bleu(written, references)[order - 1], expected, rtol=1e-9)


def test_scores_of_what_is_special():
    references = [["A dog runs .", "the dog"], ["two men"]]
    assert not caption_bleu(["", ""], references).any() and not cider(["", ""], references).any()
    assert not cider(["...", "?"], references).any()
    assert (
        not cider(["a", ""], [["."], ["!"]]).any()
        and not caption_bleu(["a", "."], [["."], ["!"]]).any()
    )
    assert caption_bleu(["a dog runs", "two men"], references)[0] == pytest.approx(100)
    assert not cider(["a dog runs"], references[:1]).any()  # one picture: every word is in all
    assert caption_words("It's a Tri-colored dog's ball - 2 of them !") == (
        ["it's", "a", "tri-colored", "dog's", "ball", "2", "of", "them"]
    )
    row = caption_scores(["a dog runs", "two"], references)
    assert row["low"] <= row["cider"] <= row["high"] and row["pictures"] == 2
    assert row["cider"] == pytest.approx(cider(["a dog runs", "two"], references).mean())


@pytest.mark.parametrize(
    "written, references, said",
    [
        ([], [], "received 0 captions and the references of 0 pictures"),
        (["a"], [["a"], ["b"]], "received 1 captions and the references of 2 pictures"),
        (["a", "b"], [["a"], []], r"picture 1 needs a list of references; received \[\]"),
        (["a", "b"], ["a dog", ["b"]], "picture 0 needs a list of references; received 'a dog'"),
    ],
)
def test_captions_without_references(written, references, said):
    for score in (caption_bleu, cider, caption_scores):
        with pytest.raises(ValueError, match=said):
            score(written, references)


def test_the_constant_is_the_best_of_all():
    train, validation = drawn(3, 8)[1], drawn(4, 5)[1]
    best = constant_caption(train, validation)
    worth = {one: cider([one] * 5, validation).mean() for its in train for one in its}
    assert worth[best] == pytest.approx(max(worth.values())) and worth[best] > 0


def test_captions_without_training():
    colours = ["red", "green", "blue"]
    train = [[f"a {one} box", f"the {one} box is {one}", f"a {one} box ."] for one in colours * 4]
    vectors = np.eye(3)[[0, 1, 2] * 4] + np.linspace(0, 0.01, 36).reshape(12, 3)
    references = [["one green box", "a green box"], ["the red thing", "a red box"]]
    constant = constant_caption(train, references)
    frame = caption_baselines(
        train, vectors, references, np.eye(3)[[1, 0]], constant=constant, neighbours=4
    ).set_index("method")
    assert [*frame.index] == [
        "one caption for all",
        "first caption of the nearest picture",
        "consensus of 4 nearest pictures",
        "consensus of 4, every word alike",
        "one human against the others",
    ]
    assert frame.loc["consensus of 4 nearest pictures", "bleu4"] == 0 < frame.bleu1.min()
    found = frame.cider
    assert found["consensus of 4 nearest pictures"] > found["one caption for all"]
    alone = [its[:1] for its in references]  # nobody is left to compare a human with
    assert len(caption_baselines(train, vectors, alone, vectors[:2], constant=constant)) == 4
    with pytest.raises(ValueError, match=r"references: 2 pictures need features .* \(3, 3\)"):
        caption_baselines(train, vectors, references, vectors[:3], constant=constant)


def test_the_consensus_is_most_like_the_others():
    train = drawn(5, 8)[1]
    picture = max(range(8), key=lambda at: len(train[at]))
    its = train[picture]
    worth = [cider([""] * picture + [one] + [""] * (7 - picture), train)[picture] for one in its]
    assert captions.consensus(train, np.array([[picture]])) == [its[int(np.argmax(worth))]]
    assert len({round(one, 6) for one in worth}) > 2
