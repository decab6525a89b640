"""Characters a second that a language model writes, compiled, beside `model.predict` a character.

    python benchmarks/generate.py [--cells lstm,gru,mut1] [--units 256] [--repeats 5]
    python benchmarks/generate.py decoders [--cells lstm] [--units 256]

Prints one JSON object a line, then tables. What is timed is `keraseq.generate` as users call it,
from text to text; characters a second are the median of the repeats, after the first call, whose
time is `first_s` (compiling, and the first text). The slow way keeps the state in a `stateful`
model and asks `model.predict` for each character: it too reads every character only once.
The weights are random; that changes no number of operations.

`decoders` does the same for encoders and decoders (8,000 tokens, sources of 15): tokens a second
of `keraseq.generation.decode`, beside `model.predict` a token on all that is written so far.
"""

import argparse
import json
import statistics
import string
import time

import keras
import numpy as np

import keraseq

LETTERS = keraseq.data.CharacterVocabulary(string.ascii_letters + " \n!$&',-.3:;?")  # 65
PROMPT = "First Citizen:\n"
SAMPLERS = {
    "greedy": {"sampler": "greedy"},
    "random": {},
    "top_k=10": {"top_k": 10},
    "top_p=0.9": {"top_p": 0.9},
    "beam of 5": {"sampler": "beam"},
    "contrastive of 5": {"sampler": "contrastive"},
}
LENGTHS = {1: 16384, 64: 4096}  # by the number of streams
SHORT = 512  # for samplers that keep the whole text before them


def model_of(cell: str, units: int, **options) -> keras.Model:
    return keraseq.models.language_model(len(LETTERS), cell=cell, units=units, **options)


def timed(write) -> float:
    start = time.perf_counter()
    write()
    return time.perf_counter() - start


def measure(model, sampler: str, streams: int, repeats: int) -> dict:
    """Characters a second of one sampler."""
    options = SAMPLERS[sampler]
    whole = options.get("sampler") in keraseq.generation.WHOLE
    length = SHORT if whole else LENGTHS[streams]
    prompts = PROMPT if streams == 1 else [PROMPT] * streams

    def write(length=length):
        keraseq.generate(model, prompts, length, tokenizer=LETTERS, seed=1, **options)

    first = timed(lambda: write(length if whole else 100))
    seconds = [timed(write) for _ in range(repeats)]
    return {
        "sampler": sampler,
        "streams": streams,
        "length": length,
        "first_s": round(first, 2),
        "characters_per_s": round(streams * length / statistics.median(seconds)),
    }


def measure_predict(cell: str, units: int, length: int = 60) -> dict:
    """Characters a second of `model.predict`, one character a call."""
    model = model_of(cell, units, stateful=True, batch_size=1)
    rng = np.random.default_rng(1)

    def write(length):
        token = int(LETTERS.encode(PROMPT)[-1])
        for _ in range(length):
            logits = model.predict(np.array([[token]], "int32"), verbose=0)[0, -1]
            token = int((logits + rng.gumbel(size=logits.shape)).argmax())

    first = timed(lambda: write(2))
    return {
        "sampler": "model.predict a character",
        "streams": 1,
        "length": length,
        "first_s": round(first, 2),
        "characters_per_s": round(length / timed(lambda: write(length)), 1),
    }


def measure_cell(cell: str, units: int, repeats: int):
    """Rows of one cell."""
    model = model_of(cell, units)
    for streams in LENGTHS:
        for sampler in SAMPLERS:
            if streams == 1 or SAMPLERS[sampler].get("sampler") not in keraseq.generation.WHOLE:
                yield measure(model, sampler, streams, repeats)
    yield measure_predict(cell, units)


def measure_decoder(cell: str, units: int, attention: str | None, repeats: int):
    """Tokens a second that one encoder and decoder writes."""
    vocabulary, length = 8_000, 20
    model = keraseq.models.encoder_decoder(
        vocabulary, vocabulary, cell=cell, units=units, embedding=units, attention=attention
    )
    never = np.zeros(vocabulary)
    never[2] = -1e9  # the end, so that all texts are equally long
    model.layers[-1].bias.assign(never)
    sources = np.random.default_rng(0).integers(3, vocabulary, (64, 15))

    def slow():
        written = np.full((1, 1), 1)
        for _ in range(length):
            logits = model.predict({"source": sources[:1], "target": written}, verbose=0)[0, -1]
            written = np.append(written, [[logits.argmax()]], axis=1)

    def row(rows, sampler, first, seconds):
        return {
            "attention": attention or "none",
            "sampler": sampler,
            "streams": rows,
            "first_s": round(first, 2),
            "tokens_per_s": round(rows * length / seconds, 1),
        }

    yield row(1, "model.predict a token", timed(slow), timed(slow))
    for rows in (1, 64):
        for sampler in ("greedy", "beam"):

            def write(rows=rows, sampler=sampler):
                keraseq.generation.decode(
                    model, sources[:rows], start=1, end=2, length=length, sampler=sampler
                )

            first = timed(write)
            yield row(rows, sampler, first, statistics.median(timed(write) for _ in range(repeats)))


def print_tables(rows: list[dict]) -> None:
    import pandas as pd

    frame = pd.DataFrame(rows)
    for values, title in (
        ("characters_per_s", "characters a second, all streams together"),
        ("first_s", "seconds of the first call"),
    ):
        table = frame.pivot(index=["streams", "sampler"], columns="cell", values=values)
        print(f"\n{title}\n{table[list(dict.fromkeys(frame['cell']))].to_string()}")
    rate = frame.set_index(["cell", "streams", "sampler"])["characters_per_s"]
    print()
    for cell in dict.fromkeys(frame["cell"]):
        one, many = rate[cell, 1, "random"], rate[cell, 64, "random"]
        slow = rate[cell, 1, "model.predict a character"]
        print(
            f"{cell}: one stream {one / slow:,.0f} times model.predict a character; "
            f"64 streams {many / one:.1f} times one stream"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", choices=["language", "decoders"], default="language")
    parser.add_argument("--cells", default="lstm,gru,mut1")
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    # keras_nlp loads, and the backend starts, outside of what is timed.
    warm = model_of("elman", 4)
    keraseq.generate(warm, PROMPT, 1, tokenizer=LETTERS)
    rows = []
    if options.what == "decoders":
        for cell in options.cells.split(","):
            for attention in (None, "additive", "general"):
                for row in measure_decoder(cell, options.units, attention, options.repeats):
                    print(json.dumps({"cell": cell, **row}), flush=True)
        return
    for cell in options.cells.split(","):
        for row in measure_cell(cell, options.units, options.repeats):
            row = {
                "cell": cell,
                "units": options.units,
                **row,
                "backend": keras.backend.backend(),
            }
            print(json.dumps(row), flush=True)
            rows.append(row)
    print_tables(rows)


if __name__ == "__main__":
    main()
