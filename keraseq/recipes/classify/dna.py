"""DNA: letters and where they stand, both strands, and the simple methods for them."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import keras
import numpy as np

from keraseq import data, models
from keraseq.data import labelled
from keraseq.data.labelled.dna import (
    BASES,
    LETTERS,
    checked,
    is_fasta,
    letters,
    sequences,
)
from keraseq.data.labelled.parts import labels_of
from keraseq.data.labelled.table import FILES, OF_FILES, table
from keraseq.evaluate import log_softmax
from keraseq.files import checked_json
from keraseq.recipes.classify.baselines import multiple_of
from keraseq.recipes.classify.kinds import Kind
from keraseq.recipes.classify.settings import Settings

LENGTH = 6  # letters of the words that naive Bayes counts


@dataclass(frozen=True)
class Stored:
    """What `keraseq.data.DnaEncoder.to_dict` writes."""

    positions: int


class Dna(Kind):
    """Sequences of letters; see `Kind`. Padding is `NaN`, which the model masks."""

    name, Data, column, fill = "dna", data.LabelledDna, "sequence", float("nan")

    def takes(self, source, settings: Settings) -> bool:
        """FASTA files, folders of them, and tables with a column of sequences."""
        if settings.sequence or is_fasta(source):
            return True
        if isinstance(source, (list, tuple)):
            return bool(source) and all(map(is_fasta, source))
        if isinstance(source, (str, Path)):
            if Path(source).is_dir():
                return any(map(is_fasta, Path(source).iterdir()))
            if not str(source).lower().endswith(FILES):
                return False
        elif not hasattr(source, "columns"):
            return False
        frame = table(source, **{name: getattr(settings, name) for name in OF_FILES}).frame
        return "sequence" in frame

    def read(self, source, **options) -> data.LabelledDna:
        """FASTA files, one for each class, or a table."""
        return data.labelled_dna(source, **options)

    def whole(self, source, encoder, options: dict) -> tuple[list, list, str]:
        """All sequences of a source."""
        found = sequences(source, **self.known(options))
        return found.inputs, labels_of(found), found.name

    def known(self, options: dict) -> dict:
        """Those options that say how a table is read."""
        return {k: options[k] for k in ("sequence", "label", *OF_FILES) if k in options}

    def raw(self, given, encoder, options: dict) -> tuple[list, list[str]]:
        """Letters themselves; FASTA files, folders and tables by their paths; or a frame."""
        given = [given] if isinstance(given, (str, Path)) or hasattr(given, "columns") else given
        inputs, shown = [], []
        for one in given:
            one = one.decode("ascii", "replace") if isinstance(one, bytes) else one
            if is_path(one) or hasattr(one, "columns"):
                found = sequences(one, **self.known(options))
                inputs, shown = inputs + found.inputs, shown + found.ids
            else:
                inputs.append(checked(one, f"sequence {len(shown)}"))
                shown.append(str(len(shown)))
        return encoder.rows(inputs), shown

    def encoder(self, parts: data.LabelledDna, settings: Settings) -> data.DnaEncoder:
        """As many places as the training part has letters."""
        return data.DnaEncoder.of(parts.train.inputs)

    def decoded(self, stored: dict) -> data.DnaEncoder:
        """The places that were kept."""
        return data.DnaEncoder(**asdict(checked_json(json.dumps(stored), Stored)))

    def batches(self, rows, labels=None, settings=None, weights=None, shuffle=False):
        """As for every kind; in training some letters could be any."""
        if not (shuffle and settings.word_dropout):
            return super().batches(rows, labels, settings, weights, shuffle)
        change = partial(blurred, rate=settings.word_dropout)
        how = {"weights": weights, "shuffle": True, "fill": self.fill, "change": change}
        return labelled.batches(
            rows, labels, settings.batch_size, multiple=multiple_of(rows), **how
        )

    def build(self, encoder, classes: int, settings: Settings) -> keras.Model:
        """The model."""
        return models.sequence_classifier(
            classes,
            features=len(encoder),
            embedding_dropout=0.0,
            masked=True,
            **settings.tower(),
        )

    def methods(self, model, name: str, rows: Sequence[np.ndarray]) -> dict:
        """The model on the strand as it is read, and on average of both strands."""
        own, other = self.logits(model, rows), self.logits(model, [*map(turned, rows)])
        both = np.logaddexp(log_softmax(own), log_softmax(other)) - np.log(2)
        return {name: own, f"{name}, both strands": both}

    def more(self, chances_of, chances: np.ndarray, part: data.Part) -> dict:
        """What biologists ask: of two classes the last one is the one that is looked for."""
        from sklearn.metrics import matthews_corrcoef

        named, truth = chances.argmax(1), part.targets
        found = {"mcc": float(matthews_corrcoef(truth, named))}
        if chances.shape[1] == 2:
            found["sensitivity"], found["specificity"] = (
                float((named == one)[truth == one].mean()) if (truth == one).any() else np.nan
                for one in (1, 0)
            )
        return found

    def baselines(self, parts: data.LabelledDna, encoder, report, leave_out) -> Iterator[tuple]:
        """Naive Bayes by single letters, by words, and by position."""
        train, classes = parts.train, len(parts.classes)
        report("naive Bayes")
        for name, counts in (
            (
                "naive Bayes, single letters",
                lambda found: np.array([letters(s).sum(0) for s in found]),
            ),
            (f"naive Bayes, {LENGTH}-mers", words),
        ):
            yield name, naive_bayes(counts, train.inputs, train.targets, classes)
        lengths = {len(one) for part in data.parts.PARTS for one in parts.part(part).inputs}
        if len(lengths) > 1:
            leave_out("naive Bayes by position is left out: it reads sequences of one length")
            return
        by_position = naive_bayes(
            lambda found: np.array([letters(one).ravel() for one in found]),
            train.inputs,
            train.targets,
            classes,
            outcomes=len(BASES),
        )
        yield "naive Bayes by position", by_position


def is_path(given) -> bool:
    """Whether something is the path of a file or folder, and no letters."""
    return isinstance(given, Path) or (
        isinstance(given, str)
        and (given.lower().endswith((*FILES, *labelled.dna.FASTA)) or "/" in given)
    )


def blurred(row: np.ndarray, rng: np.random.Generator, rate: float) -> np.ndarray:
    """A row some letters of which could be any."""
    row = row.copy()
    row[rng.random(len(row)) < rate, : len(BASES)] = 1 / len(BASES)
    return row


def turned(row: np.ndarray) -> np.ndarray:
    """The other strand of a row: its letters turned round, the places as they are."""
    width = len(BASES)
    return np.concatenate([row[::-1, width - 1 :: -1], row[:, width:]], axis=1)


def composition(found: Sequence[str]) -> np.ndarray:
    """How much of each base there is, `(n, 4)`."""
    return np.array([letters(one).sum(0) for one in found])


def words(found: Sequence[str]) -> np.ndarray:
    """How often each word of `LENGTH` letters occurs, `(n, 4 ** LENGTH)`."""
    number = np.full(len(LETTERS), -(4**LENGTH))
    for i, one in enumerate(BASES):
        number[ord(one)] = i
    counts = np.zeros((len(found), 4**LENGTH), "float32")
    for row, one in zip(counts, found, strict=True):
        if len(one) >= LENGTH:
            every = np.frombuffer(one.encode("ascii"), "uint8")
            windows = np.lib.stride_tricks.sliding_window_view(number[every], LENGTH)
            at = windows @ 4 ** np.arange(LENGTH)
            np.add.at(row, at[at >= 0], 1)
    return counts


def naive_bayes(
    counts: Callable, inputs: Sequence[str], labels: np.ndarray, classes: int, outcomes: int = 0
) -> Callable:
    """Probabilities by counts that are independent, each seen once more than it was.

    log P(class) + sum over counts of n log P(one of them | class)

    Args:
        counts: Function from sequences to what occurs in them, `(n, kinds)`.
        inputs, labels: To learn from.
        classes: Their number.
        outcomes: How many kinds, side by side, exclude each other. Default: all.
    """
    seen = counts(inputs)
    totals = np.stack([seen[labels == one].sum(0) for one in range(classes)]) + 1.0
    groups = totals.reshape(classes, -1, outcomes or totals.shape[1])
    logs = np.log(groups / groups.sum(2, keepdims=True)).reshape(classes, -1)
    shares = np.log(np.bincount(labels, minlength=classes) / len(labels))

    def chances(found):
        logits = shares + counts(found) @ logs.T
        return np.exp(log_softmax(logits))

    return chances
