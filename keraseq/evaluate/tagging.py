"""What tags are worth: words, sentences, entities; and taggers that only count."""

from __future__ import annotations

import functools
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from keraseq.data.tagged.schemes import OUTSIDE, entities

DRAWS = 1_000  # of the bootstrap
SUFFIX = 10  # letters at the end of an unknown word that are looked at
OFTEN = 10  # words that occur more often say nothing of unknown ones
BEFORE = 0.5  # how often a word counts as seen before: chosen on the validation part of EWT


def entity_counts(truth: Sequence[str], said: Sequence[str]) -> tuple[int, int, int]:
    """Of a sentence's IOB2 tags: entities found rightly, found, and there; see `entity_f1`."""
    true, found = entities(truth), entities(said)
    return len(set(true) & set(found)), len(found), len(true)


def entity_f1(counts) -> dict[str, float]:
    """Precision, recall and F1 of entities, with a 95 % interval of F1 by sentences drawn again.

    An entity is right if its start, end and type are (seqeval's strict mode, IOB2): micro average.

    Args:
        counts: What `entity_counts` gave for each sentence.

    Returns:
        `precision`, `recall`, `f1`, `f1_low`, `f1_high`; 0 where nothing was found.

    Example:

    >>> from keraseq.evaluate.tagging import entity_counts, entity_f1
    >>> counts = [entity_counts(["B-a", "I-a", "O"], ["B-a", "O", "B-a"])] * 2
    >>> entity_f1([*counts, (1, 1, 1)])["f1"]
    0.25
    """
    counts = np.array(counts, float).reshape(-1, 3)
    right, found, there = counts.sum(0)
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(len(counts), np.full(len(counts), 1 / len(counts)), size=DRAWS) @ counts
    low, high = np.quantile(
        2 * drawn[:, 0] / np.maximum(drawn[:, 1] + drawn[:, 2], 1), (0.025, 0.975)
    )
    return {
        "precision": float(right / max(found, 1)),
        "recall": float(right / max(there, 1)),
        "f1": float(2 * right / max(found + there, 1)),
        "f1_low": float(low),
        "f1_high": float(high),
    }


def most_frequent_tag(sentences: Sequence[Sequence[str]], tags: Sequence[Sequence[str]]):
    """A function from words to tags: each word's most frequent one in training.

    An unknown word gets the most frequent tag of the words with its longest known ending of at most
    three letters.
    """
    words, endings = defaultdict(Counter), defaultdict(Counter)
    for sentence, its in zip(sentences, tags, strict=True):
        for word, tag in zip(sentence, its, strict=True):
            words[word][tag] += 1
            for size in range(4):
                endings[word[len(word) - size :] if size <= len(word) else word][tag] += 1
    best = {word: counts.most_common(1)[0][0] for word, counts in words.items()}
    by_ending = {ending: counts.most_common(1)[0][0] for ending, counts in endings.items()}

    def of_word(word):
        ends = (word[len(word) - size :] for size in range(min(3, len(word)), -1, -1))
        return best.get(word) or next(by_ending[end] for end in ends if end in by_ending)

    return lambda sentence: [of_word(word) for word in sentence]


def gazetteer(sentences: Sequence[Sequence[str]], tags: Sequence[Sequence[str]]):
    """A function from words to IOB2 tags: the names of the training part, the longest first.

    Case does not matter; a name that had several types has its most frequent one.
    """
    names = defaultdict(Counter)
    for sentence, its in zip(sentences, tags, strict=True):
        for start, end, kind in entities(its):
            names[lowered(sentence[start:end])][kind] += 1
    longest = max(map(len, names), default=0)

    def tag(sentence):
        found, at = [OUTSIDE] * len(sentence), 0
        while at < len(sentence):
            for size in range(min(longest, len(sentence) - at), 0, -1):
                kinds = names.get(lowered(sentence[at : at + size]))
                if kinds:
                    kind = kinds.most_common(1)[0][0]
                    found[at : at + size] = [f"B-{kind}"] + [f"I-{kind}"] * (size - 1)
                    at += size - 1
                    break
            at += 1
        return found

    return tag


