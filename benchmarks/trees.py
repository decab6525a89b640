"""Sentiment of trees (SST): a recursive network, and a bidirectional LSTM of as many parameters.

    python benchmarks/trees.py [--cell tree-lstm] [--seeds 0,1,2]
    python benchmarks/trees.py --cell bilstm

Data: the folder named by `KERASEQ_DATA`, else a download; `--vectors` is a file in GloVe's text
format. The given split; the epoch is the best one on validation by the accuracy of roots; settings
were chosen on validation. One model of five classes gives both numbers: a root that is not neutral
counts as positive if its two positive classes are likelier together. Every run prints its lines and
adds one to `--csv`; runs that are in the file are not repeated, and one that was killed goes on.

`bilstm` reads phrases as sequences and has as many parameters beside the vectors. It learns whole
sentences and, drawn anew in each epoch, `PHRASES` phrases of each: a recursive network learns all
phrases of a sentence in one pass, a sequence model needs a pass for each.
"""

import argparse
import json
import os
import time
from dataclasses import replace
from math import prod
from pathlib import Path

import lines
import timing

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
VECTORS = "glove/glove.6B.100d.slice.txt.gz"
OPTIONS = {
    "units": int,
    "epochs": int,
    "learning_rate": float,
    "dropout": float,
    "embedding_dropout": float,
    "recurrent_dropout": float,
    "word_dropout": float,
    "pace": float,
    "batch_size": int,
    "weight_decay": float,
    "decay": str,
}
PHRASES = 4  # of each sentence, in each epoch of a BiLSTM
SCORES = ("accuracy", "low", "high", "binary", "binary_low", "binary_high", "nats")


