"""The same layers, first trained to tell the next word of the training texts (Dai & Le 2015)."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
from keras import ops

from keraseq import data
from keraseq import train as training
from keraseq.data import labelled
from keraseq.files import remove, replacing
from keraseq.layers import stack
from keraseq.models.inputs import drop, embedded_tokens
from keraseq.recipes.classify.baselines import MULTIPLE
from keraseq.recipes.classify.settings import Settings
from keraseq.recipes.recipe import Recipe
from keraseq.recipes.run import Report, layers_in, schedule

# Words that stand for all others in a step: the true softmax over 20,000 would cost 20 times the
# recurrent layer.
SAMPLES = 512
DROPOUT = 0.2  # and no words: one epoch sees six million words: little is learned by heart
LEARNING_RATE = 3e-3
# Steps of 64 x 96 words, not of whole reviews: 235 steps an epoch teach too little.
WINDOW, BATCH = 3 * MULTIPLE, 64
KEPT = "pretrained.npz"


@keras.saving.register_keras_serializable("keraseq")
class NextWord(keras.Model):
    """An encoder of tokens that is scored by how well it tells the next token.

        tokens -> embedding -> recurrent layers -> projection -> product with the embedding

    Reading backwards, with `bidirectional`, it tells the token before. The loss is that of a
    softmax whose sum over all other tokens is estimated by a sample of them, drawn anew in each
    step, frequent ones (low ids) more often, and weighted for that.

    Args:
        vocabulary: Number of token ids, padding (0) included, frequent ones first.
        embedding: Width of the tokens' vectors.
        cell, units, layers, bidirectional: Of the recurrent layers, see `keraseq.layers.stack`.
        dropout: Fraction to drop after the embedding, between layers and before the projection.
        samples: Tokens in the sample. Defaults to 512.
        **kwargs: `name` of `keras.Model`.

    Call arguments:
        inputs: Tokens `(batch, length)`; 0 is padding.

    Returns:
        What the recurrent layers gave, `(batch, length, width)`.

    Example:

    >>> from keraseq.recipes.classify.pretraining import NextWord
    >>> model = NextWord(50, embedding=4, cell="gru", units=8)
    >>> tuple(model(keras.ops.ones((2, 5), "int32")).shape)
    (2, 5, 8)

    References:
        Dai & Le 2015, "Semi-supervised Sequence Learning", arXiv:1511.01432.
        Jean et al. 2015, "On Using Very Large Target Vocabulary for Neural Machine Translation"
        (the sampled softmax).
    """

    def __init__(
        self,
        vocabulary: int,
        *,
        embedding: int,
        cell: str,
        units: int,
        layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        samples: int = SAMPLES,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.config = {
            "vocabulary": vocabulary,
            "embedding": embedding,
            "cell": cell,
            "units": units,
            "layers": layers,
            "bidirectional": bidirectional,
            "dropout": dropout,
            "samples": samples,
        }
        tokens, x = embedded_tokens("tokens", vocabulary, embedding, None, dropout)
        x = stack(
            cell,
            units,
            layers=layers,
            bidirectional=bidirectional,
            dropout=dropout,
            return_sequences=True,
            name="recurrent",
        )(x)
        self.encoder = keras.Model(tokens, drop(x, dropout, "dropout"), name="encoder")
        self.vectors = self.encoder.get_layer("embedding")
        ways = ("forward", "backward")[: 1 + bidirectional]
        self.projections = [keras.layers.Dense(embedding, name=way) for way in ways]
        for projection in self.projections:
            projection.build((None, units))
        self.bias = self.add_weight((vocabulary,), name="bias", initializer="zeros")
        self.seeds = keras.random.SeedGenerator(0)
        self.mean = keras.metrics.Mean(name="loss_of_a_token")
        self.built = True

    def call(self, inputs, training=False):
        """Reads tokens."""
        return self.encoder(inputs, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Mean cost of a token under the sampled softmax."""
        tokens, width = x, y_pred.shape[-1] // len(self.projections)
        costs = []
        for i, projection in enumerate(self.projections):
            hidden = y_pred[..., i * width : (i + 1) * width]
            # Forward the state after a token tells the one after it; backward the one before it.
            told, targets = (
                (hidden[:, :-1], tokens[:, 1:]) if i == 0 else (hidden[:, 1:], tokens[:, :-1])
            )
            known = ops.cast((tokens[:, 1:] > 0) & (tokens[:, :-1] > 0), "float32")
            cost = self.costs(projection(told), targets)
            costs.append(ops.sum(cost * known) / ops.maximum(ops.sum(known), 1.0))
        return sum(costs) / len(costs)

    def costs(self, told, targets):
        """The cost of each target `(batch, length)` for vectors `(batch, length, embedding)`."""
        vocabulary, count = self.config["vocabulary"], self.config["samples"]
        dtype = told.dtype  # of the products; sums are in full precision
        table = ops.cast(ops.convert_to_tensor(self.vectors.embeddings), dtype)
        # Log-uniform over the ids, as frequencies fall with the rank.
        draws = keras.random.uniform((count,), seed=self.seeds)
        sample = ops.cast(ops.exp(draws * np.log(vocabulary)), "int32")
        sample = ops.minimum(sample, vocabulary - 1)
        right = ops.sum(told * ops.take(table, targets, axis=0), axis=-1)
        right = ops.cast(right, "float32") + ops.take(self.bias, targets)
        others = ops.matmul(told, ops.transpose(ops.take(table, sample, axis=0)))
        others = ops.cast(others, "float32") + ops.take(self.bias, sample)
        others = others - self.log_chance(sample)
        same = ops.equal(targets[..., None], sample)
        others = ops.where(same, -1e9, others)
        return ops.logaddexp(ops.logsumexp(others, axis=-1), right) - right

    def log_chance(self, ids):
        """Logarithm of how often an id is in a sample, on average."""
        ids = ops.cast(ops.maximum(ids, 1), "float32")
        chance = ops.log((ids + 1) / ids) / np.log(self.config["vocabulary"])
        return ops.log(chance * self.config["samples"])

    def get_config(self):
        """Configuration for serialisation."""
        return {**self.config, "name": self.name}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """The model that `get_config` describes."""
        return cls(**config)


