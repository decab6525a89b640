"""The five shapes of the lectures, as the package's docstring shows them, each trained one step."""

import re

import keras
import numpy as np
import pytest

from keraseq import layers, models, train

pytestmark = pytest.mark.usefixtures("step_by_step")
JIT = keras.backend.backend() == "jax"  # XLA elsewhere takes longer to compile than these to run
RNG = np.random.default_rng(5)
VECTOR = RNG.normal(size=(4, 4)).astype("float32")
TOKENS = RNG.integers(1, 9, (4, 6))
SHAPES = {  # title: (inputs, targets)
    "One to one": (VECTOR[:, None], np.array([0, 1, 2, 0])),
    "One to many": (VECTOR, RNG.integers(0, 3, (4, 6))),
    "Many to one": (TOKENS, np.array([0, 1, 2, 0])),
    "Many to many, aligned": (TOKENS, TOKENS % 3),
    "Many to many, through an encoder and a decoder": (
        {"source": TOKENS, "target": TOKENS[:, :4] % 7},
        TOKENS[:, :4] % 7,
    ),
}


def compositions():
    """Title -> code, out of the docstring."""
    found = re.findall(r"^(\w[^:\n]*): (?:.+\n)+\n((?:    .+\n)+)", models.__doc__, re.M)
    return {title: re.sub("^    ", "", code, flags=re.M) for title, code in found}


def test_the_docstring_shows_all_five_in_three_lines_at_most():
    assert list(compositions()) == list(SHAPES)
    assert all(code.count("\n") <= 3 for code in compositions().values())


@pytest.mark.parametrize("shape", SHAPES)
def test_shape_trains_a_step(shape):
    names = {"keras": keras, "layers": layers, "models": models}
    exec(compositions()[shape], names)
    model, (inputs, targets) = names["model"], SHAPES[shape]
    logits = model.predict(inputs, verbose=0)
    assert logits.shape[:-1] == targets.shape
    before = model.get_weights()
    loss = train.compile(model, jit_compile=JIT).fit(inputs, targets, verbose=0).history["loss"][0]
    assert loss == pytest.approx(np.log(logits.shape[-1]), rel=0.5)
    assert not np.array_equal(before[0], model.get_weights()[0])
