"""What captions are worth: CIDEr and BLEU, and captions that need no training."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from keraseq.checks import positive_integer

ORDERS = 4  # words of the longest n-gram
SIGMA = 6.0  # of the words by which two captions differ in length, in CIDEr-D
SCALE = 1_000  # the metric has a factor of 10, and papers print hundredths
DRAWS = 1_000  # of the bootstrap
NEIGHBOURS = 50
WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")  # noqa: RUF001 (apostrophes as people type them)


def caption_words(caption: str) -> list[str]:
    """The words by which captions are learned and compared: lower case, no punctuation.

    Hyphens and apostrophes stay inside a word.

    Example:

    >>> keraseq.evaluate.caption_words("A boy, in a red T-shirt .")
    ['a', 'boy', 'in', 'a', 'red', 't-shirt']
    """
    return WORD.findall(caption.lower())


class Occurrences(NamedTuple):
    """Every n-gram at every place of some texts, `(places,)` each."""

    text: np.ndarray  # which text
    order: np.ndarray  # n - 1
    gram: np.ndarray  # which n-gram
    column: np.ndarray  # which n-gram, and whether it is there for the first time, the second, ...
    times: np.ndarray  # how often the text has it
    length: np.ndarray  # words of each text, `(texts,)`

    def matrix(self, values):
        """`(texts, columns)`, sparse: a value for each place."""
        from scipy import sparse

        shape = len(self.length), int(self.column.max(initial=-1)) + 1
        return sparse.csr_array((values, (self.text, self.column)), shape=shape)


def occurrences(captions: Sequence[str]) -> Occurrences:
    """The n-grams of captions, up to four words.

    A text with an n-gram twice has two columns of it, so that what two texts share is a product of
    ones: `sum_columns a b = sum_grams min(count_a, count_b)`.
    """
    import pandas as pd

    texts = [caption_words(caption) for caption in captions]
    length = np.array([len(words) for words in texts], int)
    word, known = pd.factorize(np.array([word for words in texts for word in words], object))
    # after the last text comes one that is no text: no n-gram goes on into it
    text = np.append(np.repeat(np.arange(len(texts)), length), [-1] * ORDERS)
    word = np.append(word, [0] * ORDERS)
    start = np.arange(len(word) - ORDERS)
    gram, found, before = word[start], [], 0
    for order in range(ORDERS):
        if order:
            inside = text[start + order] == text[start]
            start = start[inside]
            gram = pd.factorize(gram[inside] * len(known) + word[start + order])[0]
        same = pd.DataFrame({"text": text[start], "gram": gram}).groupby(["text", "gram"]).gram
        orders, nth, times = np.full(len(start), order), same.cumcount(), same.transform("size")
        found.append(np.stack([text[start], orders, gram + before, nth, times]))
        before += int(gram.max(initial=-1)) + 1
    text, order, gram, nth, times = np.concatenate(found, axis=1)
    column = pd.factorize(gram * (int(times.max(initial=0)) + 1) + nth)[0]
    return Occurrences(text, order, gram, column, times, length)


def checked(written: Sequence[str], references: Sequence[Sequence[str]]) -> np.ndarray:
    """The picture of each reference; the error where captions and references do not fit."""
    if len(written) != len(references) or not len(references):
        raise ValueError(
            f"every picture needs a caption and its references, as lists of one length; received "
            f"{len(written)} captions and the references of {len(references)} pictures"
        )
    for at, its in enumerate(references):
        if isinstance(its, str) or not len(its):
            raise ValueError(f"picture {at} needs a list of references; received {its!r}")
    return np.repeat(np.arange(len(references)), [len(its) for its in references])


def caption_bleu(written: Sequence[str], references: Sequence[Sequence[str]]) -> np.ndarray:
    """BLEU-1 to BLEU-4 of captions against any number of references each, of the whole corpus.

        p_n    = n-grams of the captions that a reference has / n-grams of the captions
        BLEU_N = min(1, exp(1 - r / c)) (p_1 ... p_N)^(1/N)

    An n-gram counts as often as the reference that has it most often; c is the number of words of
    all captions, r that of the references, for each picture the one whose length is closest (the
    shorter of two). Words are those of `caption_words`. As pycocoevalcap's `Bleu`, but for its
    1e-15, which keep it above zero where nothing is shared. SacreBLEU gives the same, one N a call,
    if it is told to leave tokens alone; here all four cost no more than one.

    Args:
        written: A caption for each picture.
        references: For each picture, the captions that people wrote.

    Returns:
        `(4,)`, 0 to 100.

    Raises:
        ValueError: A picture has no caption, or no reference.

    Example:

    >>> keraseq.evaluate.caption_bleu(["a dog runs"], [["A dog runs .", "a dog"]]).round().tolist()
    [100.0, 100.0, 100.0, 0.0]

    References:
        Papineni et al. 2002, "BLEU: a Method for Automatic Evaluation of Machine Translation".
        Chen et al. 2015, "Microsoft COCO Captions: Data Collection and Evaluation Server".
    """
    picture = checked(written, references)
    count = len(written)
    found = occurrences([*written, *(one for its in references for one in its)])
    own = found.text < count
    there = np.unique(np.stack([picture[found.text[~own] - count], found.column[~own]]), axis=1)
    size = int(found.column.max(initial=0)) + 1
    right = np.isin(found.text[own] * size + found.column[own], there[0] * size + there[1])
    all_of = np.bincount(found.order[own], minlength=ORDERS)
    precision = np.bincount(found.order[own], right, ORDERS) / np.maximum(all_of, 1)
    length, others = found.length[:count], found.length[count:]
    apart = abs(others - length[picture])
    nearest = others[np.lexsort((others, apart, picture))]  # the first of each picture's
    closest = nearest[np.searchsorted(picture, np.arange(count))]
    short = np.exp(min(0.0, 1 - closest.sum() / max(length.sum(), 1)))
    return 100 * short * np.cumprod(precision) ** (1 / np.arange(1, ORDERS + 1))


class Vectors(NamedTuple):
    """TF-IDF of n-grams, such that products of rows are shares of CIDEr-D before its penalty."""

    written: object  # (texts, columns), sparse: weight / norm
    reference: object  # (texts, columns), sparse: times * weight / norm
    length: np.ndarray  # (texts,)


def vectors(captions: Sequence[str], picture: np.ndarray, rare: bool = True) -> Vectors:
    """Captions as CIDEr-D sees them; `picture` says whose reference each is, -1 if it is none.

    If not `rare`, n-grams that few pictures have count no more than others.
    """
    found = occurrences(captions)
    whose = picture[found.text]
    of = np.unique(np.stack([found.gram, whose])[:, whose >= 0], axis=1)[0]
    documents = np.bincount(of, minlength=int(found.gram.max(initial=0)) + 1)
    every = max(picture.max(initial=-1) + 1, 1)
    weight = np.log(every / np.maximum(documents, 1)) if rare else np.ones(len(documents))
    weight = weight[found.gram]
    place = found.text * ORDERS + found.order
    norm = np.sqrt(np.bincount(place, found.times * weight**2, len(captions) * ORDERS))[place]
    value = np.divide(weight, norm, out=np.zeros_like(weight), where=norm > 0)
    length = np.maximum(found.length - 1, 0)  # pycocoevalcap counts pairs of words
    return Vectors(found.matrix(value), found.matrix(value * found.times), length)


def penalty(lengths, others) -> np.ndarray:
    """CIDEr-D's factor for a caption that is longer or shorter than a reference."""
    return np.exp(-((lengths - others) ** 2) / (2 * SIGMA**2))


