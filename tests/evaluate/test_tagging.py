"""Entities as seqeval counts them; taggers that count, on what can be counted by hand."""

import itertools
import os
import random

import numpy as np
import pytest

from keraseq import data
from keraseq.evaluate import (
    TrigramHMM,
    entity_counts,
    entity_f1,
    gazetteer,
    most_frequent_tag,
)

# Precision, recall and F1 of seqeval 1.2.2, mode="strict", scheme=IOB2, of what `drawn` gives.
SEQEVAL = {
    0: (0.5, 0.46153846153846156, 0.48000000000000004),
    1: (0.75, 0.6666666666666666, 0.7058823529411765),
    2: (0.4117647058823529, 0.4375, 0.42424242424242425),
}


def drawn(seed):
    """Tags of six sentences, valid or not, and others that are often the same."""
    rng, tags = random.Random(seed), ["O", "B-a", "I-a", "B-b", "I-b"]
    truth = [[rng.choice(tags) for _ in range(rng.randrange(1, 12))] for _ in range(6)]
    said = [[tag if rng.random() < 0.6 else rng.choice(tags) for tag in its] for its in truth]
    return truth, said


@pytest.mark.parametrize("seed", SEQEVAL)
def test_entities_are_those_of_seqeval(seed):
    found = entity_f1([entity_counts(*pair) for pair in zip(*drawn(seed), strict=True)])
    ours = [found[name] for name in ("precision", "recall", "f1")]
    np.testing.assert_allclose(ours, SEQEVAL[seed], atol=1e-12)
    assert 0 <= found["f1_low"] <= found["f1"] <= found["f1_high"] <= 1


def test_nothing_found_is_zero():
    assert entity_f1([entity_counts(["B-a"], ["O"])])["f1"] == 0
    assert entity_f1([entity_counts(["O"], ["O"])])["f1"] == 0


def test_words_endings_and_names():
    words = [["walking", "Oslo"], ["New", "York", "talks"], ["oslo", "New", "York"]]
    tags = [["V", "N"], ["N", "N", "V"], ["N", "N", "N"]]
    tag = most_frequent_tag(words, tags)
    assert tag(["Oslo", "eating", "x", ""]) == ["N", "V", "N", "N"]
    named = [["O", "B-city"], ["B-city", "I-city", "O"], ["B-club", "B-city", "I-city"]]
    spot = gazetteer(words, named)
    assert spot(["in", "new", "york", "New", "OSLO"]) == ["O", "B-city", "I-city", "O", "B-city"]
    assert gazetteer([["a"]], [["O"]])(["a"]) == ["O"]


def test_the_markov_model_finds_the_best_of_all_paths():
    rng = np.random.default_rng(0)
    names = ["A", "B", "C"]
    words = [[f"w{n}" for n in rng.integers(0, 9, rng.integers(1, 7))] for _ in range(40)]
    tags = [[names[(int(w[1:]) + i) % 3] for i, w in enumerate(its)] for its in words]
    hmm = TrigramHMM(words, tags)
    assert (abs(np.exp(hmm.moves).sum(-1) - 1) < 1e-6)[:3, :3].all()
    for sentence in (["w1"], ["w1", "w5"], ["w3", "new", "w8", "w2"]):
        emitted = [hmm.emission(word) for word in sentence]

        def score(path, emitted=emitted):
            whole = [3, 3, *path, 3]
            moved = sum(hmm.moves[tuple(whole[i : i + 3])] for i in range(len(whole) - 2))
            return moved + sum(one[tag] for one, tag in zip(emitted, path, strict=True))

        best = max(itertools.product(range(3), repeat=len(sentence)), key=score)
        assert hmm(sentence) == [names[i] for i in best]
    assert hmm([]) == []


@pytest.mark.skipif("KERASEQ_DATA" not in os.environ, reason="needs the public data")
def test_what_counting_gives_on_public_sets():
    """93.05 % were counted elsewhere for a trigram model of EWT, F1 3.0 for names of WNUT-17."""
    for name, method, expected in (
        ("ewt", TrigramHMM, 0.9327),
        ("ewt", most_frequent_tag, 0.8835),
        ("wnut17", gazetteer, 0.0304),
    ):
        parts = data.load(name)
        train, test = (
            [[parts.tags[i] for i in its] for its in part.targets]
            for part in (parts.train, parts.test)
        )
        said = list(map(method(parts.train.inputs, train), parts.test.inputs))
        if method is gazetteer:
            found = entity_f1([entity_counts(*pair) for pair in zip(test, said, strict=True)])["f1"]
        else:
            pairs = zip(itertools.chain(*test), itertools.chain(*said), strict=True)
            found = np.mean([one == other for one, other in pairs])
        assert found == pytest.approx(expected, abs=2e-4)
