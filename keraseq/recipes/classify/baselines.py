"""Simple classifiers, which a recurrent network must beat to be worth its time: those of texts."""

from collections.abc import Callable, Sequence

import keras
import numpy as np

from keraseq import data, layers, models
from keraseq import train as training
from keraseq.data import labelled
from keraseq.data.labelled.encoder import plain
from keraseq.evaluate import accuracy, probabilities
from keraseq.keras_inside import without_advice_on_tracing

TOGETHER = 128  # texts in a batch
MULTIPLE = 32  # of the batches' lengths, see `keraseq.data.labelled.batches`
BAG_EPOCHS, BAG_WIDTH, BAG_RATE = 10, 64, 2e-3
PAIRS = 300_000  # words and pairs of the TF-IDF
PENALTIES = (1.0, 3.0, 10.0, 30.0)  # C of the logistic regression, chosen on validation

Method = tuple[str, Callable[[Sequence[str]], np.ndarray]]


def most_frequent(parts: data.Labelled) -> Method:
    """The shares of the classes in the training part, whatever the input says."""
    shares = np.bincount(parts.train.targets, minlength=len(parts.classes))
    shares = shares / shares.sum()
    return "most frequent class", lambda inputs: np.tile(shares, (len(inputs), 1))


def bag_of_embeddings(reviews: data.LabelledTexts, encoder: data.TextEncoder) -> Method:
    """The mean of learned word vectors, the best of 10 epochs on validation (fastText's model)."""
    rows = {name: encoder.rows(reviews.part(name).inputs) for name in ("train", "validation")}
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    x = keras.layers.Embedding(len(encoder), BAG_WIDTH, mask_zero=True)(tokens)
    x = layers.SequencePooling("mean")(x)
    x = keras.layers.Dropout(0.5)(x)
    logits = keras.layers.Dense(len(reviews.classes), name="logits")(x)
    model = training.compile(models.SequenceModel(tokens, logits), learning_rate=BAG_RATE)
    sets = {
        name: labelled.batches(
            rows[name], reviews.part(name).targets, 64, shuffle=name == "train", multiple=MULTIPLE
        )
        for name in rows
    }
    stop = keras.callbacks.EarlyStopping(patience=2, restore_best_weights=True)
    model.fit(
        sets["train"],
        validation_data=sets["validation"],
        epochs=BAG_EPOCHS,
        shuffle=False,  # the data set does it
        callbacks=[stop],
        verbose=0,
    )

    return "bag of embeddings", lambda texts: probabilities(logits_of(model, encoder.rows(texts)))


def multiple_of(rows: Sequence[np.ndarray]) -> int:
    """Of the batches' lengths: few lengths, and no padding where all rows are alike."""
    return 1 if len({len(row) for row in rows}) == 1 else MULTIPLE


def logits_of(model: keras.Model, rows: Sequence[np.ndarray], fill: float = 0) -> np.ndarray:
    """The logits `(n, classes)` of rows, padded with `fill`, in their order."""
    return logits_by(
        model,
        labelled.batches(rows, batch_size=TOGETHER, multiple=multiple_of(rows), fill=fill),
    )


def logits_by(model: keras.Model, sets) -> np.ndarray:
    """The logits of all rows of batches, in the order of the rows."""
    # Not by `predict`, which on TensorFlow compiles anew for each size of a single batch.
    with without_advice_on_tracing():
        sorted_ones = np.concatenate([model.predict_on_batch(batch) for batch in sets])
    logits = np.empty_like(sorted_ones)
    logits[sets.order] = sorted_ones
    return logits


def tfidf(reviews: data.LabelledTexts) -> Method:
    """scikit-learn's logistic regression on the TF-IDF of words and of pairs of neighbours."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    vectors = TfidfVectorizer(
        preprocessor=plain,
        tokenizer=str.split,
        token_pattern=None,
        ngram_range=(1, 2),
        sublinear_tf=True,
        max_features=PAIRS,
    )
    seen = vectors.fit_transform(reviews.train.inputs)
    check = vectors.transform(reviews.validation.inputs)
    best, found = None, -1.0
    for penalty in PENALTIES:
        model = LogisticRegression(C=penalty, max_iter=200).fit(seen, reviews.train.targets)
        right = accuracy(model.predict_proba(check), reviews.validation.targets)
        if right > found:
            best, found = model, right
    return "logistic regression, TF-IDF bigrams", lambda texts: best.predict_proba(
        vectors.transform(texts)
    )