def cider(written: Sequence[str], references: Sequence[Sequence[str]]) -> np.ndarray:
    """The CIDEr-D of each caption; its mean is that of the corpus.

        g_n(s)        = tf-idf of the n-grams of s: count(w in s) log(pictures / pictures with w)
        similarity_n  = sum_w min(g_n(c), g_n(s)) g_n(s) / (|g_n(c)| |g_n(s)|)
        CIDEr-D(c)    = 10 / 4 sum_n mean_s exp(-(l(c) - l(s))^2 / (2 sigma^2)) similarity_n(c, s)

    over the references s of a picture, n = 1..4 and sigma = 6, without stemming. Document
    frequencies are those of the references given: the CIDEr of two sets of pictures, or of one
    picture, cannot be compared. This is what pycocoevalcap's `Cider` computes and most papers call
    CIDEr; words are those of `caption_words` here, not of Stanford's tokeniser.

    Args:
        written: A caption for each picture.
        references: For each picture, the captions that people wrote.

    Returns:
        `(pictures,)`, in hundredths, as papers print it: 0 to 1,000.

    Raises:
        ValueError: A picture has no caption, or no reference.

    Example:

    >>> references = [["a dog runs on grass"], ["two men sit on a bench"]]
    >>> keraseq.evaluate.cider(["a dog runs on grass", "a man"], references).round().tolist()
    [1000.0, 0.0]

    References:
        Vedantam et al. 2015, "CIDEr: Consensus-based Image Description Evaluation".
    """
    picture = checked(written, references)
    count = len(written)
    texts = [*written, *(one for its in references for one in its)]
    found = vectors(texts, np.concatenate([np.full(count, -1), picture]))
    shared = found.written[picture].multiply(found.reference[count:]).sum(axis=1)
    each = np.asarray(shared) * penalty(found.length[picture], found.length[count:])
    return SCALE / ORDERS * np.bincount(picture, each) / np.bincount(picture)


def caption_scores(written: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, float]:
    """CIDEr-D with its interval, and BLEU.

    Args:
        written: A caption for each picture.
        references: For each picture, the captions that people wrote.

    Returns:
        `cider`, and its 95 % interval `low` to `high` by pictures drawn again, 1,000 times, with
        their document frequencies as they are; `bleu1` to `bleu4`; `pictures`, their number.

    Raises:
        ValueError: A picture has no caption, or no reference.
    """
    each = cider(written, references)
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(len(each), np.full(len(each), 1 / len(each)), size=DRAWS) @ each
    low, high = np.quantile(drawn / len(each), (0.025, 0.975))
    four = {f"bleu{n + 1}": float(one) for n, one in enumerate(caption_bleu(written, references))}
    return {
        "cider": float(each.mean()),
        "low": float(low),
        "high": float(high),
        **four,
        "pictures": len(each),
    }


