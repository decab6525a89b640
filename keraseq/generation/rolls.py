"""Music frame by frame: each is drawn, key by key, and read before the next."""

import keras
import numpy as np
from keras import ops

from keraseq.checks import number, positive_integer
from keraseq.generation.choosing import COLDEST
from keraseq.generation.compiled import Loops, tensor
from keraseq.layers.stateless import Tower

FRAMES = 64  # frames written, and at most read, in one call


class Composer(Loops):
    """Compiled loops of one model of `keraseq.models.roll_model`."""

    def __init__(self, model: keras.Model):
        super().__init__(model)
        layers = {one.name: one for one in getattr(model, "layers", ())}
        if not {"recurrent", "keys"} <= set(layers):
            raise ValueError(
                f"music is made by a model of keraseq.models.roll_model; received {model!r}"
            )
        self.tower, self.head = Tower(layers["recurrent"]), layers["keys"]

    def read(self, piece: np.ndarray, states):
        """The states after so many frames `(frames, keys)`, and the output after the last."""
        output = None
        for start in range(0, len(piece), FRAMES):
            frames = piece[start : start + FRAMES]
            run = self._function(("read", len(frames)), self._read)
            output, states = run(tensor(frames[None], "float32"), states)
        return output, states

    def write(self, output, states, uniform: np.ndarray, temperature: float):
        """Frames drawn by uniform numbers `(FRAMES, 1, keys)`, output and states after them."""
        run = self._function("write", self._write)
        return run(output, states, tensor(uniform, "float32"), tensor(temperature, "float32"))

    def _read(self, frames, states):
        outputs, states = self.tower.read(frames, states)
        return outputs[:, -1], states

    def _write(self, output, states, uniform, temperature):
        def body(i, output, states, written):
            frame = self.head.draw(output, uniform[i], temperature)
            output, states = self.tower.step(frame[:, None], states)
            written = ops.slice_update(written, (i, 0, 0), frame[None])
            return i + 1, output[:, 0], states, written

        start = (ops.cast(0, "int32"), output, states, ops.zeros_like(uniform))
        _, output, states, written = ops.while_loop(lambda i, *_: i < FRAMES, body, start)
        return written, output, states


def compose(
    model: keras.Model,
    beginning=None,
    length: int = 64,
    *,
    temperature: float = 1.0,
    seed: int = 0,
) -> np.ndarray:
    """Draws frames of music that go on from a beginning.

    Keys are drawn, never chosen by a threshold: the most probable frame of a model in doubt is
    silence, or the chord before for ever.

    Args:
        model: A model of `keraseq.models.roll_model`.
        beginning: Piano roll `(frames, keys)` to go on from. Default: a frame of silence.
        length: Frames to draw. Defaults to 64.
        temperature: What the logits are divided by: below 1 likelier keys, above 1 wilder ones.
            Defaults to 1.
        seed: Of what is drawn. Defaults to 0.

    Returns:
        `(length, keys)`, float32, without the beginning.

    Raises:
        ValueError: The model is none for music, or an argument is out of its range.

    Example:

    >>> model = keraseq.models.roll_model(cell="mut1", units=8, head_units=8)
    >>> keraseq.generation.compose(model, length=3).shape
    (3, 88)
    """
    composer = Composer.of(model)
    length, keys = positive_integer("length", length), composer.model.output_shape[-1]
    if number("temperature", temperature) < COLDEST:
        raise ValueError(f"temperature must be at least {COLDEST:g}; received {temperature!r}")
    piece = np.zeros((1, keys)) if beginning is None else np.asarray(beginning)
    if piece.ndim != 2 or piece.shape[1] != keys or not len(piece):
        raise ValueError(
            f"beginning must be frames of {keys} keys, one at least; received shape {piece.shape}"
        )
    random = np.random.default_rng(seed)
    output, states = composer.read(piece, composer.tower.first_states(1))
    written = []
    for _ in range(0, length, FRAMES):
        uniform = random.random((FRAMES, 1, keys))
        frames, output, states = composer.write(output, states, uniform, temperature)
        written.append(ops.convert_to_numpy(frames)[:, 0])
    return np.concatenate(written)[:length]
