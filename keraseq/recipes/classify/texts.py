"""Texts: token ids, an embedding below the recurrent layers, words that vote beside them."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import keras

from keraseq import data, models
from keraseq import train as training
from keraseq.data.labelled.table import FILES, OF_FILES, columns, table, valued
from keraseq.files import checked_json
from keraseq.recipes.classify import baselines as simple
from keraseq.recipes.classify import pretraining, wide
from keraseq.recipes.classify.kinds import Kind
from keraseq.recipes.classify.settings import Settings
from keraseq.recipes.run import PRETRAINING


@dataclass(frozen=True)
class Stored:
    """What `keraseq.data.TextEncoder.to_dict` writes."""

    tokenizer: str
    length: int
    keep: str


class Texts(Kind):
    """Texts; see `Kind`.

    References:
        Dai & Le 2015, "Semi-supervised Sequence Learning", arXiv:1511.01432.
    """

    name, Data, column = "texts", data.LabelledTexts, "text"

    def takes(self, source, settings: Settings) -> bool:
        """All that no other kind takes."""
        return settings.text is not None

    def archive(self, source) -> bool:
        """The archive or folder of the IMDB reviews."""
        return isinstance(source, (str, Path)) and not str(source).lower().endswith(FILES)

    def read(self, source, **options) -> data.LabelledTexts:
        """The IMDB reviews (also by default), or a table of texts and labels."""
        if source is None or self.archive(source):
            return data.load("imdb", source=source, **options)
        return data.reviews(source, **options)

    def whole(self, source, encoder, options: dict) -> tuple[list, list, str]:
        """All rows of a table."""
        frame, name, _ = table(source, **{k: options.get(k) for k in OF_FILES})
        names = {one: options.get(one, one) for one in ("text", "label")}
        return *columns(frame, name, **names), name

    def raw(self, given: Sequence[str | bytes], encoder, options: dict) -> tuple[list, list[str]]:
        """Texts, `str` or UTF-8 bytes; a frame, or the path of a table or of a text a line."""
        if isinstance(given, (list, tuple)) and len(given) == 1 and is_file(given[0]):
            [given] = given
        if is_file(given) and str(given).lower().endswith(".txt"):
            given = Path(given).read_bytes().splitlines()
        elif is_file(given) or hasattr(given, "columns"):
            frame, name, _ = table(given, **{k: options.get(k) for k in OF_FILES})
            column = options.get("text", "text")
            given = valued(frame, name, [column])[column].astype(str).tolist()
        rows = encoder.rows(given)  # which says what is no text
        return rows, [shown(one) for one in given]

    def encoder(self, reviews: data.LabelledTexts, settings: Settings) -> data.TextEncoder:
        """The vocabulary of the training part."""
        names = (settings.level, settings.vocabulary_size, settings.length, settings.keep)
        return data.TextEncoder.of(reviews.train.inputs, *names)

    def decoded(self, stored: dict) -> data.TextEncoder:
        """The vocabulary that was kept."""
        return data.TextEncoder.from_dict(asdict(checked_json(json.dumps(stored), Stored)))

    def check(self, model: keras.Model, encoder: data.TextEncoder) -> None:
        """The model must have as many ids as the vocabulary."""
        if model.input_shape != (None, None):
            raise ValueError(f"its model reads inputs of shape {model.input_shape}, no tokens")
        ids = model.get_layer("embedding").input_dim
        if ids != len(encoder):
            raise ValueError(
                f"its vocabulary has {len(encoder):,} ids and its model {ids:,}: they do not "
                "belong together"
            )

    def build(self, encoder: data.TextEncoder, classes: int, settings: Settings) -> keras.Model:
        """The model, without its wide part, which is fitted apart."""
        return classifier(len(encoder), classes, settings)

    def begin(self, model, prepared, settings: Settings, folder, say, recipe) -> None:
        """Pretraining."""
        if settings.pretraining:
            encoder, reviews = prepared.encoder, prepared.parts
            kept = folder / PRETRAINING
            pretraining.pretrain(model, encoder, reviews, settings, kept, say, recipe)
            training.seed_everything(settings.seed)  # alike whether it was trained just now

    def finish(self, model, prepared, settings: Settings, say) -> keras.Model:
        """The model with its wide part."""
        if not settings.wide:
            return model
        parts, rows = prepared.parts, prepared.rows
        return wide.add(
            model,
            lambda size: classifier(len(prepared.encoder), len(parts.classes), settings, size),
            settings.wide,
            rows,
            {part: parts.part(part).targets for part in rows},
            say,
        )

    def methods(self, model: keras.Model, name: str, rows) -> dict:
        """The model; and its recurrent and its wide part, if it has both."""
        if "wide" not in {layer.name for layer in model.layers}:
            return super().methods(model, name, rows)
        recurrent, votes = (
            simple.logits_of(keras.Model(model.input, model.get_layer(layer).output), rows)
            for layer in ("logits", "wide")
        )
        return {
            f"{name}, and a wide part": recurrent + votes,  # as the model itself adds them up
            "the recurrent part alone": recurrent,
            "the wide part alone": votes,
        }

    def baselines(self, parts: data.LabelledTexts, encoder, report, leave_out):
        """A mean of word vectors, and logistic regression on TF-IDF of words and pairs."""
        report("bag of embeddings")
        yield simple.bag_of_embeddings(parts, encoder)
        report("logistic regression on TF-IDF of words and pairs")
        yield simple.tfidf(parts)


def classifier(vocabulary: int, classes: int, settings: Settings, wide: int = 0) -> keras.Model:
    """The model of the settings, with a wide part of so many runs of words."""
    return models.sequence_classifier(
        classes,
        vocabulary=vocabulary,
        embedding=settings.embedding,
        embedding_dropout=settings.embedding_dropout,
        word_dropout=settings.word_dropout,
        pairs=settings.pairs,
        wide=wide,
        **settings.tower(),
    )


def is_file(given) -> bool:
    """Whether something is the path of a file; a long text is no path."""
    try:
        return isinstance(given, (str, Path)) and Path(given).is_file()
    except (OSError, ValueError):
        return False


def shown(text: str | bytes) -> str:
    """The text as it came, what no UTF-8 can hold replaced: frames refuse lone surrogates."""
    text = text.decode("utf-8") if isinstance(text, bytes) else text
    return text.encode("utf-8", "replace").decode("utf-8")