def constant_caption(train: Sequence[Sequence[str]], validation: Sequence[Sequence[str]]) -> str:
    """The one caption of the training part that serves all of the validation part best, by CIDEr-D.

    Args:
        train: For each training picture, its captions.
        validation: For each validation picture, its captions.

    Raises:
        ValueError: A picture has no caption.
    """
    checked(train, train)
    picture = checked(validation, validation)
    candidates = list(dict.fromkeys(one for its in train for one in its))
    count = len(candidates)
    texts = [*candidates, *(one for its in validation for one in its)]
    found = vectors(texts, np.concatenate([np.full(count, -1), picture]))
    own, others = found.length[:count], found.length[count:]
    worth = np.zeros(count)
    for length in np.unique(own):  # those of one length differ from the references by as much
        share = penalty(length, others) / np.bincount(picture)[picture]
        rows = np.flatnonzero(own == length)
        worth[rows] = found.written[rows] @ (share @ found.reference[count:])
    return candidates[int(worth.argmax())]


def nearest_pictures(features, others, count: int) -> np.ndarray:
    """Of each row of `features` the rows of `others` that are nearest, `(rows, count)`.

    Cosine of the features less the mean of `others`, the nearest first.
    """
    others = np.asarray(others, "float32")
    features, others = (one - others.mean(0) for one in (np.asarray(features, "float32"), others))
    features, others = (
        one / np.maximum(np.linalg.norm(one, axis=1, keepdims=True), 1e-12)
        for one in (features, others)
    )
    return np.argsort(-(features @ others.T), axis=1, kind="stable")[:, :count]


def consensus(
    captions: Sequence[Sequence[str]], chosen: np.ndarray, rare: bool = True
) -> list[str]:
    """For each row of pictures in `chosen`, that of their captions which is most like all of them.

    Likeness is CIDEr-D, with the document frequencies of `captions`, or with none if not `rare`.

    References:
        Devlin et al. 2015, "Exploring Nearest Neighbor Approaches for Image Captioning".
    """
    texts = [one for its in captions for one in its]
    picture = np.repeat(np.arange(len(captions)), [len(its) for its in captions])
    found, best = vectors(texts, picture, rare), []
    for its in chosen:
        rows = np.flatnonzero(np.isin(picture, its))
        like = (found.written[rows] @ found.reference[rows].T).toarray()
        like *= penalty(found.length[rows][:, None], found.length[rows])
        best.append(texts[rows[int(like.sum(1).argmax())]])
    return best


def caption_baselines(
    train: Sequence[Sequence[str]],
    train_features,
    references: Sequence[Sequence[str]],
    features,
    *,
    constant: str,
    neighbours: int = NEIGHBOURS,
):
    """What captions are worth that need no training, beside which a model must stand.

    One caption for all pictures; the first one of the training picture that is nearest; of the
    captions of the 50 nearest that which is most like all of them, by CIDEr-D and by CIDEr-D whose
    n-grams all have one weight (Devlin et al. 2015); and what people reach: the first reference of
    each picture against its others, where all have some. Nearness is
    the cosine of features less their training mean. The last row has one reference fewer a picture
    than the others, which costs it some BLEU and no CIDEr.

    Args:
        train: For each training picture, its captions.
        train_features: One vector for each training picture, `(pictures, features)`.
        references: For each picture, the captions that people wrote.
        features: Its vectors, `(pictures, features)`.
        constant: The caption of all pictures, such as `constant_caption` finds.
        neighbours: How many training pictures agree. Defaults to 50.

    Returns:
        A frame: `method`, and what `caption_scores` gives.

    Raises:
        ValueError: Captions and features are not of as many pictures.
    """
    import pandas as pd

    count = min(positive_integer("neighbours", neighbours), len(train))
    for name, its, rows in (("train", train, train_features), ("references", references, features)):
        checked(its, its)
        if np.ndim(rows) != 2 or len(rows) != len(its):
            raise ValueError(
                f"{name}: {len(its)} pictures need features (pictures, features); received "
                f"{np.shape(rows)}"
            )
    near = nearest_pictures(features, train_features, count)
    rows = [
        ("one caption for all", [constant] * len(references), references),
        ("first caption of the nearest picture", [train[at][0] for at in near[:, 0]], references),
        (f"consensus of {count} nearest pictures", consensus(train, near), references),
        (f"consensus of {count}, every word alike", consensus(train, near, rare=False), references),
    ]
    if min(map(len, references)) > 1:
        own, others = zip(*((its[0], its[1:]) for its in references), strict=True)
        rows.append(("one human against the others", own, others))
    return pd.DataFrame(
        [{"method": name} | caption_scores(written, its) for name, written, its in rows]
    )