def main() -> None:
    """Measures what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vectors", default=VECTORS)
    parser.add_argument("--cell", default="tree-lstm")
    for name, kind in OPTIONS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind)
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--limit", type=int, help="About so many trees of the training part alone.")
    parser.add_argument("--threads", type=int, default=0, help="0: as many as there are processors")
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--folder", type=Path, help="Where runs are kept while they go on.")
    given = parser.parse_args()
    timing.limit_threads(given.threads)
    path = given.csv or Path(__file__).parent / "results" / "trees-sst.csv"
    for seed in map(int, given.seeds.split(",")):
        run(given, seed, path)


def run(given, seed: int, path: Path) -> None:
    """Trains, measures on validation and test, and writes a line; nothing if it is there."""
    from keraseq import data, recipes
    from keraseq.recipes.presets import preset

    asked = {name: getattr(given, name) for name in OPTIONS if getattr(given, name) is not None}
    chosen = {**preset("classify", "sst"), **asked, "vectors": given.vectors, "seed": seed}
    if given.cell != "bilstm":
        chosen["cell"] = given.cell
    trees, recipe = data.load("sst"), recipes.get("classify")
    if given.limit:  # they are sorted by sentiment
        stride = len(trees.train.inputs) // given.limit
        trees = replace(trees, train=data.Part(*(one[::stride] for one in trees.train)), options={})
    settings = recipe.completed(trees, recipe.Settings.of(chosen))
    key = {"data": "sst", "cell": given.cell, "seed": seed, "limit": given.limit}
    key |= {name: getattr(settings, name) for name in OPTIONS}
    if lines.there(path, key):
        return
    folder = given.folder and given.folder / "-".join(map(str, key.values()))
    begin, processor = time.monotonic(), time.process_time()
    if given.cell == "bilstm":
        model, table = bilstm(trees, recipe, settings)
    else:
        bundle = recipes.train("classify", trees, folder=folder, hold=True, **chosen)
        model = bundle.model
        table = recipes.evaluate(bundle, trees, baselines=False).set_index("part")
    line = {**key, "parameters": model.count_params()}
    line["trained"] = sum(prod(one.shape) for one in model.trainable_weights)
    for part, prefix in (("test", ""), ("validation", "validation_")):
        for name in SCORES:
            line[prefix + name] = round(float(table.loc[part, name]), 5)
    line["seconds"] = round(time.monotonic() - begin)
    line["processor_seconds"] = round(time.process_time() - processor)
    lines.add(path, line)
    print(json.dumps(line), flush=True)


def bilstm(trees, recipe, settings):
    """The best epoch's model, and a frame with a row a part."""
    import numpy as np
    import pandas as pd

    from keraseq import data, models, train
    from keraseq.evaluate import log_softmax
    from keraseq.recipes.classify.baselines import logits_of
    from keraseq.recipes.classify.evaluation import measured
    from keraseq.recipes.run import schedule

    prepared = recipe.prepare(trees, settings)
    kind, encoder = prepared.kind, prepared.encoder
    size = kind.build(encoder, 5, settings).count_params()
    size -= kind.width(settings) * len(encoder)
    options = {"embedding": kind.width(settings), "cell": "lstm", "bidirectional": True}
    # Of the words with vectors that training does not have, those of the other parts are enough.
    others = {
        word
        for part in ("validation", "test")
        for tree in trees.part(part).inputs
        for word in data.labelled.trees.words_of(tree)
    }
    encoder = data.TreeEncoder(encoder.words, [one for one in encoder.more if one in others])
    units = models.match_parameters(
        models.sequence_classifier, size, classes=5, vocabulary=1, **options
    )
    train.seed_everything(settings.seed)
    model = models.sequence_classifier(
        5,
        vocabulary=len(encoder),
        units=units,
        dropout=settings.dropout,
        embedding_dropout=settings.embedding_dropout,
        **options,
    )
    edge = (3 / kind.width(settings)) ** 0.5
    rng = np.random.default_rng(settings.seed)
    table = rng.uniform(-edge, edge, (len(encoder), kind.width(settings)))
    for at, word in enumerate([*encoder.words, *encoder.more], 2):
        table[at] = kind.vectors.get(word, table[at])
    model.get_layer("embedding").set_weights([table])
    whole = {
        part: [one.tokens for one in encoder.rows(trees.part(part).inputs)]
        for part in ("train", "validation", "test")
    }
    phrases = []
    for text in trees.train.inputs:
        tree = data.labelled.parsed(text)
        spans = zip(tree.spans(), tree.labels, strict=True)
        phrases.append([(*span, label) for span, label in spans if span[1] - span[0] > 1])
    drawn = sum(min(PHRASES, max(0, len(one) - 1)) for one in phrases)
    steps = -(-(len(phrases) + drawn) // 64) * settings.epochs
    train.compile(model, learning_rate=schedule(settings.learning_rate, steps))
    best, kept = -1.0, None
    for epoch in range(settings.epochs):
        rows, labels = list(whole["train"]), list(trees.train.targets)
        for row, some in zip(whole["train"], phrases, strict=True):
            for at in rng.permutation(max(0, len(some) - 1))[:PHRASES]:  # the last is the sentence
                start, end, label = some[at]
                rows.append(row[start:end])
                labels.append(label)
        sets = data.labelled.batches(rows, labels, 64, shuffle=True, multiple=8)
        model.fit(sets, epochs=1, shuffle=False, verbose=0)
        logits = logits_of(model, whole["validation"])
        right = float((logits.argmax(1) == trees.validation.targets).mean())
        print(f"epoch {epoch + 1}/{settings.epochs}: validation accuracy {right:.4f}", flush=True)
        if right > best:
            best, kept = right, model.get_weights()
    model.set_weights(kept)
    found = {}
    for part in ("validation", "test"):
        chances = np.exp(log_softmax(logits_of(model, whole[part])))
        row = measured(part, "bilstm", chances, trees.part(part))
        found[part] = row | kind.more(None, chances, trees.part(part))
    return model, pd.DataFrame.from_dict(found, orient="index")


if __name__ == "__main__":
    main()
