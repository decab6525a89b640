"""Which sampler chooses the tokens: a name of keras_nlp and its options, or a sampler itself."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, NamedTuple

from keraseq.checks import did_you_mean, number, positive_integer

if TYPE_CHECKING:
    import keras_nlp

WHOLE = ("beam", "contrastive")  # those that look at the whole text, and so cannot be streamed
COLDEST = 1e-30  # the lowest temperature: float32 holds logits divided by it
NAMES = ("greedy", "random", "top_k", "top_p", *WHOLE)


class Choice(NamedTuple):
    """A sampler that has been chosen.

    Args:
        key: What tells it from others; equal keys choose alike, but for seed and temperature.
        make: Makes it. Its own temperature stays what it is: logits come already divided.
        temperature: What to divide the logits by.
        seed: The seed that it brings along, or None.
    """

    key: Hashable
    make: Callable[[], keras_nlp.samplers.Sampler]
    temperature: float
    seed: int | None = None


def choose(sampler, temperature, top_k, top_p, vocabulary: int) -> Choice:
    """The sampler that the arguments of `keraseq.generate` ask for, or a one-line error."""
    if not isinstance(sampler, str):
        return instance(sampler, temperature, top_k, top_p)
    if sampler not in NAMES:
        raise ValueError(
            f"unknown sampler {sampler!r}; accepted: {', '.join(NAMES)}, or a "
            f"keras_nlp.samplers.Sampler.{did_you_mean(sampler, NAMES)}"
        )
    temperature = number("temperature", temperature)
    if temperature != 0 and temperature < COLDEST:
        raise ValueError(
            "temperature must be 0 (the most probable token at each step), or "
            f"{COLDEST:g} or greater; received temperature={temperature!r}"
        )
    options = options_of(sampler, top_k, top_p, vocabulary)
    if temperature == 0 and sampler in WHOLE:
        raise ValueError(
            f"temperature=0 is sampler='greedy'; sampler={sampler!r} needs a temperature above 0"
        )
    if temperature == 0 or sampler == "greedy":
        return Choice(("greedy",), lambda: samplers().GreedySampler(), 1.0)
    if sampler == "random" and options:
        sampler = "top_p" if "p" in options else "top_k"

    def make():
        kind = {
            "random": samplers().RandomSampler,
            "top_k": samplers().TopKSampler,
            "top_p": samplers().TopPSampler,
            "beam": samplers().BeamSampler,
            "contrastive": samplers().ContrastiveSampler,
        }[sampler]
        return kind(**options)

    return Choice((sampler, *sorted(options.items())), make, temperature)


def options_of(sampler: str, top_k, top_p, vocabulary: int) -> dict:
    """The options of a sampler in keras_nlp's words; what it does not take is an error."""
    takes = {
        "random": ("top_k", "top_p"),
        "top_k": ("top_k",),
        "top_p": ("top_k", "top_p"),
        "contrastive": ("top_k",),
    }
    for name, value in (("top_k", top_k), ("top_p", top_p)):
        if value is not None and name not in takes.get(sampler, ()):
            raise ValueError(f"sampler={sampler!r} takes no {name}; received {name}={value!r}")
    options = {}
    if top_k is not None:
        options["k"] = positive_integer("top_k", top_k)
    elif sampler in ("top_k", "contrastive"):
        options["k"] = min(5, vocabulary)  # keras_nlp's default, where there are that many tokens
    if options.get("k", 1) > vocabulary:
        raise ValueError(
            f"top_k={top_k} is beyond the vocabulary; accepted: 1 to {vocabulary}, its size"
        )
    if top_p is not None:
        options["p"] = number("top_p", top_p)
        if not 0 < options["p"] <= 1:
            raise ValueError(f"top_p must be a number in (0, 1]; received top_p={top_p!r}")
    elif sampler == "top_p":
        raise ValueError("sampler='top_p' needs top_p, a number in (0, 1]; received None")
    return options


def instance(sampler, temperature, top_k, top_p) -> Choice:
    """A sampler that the caller has made, with what it brings along."""
    kinds = samplers()
    if not isinstance(sampler, kinds.Sampler) or isinstance(sampler, kinds.SpeculativeSampler):
        raise ValueError(
            f"sampler must be one of {', '.join(NAMES)}, or a keras_nlp.samplers.Sampler that "
            f"needs no second model; received {sampler!r}"
        )
    if temperature != 1.0 or top_k is not None or top_p is not None:
        raise ValueError(
            "a sampler instance brings its own temperature, k and p; received it together with "
            f"temperature={temperature!r}, top_k={top_k!r}, top_p={top_p!r}"
        )
    own = getattr(sampler, "temperature", 1.0)
    if own < COLDEST:
        raise ValueError(
            f"a sampler needs a temperature of {COLDEST:g} or greater (sampler='greedy' is its "
            f"limit); received temperature={own!r}"
        )
    key = (id(sampler), repr(sampler.get_config()))  # the engine keeps it: its id stays its own
    return Choice(key, lambda: sampler, 1.0, getattr(sampler, "seed", None))


def samplers():
    """keras_nlp's samplers; they load when they are first needed."""
    import keras_nlp

    return keras_nlp.samplers
