"""How a captioner is made of pictures and their captions and trained."""

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from keraseq import data, losses, models
from keraseq.bundle import Score
from keraseq.data import pictures as seeing
from keraseq.data.labelled.batches import padded
from keraseq.data.pairs.batches import groups
from keraseq.data.parts import PARTS
from keraseq.evaluate import caption_words, cider
from keraseq.recipes.caption.evaluation import (
    cache_of,
    captioned,
    evaluate,
    features,
    network_of,
    predict,
    read,
)
from keraseq.recipes.caption.settings import LITE0, Settings
from keraseq.recipes.recipe import Recipe
from keraseq.recipes.run import digest


@dataclass(frozen=True)
class Prepared:
    """What is trained on.

    `seen` has the features of the pictures of a part, `rows` the ids of its captions and the number
    of the picture that each belongs to; `sha256` is that of the network.
    """

    parts: data.Captions
    encoder: data.SentenceEncoder
    seen: dict[str, np.ndarray]
    rows: dict[str, tuple[list[np.ndarray], np.ndarray]]
    too_long: int
    sha256: str


class Caption(Recipe):
    """Pictures with captions -> a captioner; see `keraseq.recipes.recipe.Recipe`.

    The best epoch is that of the best greedy captions of validation pictures, not of the lowest
    loss; the test part is not looked at.
    """

    name, Settings, Data = "caption", Settings, data.Captions
    reads_again = ("pictures", "sep", "header", "encoding")

    def reading(self, settings: Settings) -> dict:
        """The options of reading; where features are kept says nothing of the data."""
        return {k: v for k, v in super().reading(settings).items() if k != "cache"}

    def read(self, source, settings: Settings) -> data.Captions:
        """A public set by its name, or a file of captions."""
        if self.read_already(source, settings):
            return source
        options = self.reading(settings)
        if isinstance(source, str) and source in data.sets.SETS:
            return data.load(source, **options)
        return read(source, **options)

    def known(self, parts: data.Captions) -> str:
        """What tells pictures and captions from others."""
        some = (parts.train, parts.validation)
        return digest(*(([Path(str(p)).name for p in one.pictures], one.captions) for one in some))

    def prepare(self, parts: data.Captions, settings: Settings) -> Prepared:
        """The words of the training part, the rows, and what the network sees."""
        said = {
            part: [" ".join(caption_words(one)) for its in parts.part(part).captions for one in its]
            for part in PARTS[:2]
        }
        counts = Counter(" ".join(said["train"]).split())
        usual = sum(count >= settings.minimum for count in counts.values())
        words = data.WordVocabulary.of(" ".join(said["train"]), usual + 2)
        encoder = data.SentenceEncoder(words, settings.length)
        network, cache = network_of(settings.encoder), cache_of(settings, trained=False)
        rows, seen, too_long = {}, {}, 0
        for part, captions in said.items():
            ids = encoder.rows(captions)
            its = parts.part(part)
            whose = np.repeat(np.arange(len(its.captions)), [len(c) for c in its.captions])
            kept = [at for at, row in enumerate(ids) if 1 < len(row) <= settings.length + 1]
            if not kept:
                raise ValueError(
                    f"{parts.name}: no {part} caption has at most length={settings.length} words"
                )
            too_long += len(ids) - len(kept)
            rows[part] = [ids[at] for at in kept], whose[kept]
            seen[part] = features(its.pictures, network, settings, cache=cache)
        return Prepared(parts, encoder, seen, rows, too_long, seeing.identity(network))

    def batches(self, prepared: Prepared, part: str, settings: Settings):
        """Batches of captions of like length, each with its picture."""
        from keraseq.data.batches import Batches

        (rows, whose), seen = prepared.rows[part], prepared.seen[part]
        multiple = 8 if keras.backend.backend() == "jax" else 2  # it compiles for every length
        shifted = [np.concatenate([[prepared.encoder.start], row[:-1]]) for row in rows]
        lengths = np.array([[len(row) for row in rows], [1] * len(rows)])

        def gather(chosen):
            target, labels = (padded([s[i] for i in chosen], multiple) for s in (shifted, rows))
            return {"picture": seen[whose[chosen]].astype("float32"), "target": target}, labels

        draw = lambda shuffle: groups(lengths, settings.batch_size, shuffle, multiple)  # noqa: E731
        return Batches(draw, gather, shuffle=part == "train")

    def build(self, prepared: Prepared, settings: Settings, training: bool) -> keras.Model:
        """The model of the settings."""
        return models.image_captioner(
            len(prepared.encoder),
            features=prepared.seen["train"].shape[1:],
            embedding=settings.embedding,
            cell=settings.cell,
            units=settings.units,
            layers=settings.layers,
            image=settings.image,
            attention_units=settings.attention_units,
            even_attention=settings.even_attention,
            start=prepared.encoder.start,
            dropout=settings.dropout,
            cell_options={"recurrent_dropout": settings.recurrent_dropout},
            name="captioner",
        )

    def begin(self, model, prepared: Prepared, settings: Settings, folder, say) -> None:
        """Says what is left out."""
        if prepared.too_long:
            say(
                f"{prepared.too_long:,} captions of more than {settings.length} words, or none, "
                "are left out"
            )

    def compiling(self, settings: Settings) -> dict:
        """The cross-entropy of smoothed labels, and as a metric that of the words alone."""
        words = keras.metrics.SparseCategoricalCrossentropy(name="words", from_logits=True)
        return {"loss": losses.CrossEntropy(settings.label_smoothing), "metrics": [words]}

    def best_by(self, settings: Settings) -> tuple[str, str]:
        """CIDEr of captions."""
        return "val_cider", "max"

    def worth(self, model, prepared: Prepared, settings: Settings) -> dict[str, float]:
        """CIDEr of greedy captions of validation pictures, by which the best epoch is chosen."""
        some = slice(settings.measured_pictures)
        seen, references = prepared.seen["validation"][some], prepared.parts.validation.captions
        found = captioned(model, prepared.encoder, settings, seen)
        return {"cider": float(cider(found.caption.tolist(), references[some]).mean())}

    def ignorance(self, prepared: Prepared, settings: Settings, check) -> float:
        """The cost of a word if all are alike."""
        return math.log(len(prepared.encoder))

    def said(self, logs: dict, prepared: Prepared) -> str:
        """The cost of a word, and CIDEr."""
        score = f", CIDEr {logs['cider']:.1f}" if "cider" in logs else ""
        return f"{logs['words']:.4f} nats per word{score}"

    def sample(self, model: keras.Model, prepared: Prepared, settings: Settings) -> str:
        """A picture of the validation part, and what the model says of it."""
        seen = prepared.seen["validation"][:1]
        [caption] = captioned(model, prepared.encoder, settings, seen).caption
        return f"{Path(str(prepared.parts.validation.pictures[0])).name}: {caption}"

    def finish(self, model, prepared: Prepared, log, settings: Settings, say) -> tuple:
        """The model, what reads and writes captions, and its CIDEr."""
        parts = prepared.parts
        options = dict(parts.options)
        if "captions" in options:  # as `read` calls them
            options |= {"source": options.pop("captions"), "pictures": options["source"]}
        stored = {
            "encoder": prepared.encoder.to_dict(),
            "network": {"name": settings.encoder, "sha256": prepared.sha256},
            "data": {"name": parts.name, "sha256": parts.sha256, "options": options},
        }
        count = min(settings.measured_pictures, len(parts.validation.pictures))
        measured = f"CIDEr of the first {count:,} validation pictures, greedy"
        return model, stored, Score(measured, max(log["val_cider"]))

    def title(self, parts: data.Captions, settings: Settings) -> str:
        """What the model is."""
        return f"Captioner of pictures, of {parts.name}"

    def card(self, prepared: Prepared, settings: Settings) -> dict:
        """Also whose weights the network has that looks at pictures."""
        found = super().card(prepared, settings)
        terms = "its weights: Apache-2.0" if settings.encoder == LITE0 else "a file of one's own"
        network = f"looks through {settings.encoder} ({terms}), which is not in the bundle"
        return {**found, "notes": "; ".join(filter(None, [found["notes"], network]))}

    evaluate, predict = staticmethod(evaluate), staticmethod(predict)

    def raw(self, given: list[str], stdin) -> list[str]:
        """Paths."""
        return given or [line.decode().rstrip("\r\n") for line in stdin]

    def lines(self, found) -> list[str]:
        """The captions, one a line."""
        return found.caption.tolist()
