"""Next-character prediction on the Python language reference."""

from functools import cached_property
from typing import ClassVar

import keras
import numpy as np

from keraseq import evaluate, models
from keraseq.data import CharacterVocabulary, text
from keraseq.data.text.corpus import cut
from keraseq.experiments.tasks.task import Task

LENGTH = 64  # steps of a training window: a line of the text is about 70 characters
LANE = 1024  # characters that are scored in one go; the state is carried along them
LANES = 8  # rows of a scoring batch, always full, so that a model is compiled once for it
ORDERS = range(1, 9)  # n-gram orders to choose from
SAMPLE = 240  # characters of a sample
TEMPERATURE = 0.8


class Text(Task):
    """What tasks share whose `parts` are token ids: windows that start anywhere."""

    metric = "nats"
    direction = "min"
    builder = staticmethod(models.language_model)
    batch_size = 32
    window: ClassVar[int]

    @property
    def loss(self):
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def training_rows(self, rng, rows):
        train = self.parts["train"]
        starts = rng.integers(0, len(train) - self.window, rows)
        return text.windows(train, self.window, starts=starts)

    def sizes(self, of: str) -> str:
        """How many tokens each part has, in words."""
        return ", ".join(f"{name} {len(ids):,}" for name, ids in self.parts.items()) + f" {of}"


class Characters(Text):
    """Bits per character on the last tenth of the reference, which training never sees."""

    name = "characters"
    title = "Characters: the next character of the Python language reference"
    metric = "bits_per_character"
    metric_label = "bits per character"
    window = LENGTH
    budget = 40_000
    steps = 2_400
    learning_rate = 1e-2
    step_cost = 8.0
    floor = "letter frequencies"

    @cached_property
    def parts(self) -> dict[str, np.ndarray]:
        """Token ids of the train, validation and test parts."""
        return {part: self.vocabulary.encode(text) for part, text in self.texts.items()}

    @cached_property
    def text(self) -> str:
        """The whole text, topic after topic."""
        corpus = text.text_corpus("python_docs", validation=0, test=0)
        return "\n".join(corpus.train)

    @cached_property
    def texts(self) -> dict[str, str]:
        """The text of each part."""
        return {part: text for part, [text] in cut([self.text], 0.05, 0.1).items()}

    @cached_property
    def vocabulary(self) -> CharacterVocabulary:
        """The characters of the training part, and one id for any other."""
        return CharacterVocabulary(self.texts["train"], unknown="replace")

    @cached_property
    def options(self):
        """Of the builder: small vectors for the characters, one recurrent layer."""
        return {"vocabulary": len(self.vocabulary), "embedding": 32}

    def score(self, model, part):
        """Bits per character over the whole part, in lanes of 1,024 characters."""
        tokens = self.parts[part]
        inputs, targets, counts = lanes(tokens)
        logits = model.predict(inputs, batch_size=LANES, verbose=0)
        nats = evaluate.negative_log_likelihood(logits, targets)
        return evaluate.bits(nats[counts])

    @cached_property
    def order(self) -> int:
        """The n-gram order that predicts the validation part best."""
        train, validation = self.parts["train"], self.parts["validation"]
        costs = {n: self.ngram(n).cost(validation, before=train).mean() for n in ORDERS}
        return min(costs, key=costs.get)

    def ngram(self, order: int) -> evaluate.NGram:
        """An n-gram model of the training part."""
        return evaluate.NGram(order, len(self.vocabulary)).fit(self.parts["train"])

    def baselines(self):
        """The n-gram model, with the order that the validation part prefers, and a unigram."""
        before = np.concatenate([self.parts["train"], self.parts["validation"]])

        def value(order):
            return evaluate.bits(self.ngram(order).cost(self.parts["test"], before=before))

        return {
            f"{self.order}-gram (Witten-Bell)": value(self.order),
            "letter frequencies": value(1),
        }

    def facts(self):
        copied = self.copied(50)
        return {
            "Data": f"pydoc_data.topics of this Python, {len(self.text):,} characters, "
            f"{len(self.vocabulary.characters)} different ones.",
            "Split": f"By position: {self.sizes('characters')}, in this order. The reference "
            f"repeats itself: {copied:.0%} of the test part's runs of 50 characters also stand "
            "before it, which helps every model and the n-grams alike.",
            "Model": f"A vector of {self.options['embedding']} for each character, one recurrent "
            f"layer, logits. Trained on windows of {LENGTH} characters that start anywhere, from "
            "the zero state.",
            "Metric": f"Bits per character over the whole part, read in lanes of {LANE:,} "
            "characters along which the state is carried.",
            "Baselines": "Interpolated n-gram models with Witten-Bell smoothing, counted on the "
            "same training part; the order is chosen on the validation part, from "
            f"{min(ORDERS)} to {max(ORDERS)}.",
        }

    def copied(self, length: int) -> float:
        """Fraction of the test part's pieces of that length that also stand before it."""
        border = len(self.text) - len(self.parts["test"])
        before, test = self.text[:border], self.text[border:]
        pieces = {before[i : i + length] for i in range(len(before) - length + 1)}
        places = range(len(test) - length + 1)
        return sum(test[i : i + length] in pieces for i in places) / len(places)

    def raw(self):
        return self.text.encode("utf-8", "surrogatepass")

    def sample(self, model, seed):
        """Characters drawn one at a time, each from the window of those before it."""
        rng = np.random.default_rng(seed)
        window = self.parts["validation"][:LENGTH].tolist()
        drawn = []
        for _ in range(SAMPLE):
            logits = model.predict_on_batch(np.array([window], "int32"))[0, -1]
            drawn.append(draw(rng, logits, TEMPERATURE))
            window = [*window[1:], drawn[-1]]
        return self.vocabulary.decode(drawn)


def lanes(tokens: np.ndarray):
    """A text in rows of `LANE` characters, filled up to whole batches.

    Returns:
        `(inputs, targets, counts)`, each `(rows, LANE)`; `counts` is False where a row is filled.
    """
    steps = len(tokens) - 1
    rows = -(-steps // LANE)
    rows = -(-rows // LANES) * LANES
    fill = rows * LANE - steps
    inputs, targets = (
        np.pad(ids, (0, fill)).reshape(rows, LANE) for ids in (tokens[:-1], tokens[1:])
    )
    return inputs, targets, np.arange(rows * LANE).reshape(rows, LANE) < steps


def draw(rng: np.random.Generator, logits: np.ndarray, temperature: float) -> int:
    """A token drawn from the probabilities that logits stand for."""
    probability = np.exp(evaluate.log_softmax(np.asarray(logits, "float64") / temperature))
    return int(rng.choice(len(probability), p=probability / probability.sum()))
