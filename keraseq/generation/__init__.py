"""Writing with a language model: `keraseq.generate(model_or_bundle, prompt, length)`.

decoding.py    writing from a context (translations, captions): `decode`, `alignment`
text.py        prompts, stop strings, pieces of text: what users call
choosing.py    which of keras_nlp's samplers chooses the tokens
rolls.py       music, frame by frame: `compose`
engine.py      the loop over tokens, compiled as a whole
compiled.py    what compiles, on each backend, and what a model keeps of it
"""

from keraseq.generation.choosing import NAMES, WHOLE
from keraseq.generation.decoding import Written, alignment, decode
from keraseq.generation.rolls import compose
from keraseq.generation.text import generate, score, stream

__all__ = [
    "NAMES",
    "WHOLE",
    "Written",
    "alignment",
    "compose",
    "decode",
    "generate",
    "score",
    "stream",
]


def __dir__():
    return __all__
