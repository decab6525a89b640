"""How a classifier of any labelled sequence is made and trained."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import keras
import numpy as np

from keraseq import data
from keraseq.bundle import Score
from keraseq.data.labelled.parts import content
from keraseq.data.labelled.table import OF_FILES
from keraseq.evaluate import accuracy, temperature
from keraseq.recipes.classify import kinds
from keraseq.recipes.classify.evaluation import evaluate, predict
from keraseq.recipes.classify.settings import Settings
from keraseq.recipes.recipe import Recipe
from keraseq.recipes.run import digest


@dataclass(frozen=True)
class Prepared:
    """Labelled examples, what reads them, and their rows by part."""

    kind: kinds.Kind
    parts: data.Labelled
    encoder: Any
    rows: dict[str, list[np.ndarray]]


class Classify(Recipe):
    """Examples with a label -> a classifier; see `keraseq.recipes.recipe.Recipe`.

    What depends on the kind of input is in `keraseq.recipes.classify.kinds`. Epoch and temperature
    are chosen on validation; the test part is not looked at.
    """

    name, Settings, Data = "classify", Settings, data.Labelled
    reads_again = (
        "text",
        "label",
        "id",
        "time",
        "channels",
        "decimal",
        "path",
        "sequence",
        *OF_FILES,
    )

    def read(self, source, settings: Settings) -> data.Labelled:
        """A public set by its name, or raw data of one of the kinds."""
        kind = kinds.kind_of(source, settings)
        if self.read_already(source, settings):
            return source
        options = self.reading(settings)
        if isinstance(source, str) and source in data.sets.SETS:
            return data.load(source, **options)
        return kind.read(source, **options)

    def completed(self, parts: data.Labelled, settings: Settings) -> Settings:
        """The settings, with the defaults of the kind, and what follows from the data."""
        return kinds.completed(settings, kinds.kind_of(parts, settings), parts)

    def known(self, parts: data.Labelled) -> str:
        """What tells data from others."""
        return digest(
            *(
                ([content(one) for one in part.inputs], part.targets.tobytes())
                for part in (parts.train, parts.validation)
            ),
            *(parts.classes, getattr(parts, "unlabelled", ())),
        )

    def prepare(self, parts: data.Labelled, settings: Settings) -> Prepared:
        """What is fitted on the training part, and the rows."""
        kind = kinds.get(settings.kind)
        encoder = kind.encoder(parts, settings)
        rows = {part: encoder.rows(parts.part(part).inputs) for part in ("train", "validation")}
        return Prepared(kind, parts, encoder, rows)

    def batches(self, prepared: Prepared, part: str, settings: Settings):
        """Batches of rows of like length; classes that are rare may count more in training."""
        labels, weights = prepared.parts.part(part).targets, None
        if settings.class_weight == "balanced" and part == "train":
            counts = np.bincount(labels, minlength=len(prepared.parts.classes))
            weights = (len(labels) / len(counts) / np.maximum(counts, 1))[labels]
        rows = prepared.rows[part]
        return prepared.kind.batches(rows, labels, settings, weights, shuffle=part == "train")

    def build(self, prepared: Prepared, settings: Settings, training: bool) -> keras.Model:
        """The model of the kind."""
        build = prepared.kind.trained if training else prepared.kind.build
        return build(prepared.encoder, len(prepared.parts.classes), settings)

    def compiling(self, settings: Settings) -> dict:
        """What the kind says."""
        return kinds.get(settings.kind).compiling()

    def best_by(self, settings: Settings) -> tuple[str, str]:
        """The least validation loss, but where the kind says another."""
        return kinds.get(settings.kind).best_by()

    def worth(self, model, prepared: Prepared, settings: Settings) -> dict[str, float]:
        """What the kind adds to the logs."""
        return prepared.kind.worth(model, prepared)

    def begin(self, model, prepared: Prepared, settings: Settings, folder, say) -> None:
        """What the kind does before, such as pretraining."""
        prepared.kind.begin(model, prepared, settings, folder, say, self)

    def ignorance(self, prepared: Prepared, settings: Settings, check) -> float:
        """The cost of a label if all are alike."""
        return math.log(len(prepared.parts.classes))

    def finish(self, model, prepared: Prepared, log, settings: Settings, say) -> tuple:
        """The model as it is kept, what reads raw input, and its calibration."""
        model = prepared.kind.finish(model, prepared, settings, say)
        parts = prepared.parts
        logits = prepared.kind.logits(model, prepared.rows["validation"])
        right = accuracy(logits, parts.validation.targets)
        say(f"validation accuracy {right:.4f}")
        stored = {
            "encoder": prepared.encoder.to_dict(),
            "classes": list(parts.classes),
            "temperature": temperature(logits, parts.validation.targets),
            "data": {"name": parts.name, "sha256": parts.sha256, "options": parts.options},
        }
        if columns := getattr(parts, "columns", None):
            stored["data"]["columns"] = asdict(columns)
        return model, stored, Score("validation accuracy", right)

    def title(self, parts: data.Labelled, settings: Settings) -> str:
        """What the model is."""
        return f"{settings.cell} classifier of {parts.name}"

    evaluate, predict = staticmethod(evaluate), staticmethod(predict)

    def verdict(self, bundle, table) -> str:
        """Which simple methods are left out, and why."""
        return "\n".join(table.attrs.get("left_out", ()))

    def lines(self, found) -> list[str]:
        """A line an example: class, probability, the beginning of the input."""
        rows = found[["label", "probability", found.columns[0]]].itertuples(index=False)
        return [f"{label} {chance:.3f}  {shortened(text)}" for label, chance, text in rows]


def shortened(text: str, length: int = 80) -> str:
    """A text on one line."""
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 1] + "…"
