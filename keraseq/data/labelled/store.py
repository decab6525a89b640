"""Reviews in the on-disk format of TensorFlow Datasets, so that `tfds.load` reads them."""

from __future__ import annotations

import io
import logging
import os
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

import numpy as np

from keraseq.data.labelled.encoder import clean
from keraseq.data.parts import Part

WHOLE, LABELLED = "imdb_reviews", "imdb_reviews_labelled"
CLASSES = ("neg", "pos")
CONFIG, VERSION = "plain_text", "1.0.0"
SPLITS = {"train": "train", "test": "test", "unsup": "unsupervised"}  # ours: TFDS's
HOMEPAGE = "http://ai.stanford.edu/~amaas/data/sentiment/"


def place(folder: str | Path | None = None) -> Path | None:
    """Where TFDS has stored them, or None; rather with the unlabelled reviews than without."""
    home = Path(folder or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets").expanduser()
    places = (home / name / CONFIG / VERSION for name in (WHOLE, LABELLED))
    return next((place for place in places if (place / "dataset_info.json").is_file()), None)


def usable() -> bool:
    """Whether TFDS can read and write: it does so by TensorFlow."""
    try:
        import tensorflow  # noqa: F401
    except ImportError:
        return False
    return True


def stored(folder: str | Path | None) -> dict[str, Part] | None:
    """What TFDS has stored, or None; also where it cannot be read."""
    there = place(folder)
    if there is None or not usable():
        return None
    import tensorflow_datasets as tfds

    with quiet():
        return parts(tfds.builder_from_directory(there))


def keep(found: dict[str, Part], folder: Path | None) -> None:
    """Stores the parts where they are not stored; TFDS renames the finished folder into place."""
    if not usable():
        return
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
    rows = zip(part.inputs, part.targets.tolist(), strict=True)
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