class TrigramHMM:
    """A hidden Markov model of tags, counted: each depends on the two before it, a word on its tag.

        p(words, tags) = product_t p(tag_t | tag_{t-2}, tag_{t-1}) p(word_t | tag_t)

    Probabilities of three tags are mixed with those of two and of one, by deleted interpolation.
    Those of a word are smoothed: its endings, longer and longer, with a capital or without, then
    the word in any case, then as it is; each begins with what the one before has.

    References:
        Brants 2000, "TnT: a Statistical Part-of-Speech Tagger".

    Example:

    >>> hmm = keraseq.evaluate.TrigramHMM([["a", "dog"], ["a", "cat"]], [["D", "N"], ["D", "N"]])
    >>> hmm(["a", "cow"])
    ['D', 'N']
    """

    def __init__(self, sentences: Sequence[Sequence[str]], tags: Sequence[Sequence[str]]):
        self.tags = sorted({tag for its in tags for tag in its})
        ids = {tag: i for i, tag in enumerate(self.tags)}
        count = len(self.tags)
        three = np.zeros((count + 1, count + 1, count + 1))  # the last stands for no tag
        self.words: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(count))
        for sentence, its in zip(sentences, tags, strict=True):
            path = [count, count, *(ids[tag] for tag in its), count]
            np.add.at(three, (path[:-2], path[1:-1], path[2:]), 1)
            for word, tag in zip(sentence, path[2:], strict=False):
                self.words[word][tag] += 1
        self.words = dict(self.words)
        each = sum(self.words.values())
        self.moves = np.log(self._interpolated(three))
        self.each = each / each.sum()
        self.small: dict = defaultdict(lambda: np.zeros(count))
        self.endings: dict = defaultdict(lambda: np.zeros(count))
        self.emission = functools.cache(self.emission)  # most words come again
        for word, found in self.words.items():
            self.small[word.lower()] += found
            if found.sum() <= OFTEN:
                for size in range(min(SUFFIX, len(word)) + 1):
                    self.endings[word[:1].isupper(), word[len(word) - size :]] += found

    def _interpolated(self, three: np.ndarray) -> np.ndarray:
        """p(tag | two before), `(before, between, tag)`."""
        two, one = three.sum(0), three.sum((0, 1))
        weights = np.zeros(3)
        before, pairs = three.sum(2), two.sum(1)
        for a, b, c in zip(*np.nonzero(three), strict=True):
            held = three[a, b, c]
            ratios = [
                (one[c] - 1) / (one.sum() - 1),
                (two[b, c] - 1) / (pairs[b] - 1) if pairs[b] > 1 else 0,
                (held - 1) / (before[a, b] - 1) if before[a, b] > 1 else 0,
            ]
            weights[int(np.argmax(ratios))] += held
        weights /= weights.sum()
        tiny = 1e-12
        return (
            weights[0] * one / one.sum()
            + weights[1] * (two / np.maximum(pairs[:, None], 1))[None]
            + weights[2] * three / np.maximum(before[..., None], 1)
            + tiny
        )

    def emission(self, word: str) -> np.ndarray:
        """log p(word | tag) but for a constant, `(tags,)`."""
        chance = self.each
        for size in range(min(SUFFIX, len(word)) + 1):
            counts = self.endings.get((word[:1].isupper(), word[len(word) - size :]))
            if counts is None:
                break
            chance = (counts / counts.sum() + BEFORE * chance) / (1 + BEFORE)
        for counts, before in ((self.small.get(word.lower()), 1.0), (self.words.get(word), BEFORE)):
            if counts is not None:
                chance = (counts + before * chance) / (counts.sum() + before)
        return np.log(chance / self.each)

    def __call__(self, words: Sequence[str]) -> list[str]:
        """The most likely tags (Viterbi)."""
        if not len(words):
            return []
        count = len(self.tags)
        score, came = np.full((count + 1, count + 1), -np.inf), []
        score[count, count] = 0.0
        for word in words:
            paths = score[:, :, None] + self.moves  # before, between, tag
            came.append(paths.argmax(0))
            score = np.full((count + 1, count + 1), -np.inf)
            score[:, :count] = paths.max(0)[:, :count] + self.emission(word)
        score = score + self.moves[:, :, count]
        between, tag = np.unravel_index(score.argmax(), score.shape)
        path = [tag]
        for back in reversed(came[1:]):
            path.append(between)
            between, tag = back[between, tag], between
        return [self.tags[i] for i in reversed(path)]


def lowered(words: Sequence[str]) -> tuple[str, ...]:
    """Words without their case."""
    return tuple(word.lower() for word in words)
