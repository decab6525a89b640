"""Reviews in the on-disk format of TensorFlow Datasets, so that `tfds.load` reads them."""

from __future__ import annotations

import io
import logging
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

import numpy as np

from keraseq.data.labelled.encoder import clean
from keraseq.data.labelled.parts import Part

WHOLE, LABELLED = "imdb_reviews", "imdb_reviews_labelled"
CLASSES = ("neg", "pos")
CONFIG, VERSION = "plain_text", "1.0.0"
SPLITS = {"train": "train", "test": "test", "unsup": "unsupervised"}  # ours: TFDS's
HOMEPAGE = "http://ai.stanford.edu/~amaas/data/sentiment/"


def stored(folder: Path | None) -> dict[str, Part] | None:
    """What TFDS has stored, or None; rather with the unlabelled reviews than without."""
    import tensorflow_datasets as tfds

    for name in (WHOLE, LABELLED):
        with quiet():
            try:
                builder = tfds.builder(f"{name}/{CONFIG}:{VERSION}", data_dir=folder)
            except (tfds.core.DatasetNotFoundError, ValueError):
                continue
            if builder.is_prepared():
                return parts(builder)
    return None


def downloaded(folder: Path | None) -> dict[str, Part]:
    """What TFDS downloads, with its progress bars, and stores."""
    import tensorflow_datasets as tfds

    builder = tfds.builder(f"{WHOLE}/{CONFIG}:{VERSION}", data_dir=folder)
    try:
        builder.download_and_prepare()
    except Exception as error:
        first = str(error).strip().split("\n")[0]
        raise ConnectionError(
            f"TFDS cannot download {WHOLE} ({first}); KERASEQ_DATA may name a folder that holds "
            "imdb/aclImdb_v1.tar.gz, or source the archive"
        ) from error
    return parts(builder)


def keep(found: dict[str, Part], folder: Path | None) -> None:
    """Stores the parts where they are not stored; TFDS renames the finished folder into place."""
    import tensorflow_datasets as tfds

    name = WHOLE if "unsup" in found else LABELLED
    features = {"text": tfds.features.Text(), "label": tfds.features.ClassLabel(names=CLASSES)}
    with quiet():
        builder = tfds.dataset_builders.AdhocBuilder(
            name=name,
            version=VERSION,
            config=CONFIG,
            features=tfds.features.FeaturesDict(features),
            split_datasets={SPLITS[part]: examples(rows) for part, rows in found.items()},
            data_dir=folder,
            description="Large Movie Review Dataset, as read by keraseq.",
            homepage=HOMEPAGE,
            citation="Maas et al. 2011, Learning Word Vectors for Sentiment Analysis, ACL.",
            disable_shuffling=True,
        )
        if not builder.is_prepared():
            builder.download_and_prepare()


def examples(part: Part) -> list[tuple[int, dict]]:
    """The rows of a part as TFDS takes them."""
    rows = zip(part.texts, part.labels.tolist(), strict=True)
    return [(i, {"text": text, "label": label}) for i, (text, label) in enumerate(rows)]


def parts(builder) -> dict[str, Part]:
    """All that a builder has stored."""
    found = {}
    for part, split in SPLITS.items():
        if split in builder.info.splits:
            rows = builder.as_dataset(split=split, batch_size=-1)
            texts = [clean(text) for text in rows["text"].numpy()]
            found[part] = Part(texts, np.asarray(rows["label"].numpy(), "int32"))
    return found


@contextmanager
def quiet():
    """TFDS without progress bars and notes: what is stored takes seconds."""
    import tensorflow_datasets as tfds

    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    tfds.disable_progress_bar()
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        logger.setLevel(level)
        tfds.enable_progress_bar()
