"""Test accuracy against time: our IMDB recipe beside keras.io's bidirectional LSTM example.

    python benchmarks/imdb.py [--threads 2] [--seed 0] [--epochs 1,2]

Prints one JSON object a line, then a table: seconds by the clock, and of the processors, which
neighbours on the machine change less. Both learn from the same reviews, one after the other.
The example is the one of keras.io ("Bidirectional LSTM on IMDB"): 20,000 words, the last 200 of a
review, two layers of 64 units, two epochs; it trains on all of the training half. Its seconds are
those of `fit`; ours are those of `keraseq.recipes.train`, from raw texts to the calibrated
bundle. The test part is scored once for each finished model.
"""

import argparse
import json
import time
from contextlib import contextmanager

import keras
import numpy as np
import timing

from keraseq import data, recipes
from keraseq.data.labelled.batches import padded
from keraseq.evaluate import accuracy
from keraseq.recipes.classify.baselines import logits_of

WORDS, LAST = 20_000, 200  # of keras.io's example


@contextmanager
def timed():
    """A dictionary that holds the seconds of its block, once it is left."""
    found, clock, busy = {}, time.perf_counter(), time.process_time()
    yield found
    found["seconds"] = round(time.perf_counter() - clock, 2)
    found["processor_seconds"] = round(time.process_time() - busy, 2)


def example(reviews: data.LabelledTexts, seed: int) -> dict:
    """keras.io's model, trained for its two epochs."""
    keras.utils.set_random_seed(seed)
    encoder = data.TextEncoder.of(reviews.train.inputs, size=WORDS - 1, length=LAST, keep="end")
    inputs = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(WORDS, 128)(inputs)
    x = keras.layers.Bidirectional(keras.layers.LSTM(64, return_sequences=True))(x)
    x = keras.layers.Bidirectional(keras.layers.LSTM(64))(x)
    model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(x))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])

    def table(texts):  # zeros before, as the example has them
        rows = [np.pad(row, (LAST - len(row), 0)) for row in encoder.rows(texts)]
        return padded(rows)

    texts = [*reviews.train.inputs, *reviews.validation.inputs]
    labels = np.concatenate([reviews.train.targets, reviews.validation.targets])
    seen, test = table(texts), table(reviews.test.inputs)
    with timed() as seconds:
        model.fit(seen, labels, batch_size=32, epochs=2, verbose=0)
    found = model.predict(test, batch_size=128, verbose=0)[:, 0] > 0.5
    return {
        "model": "keras.io bidirectional LSTM, 2 epochs",
        **seconds,
        "test_accuracy": round(float((found == reviews.test.targets).mean()), 4),
    }


def ours(reviews: data.LabelledTexts, epochs: int, seed: int) -> dict:
    """Our recipe with its defaults, but for the number of epochs."""
    with timed() as seconds:
        bundle = recipes.train("classify", reviews, epochs=epochs, seed=seed, report=None)
    encoder = data.TextEncoder.from_dict(bundle.preprocessing["encoder"])
    logits = logits_of(bundle.model, encoder.rows(reviews.test.inputs))
    return {
        "model": f"keraseq, {epochs} epoch{'s' if epochs > 1 else ''}",
        **seconds,
        "test_accuracy": round(accuracy(logits, reviews.test.targets), 4),
    }


def pipeline(reviews: data.LabelledTexts) -> dict:
    """Seconds that one epoch of batches takes alone, and how much of them is padding."""
    encoder = data.TextEncoder.of(reviews.train.inputs)
    rows = encoder.rows(reviews.train.inputs)
    batches = data.labelled.batches(rows, reviews.train.targets, 64, shuffle=True, multiple=32)
    with timed() as seconds:
        for _ in batches:
            pass
    return {
        "model": "the batches of an epoch alone",
        **seconds,
        "padding": round(data.labelled.padding(rows, 64), 4),
    }


def main(arguments=None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", default="1,2")
    chosen = parser.parse_args(arguments)
    if keras.backend.backend() == "tensorflow":
        timing.limit_threads(chosen.threads)
    reviews = data.load("imdb")
    found = [pipeline(reviews)]
    print(json.dumps(found[-1]), flush=True)
    for epochs in map(int, chosen.epochs.split(",")):
        found.append(ours(reviews, epochs, chosen.seed))
        print(json.dumps(found[-1]), flush=True)
    found.append(example(reviews, chosen.seed))
    print(json.dumps(found[-1]), flush=True)
    print(f"\n{'':40}{'seconds':>10}{'processor':>10}{'test accuracy':>15}")
    for row in found:
        times = f"{row['seconds']:10.1f}{row['processor_seconds']:10.1f}"
        print(f"{row['model']:40}{times}{row.get('test_accuracy', ''):>15}")


if __name__ == "__main__":
    main()
