"""The wide part of a classifier: naive Bayes logistic regression on runs of one to three words."""

from collections.abc import Callable, Sequence

import keras
import numpy as np

from keraseq.evaluate import accuracy, log_softmax, negative_log_likelihood, temperature
from keraseq.layers.wide import keys_of
from keraseq.recipes.classify.baselines import logits_of
from keraseq.recipes.run import copy_weights

FEWEST = 3  # training texts that a run of words must stand in
PENALTIES = (0.03, 0.1, 0.3)  # C of the logistic regression, chosen on validation
SMOOTHING = 1.0  # added to counts


def add(
    deep: keras.Model,
    builder: Callable[[int], keras.Model],
    size: int,
    rows: dict[str, Sequence[np.ndarray]],
    labels: dict[str, np.ndarray],
    report: Callable[[str], None] = lambda line: None,
) -> keras.Model:
    """A trained classifier with a wide part beside its recurrent one.

        logits = a deep(text) + b wide(text)

    The wide part is a logistic regression on which words, pairs and triples of neighbours occur,
    each times its log ratio of naive Bayes (Wang & Manning 2012). It is fitted to the training
    texts by itself, for it knows them nearly by heart, and a recurrent part trained beside it would
    learn nothing; a and b, which make one model of both, are those of the least cost on validation.

    Args:
        deep: A trained `keraseq.models.sequence_classifier` without a wide part.
        builder: Makes the same model with a wide part of so many keys.
        size: How many words, pairs and triples are kept, those with the largest weights.
        rows: Token ids of the `"train"` and the `"validation"` texts.
        labels: Their classes.
        report: Gets a line. Defaults to nothing.

    Returns:
        The whole model.
    """
    classes, vocabulary = deep.output_shape[-1], deep.get_layer("embedding").input_dim
    seen, keys = occurrences(rows["train"], vocabulary)
    check, _ = occurrences(rows["validation"], vocabulary, keys)
    kernel, bias = fitted(seen, labels["train"], check, labels["validation"], classes)
    kept = np.sort(np.argsort(-np.abs(kernel).max(axis=1), kind="stable")[:size])
    whole = builder(len(kept))
    copy_weights(deep, whole)
    wide = whole.get_layer("wide")
    wide.set_table(keys[kept], kernel[kept], bias)
    apart = [
        logits_of(one, rows["validation"]) for one in (deep, keras.Model(whole.input, wide.output))
    ]
    share = shares(apart[0], apart[1], labels["validation"])
    last = whole.get_layer("logits")
    last.set_weights([share[0] * weight for weight in last.get_weights()])
    wide.set_table(keys[kept], share[1] * kernel[kept], share[1] * bias)
    each = [f"{accuracy(one, labels['validation']):.4f}" for one in apart]
    report(
        f"runs of words that vote by themselves: {len(kept):,}; validation accuracy {each[1]}, "
        f"the recurrent part's {each[0]}"
    )
    return whole


def occurrences(rows: Sequence[np.ndarray], vocabulary: int, keys: np.ndarray | None = None):
    """Which runs of words stand in which text: a sparse matrix of ones, and its columns' keys.

    Args:
        rows: Token ids of the texts.
        vocabulary: Number of ids.
        keys: The columns, in rising order. Default: all that stand in enough texts.
    """
    from scipy import sparse

    each = [np.unique(keys_of(row, vocabulary)) for row in rows]
    every = np.concatenate(each)
    if keys is None:
        keys, counts = np.unique(every, return_counts=True)
        keys = keys[counts >= min(FEWEST, counts.max())]
    columns = np.minimum(np.searchsorted(keys, every), len(keys) - 1)
    known = keys[columns] == every
    texts = np.repeat(np.arange(len(each)), [len(one) for one in each])
    ones = np.ones(known.sum(), "float32")
    shape = (len(each), len(keys))
    return sparse.csr_matrix((ones, (texts[known], columns[known])), shape), keys


def fitted(seen, labels, check, check_labels, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights `(columns, classes)` and biases of the penalty that is best on the second texts."""

    def cost(weights) -> float:
        kernel, bias = weights
        logits = check @ kernel + bias
        logits = logits / temperature(logits, check_labels)
        return negative_log_likelihood(logits, check_labels).mean()

    return min((one_against_others(seen, labels, classes, one) for one in PENALTIES), key=cost)


def one_against_others(seen, labels, classes: int, penalty: float):
    """A logistic regression for each class; for two classes the second's, shared by halves."""
    from sklearn.linear_model import LogisticRegression

    columns = []
    for one in [1] if classes == 2 else range(classes):
        is_it = np.asarray(labels) == one
        ratio = log_ratio(seen, is_it)
        model = LogisticRegression(C=penalty, solver="liblinear", dual=True, random_state=0)
        model.fit(seen.multiply(ratio).tocsr(), is_it)
        columns.append(np.append(ratio * model.coef_[0], model.intercept_))
    if classes == 2:
        columns = [-columns[0] / 2, columns[0] / 2]
    table = np.stack(columns, axis=1)
    return table[:-1], table[-1]


def log_ratio(seen, is_it: np.ndarray) -> np.ndarray:
    """Of each column: the log of its share in the texts of a class over that in the others."""
    ours, others = (SMOOTHING + np.asarray(seen[at].sum(axis=0))[0] for at in (is_it, ~is_it))
    return np.log(ours / ours.sum()) - np.log(others / others.sum())


def shares(deep: np.ndarray, wide: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The two positive numbers whose weighted sum of logits fits the labels best."""
    from scipy.optimize import minimize

    at = np.arange(len(labels)), np.asarray(labels)
    both = np.stack([deep, wide]).astype("float64")

    def cost(logs):
        share = np.exp(logs)
        logs_of_classes = log_softmax(np.tensordot(share, both, axes=1))
        # d/da of -log p(label) is the mean of the logits under p less the label's.
        off = (np.exp(logs_of_classes) * both).sum(-1) - both[:, *at]
        return -logs_of_classes[at].mean(), share * off.mean(-1)

    start = np.log([0.5, 0.5])
    return np.exp(minimize(cost, start, jac=True, bounds=[(-5, 2)] * 2, method="L-BFGS-B").x)