def pretrain(
    model: keras.Model,
    encoder: data.TextEncoder,
    reviews: data.LabelledTexts,
    settings: Settings,
    folder: Path,
    say: Callable[[str], None],
    recipe: Recipe,
) -> None:
    """Gives a classifier's embedding and recurrent layers the weights of a language model.

    The language model learns from the texts of the training part, whole, and from those without a
    label where there are any; `folder` keeps it, so that it is trained once.
    """
    if not (folder / KEPT).is_file():
        rows = {
            "train": pieces(encoder, [*reviews.train.inputs, *reviews.unlabelled]),
            "validation": pieces(encoder, reviews.validation.inputs),
        }
        sets = {
            part: labelled.batches(
                rows[part],
                batch_size=BATCH,
                shuffle=part == "train",
                multiple=MULTIPLE,
            )
            for part in rows
        }
        with layers_in(settings.precision):
            reader = NextWord(
                len(encoder),
                embedding=settings.embedding,
                cell=settings.cell,
                units=settings.units,
                layers=settings.layers,
                bidirectional=settings.bidirectional,
                dropout=DROPOUT,
                samples=min(SAMPLES, len(encoder)),
            )
        # The frequencies of the words: Adam would need thousands of steps to find them.
        counts = np.bincount(np.concatenate(rows["train"]), minlength=len(encoder))
        reader.bias.assign(np.log((counts + 1) / counts.sum()))
        steps = settings.pretraining * len(sets["train"])
        reader.compile(
            keras.optimizers.Adam(schedule(LEARNING_RATE, steps), global_clipnorm=settings.clipnorm)
        )
        reader.fit(
            sets["train"],
            validation_data=sets["validation"],
            shuffle=False,  # the data set does it
            epochs=settings.pretraining,
            callbacks=training.callbacks(
                folder,
                patience=None,
                keep=True,
                others=[
                    Report(
                        recipe, None, settings.pretraining, lambda line: say(f"next word, {line}")
                    ),
                ],
            ),
            verbose=0,
        )
        reader = keras.saving.load_model(folder / "best.keras")
        weights = {
            f"{name}/{i}": weight
            for name in ("embedding", "recurrent")
            for i, weight in enumerate(reader.encoder.get_layer(name).get_weights())
        }
        with replacing(folder / KEPT) as partial:
            np.savez(partial, **weights)
    remove(folder / "resume.npz")
    with np.load(folder / KEPT, allow_pickle=False) as weights:
        for name in ("embedding", "recurrent"):
            layer = model.get_layer(name)
            layer.set_weights([weights[f"{name}/{i}"] for i in range(len(layer.weights))])


def pieces(encoder: data.TextEncoder, texts, length: int = WINDOW) -> list[np.ndarray]:
    """Whole texts as rows of at most so many tokens, one after the other."""
    whole = data.TextEncoder(encoder.tokenizer, length=10**9, keep="start")
    found = []
    for row in whole.rows(texts):
        cuts = range(0, len(row), length)
        found += [row[cut : cut + length] for cut in cuts if len(row) - cut > 1]
    return found
