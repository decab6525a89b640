"""What it means to run a cell over time: a Python loop. The truth for every layer.

A cell here is a function `step(x, states) -> output, states` over one batch, with the weights
already inside it.
"""

import numpy as np


def zoneout(step, rates, output=None, scale=None):
    """Krueger et al. 2017 at inference: every state keeps the share p of its old value.

    The output is the hidden state, or `output(x, states)`; both states of an LSTM come from the
    un-zoned new cell. `scale(old, new)` makes states comparable that are not.
    """

    def zoned(x, states):
        _, new = step(x, states)
        states, new = (states, new) if scale is None else scale(states, new)
        kept = [p * old + (1.0 - p) * now for p, old, now in zip(rates, states, new, strict=True)]
        return kept[0] if output is None else output(x, kept), kept

    return zoned


def stacked(steps):
    """Cells one above the other inside one step; the states are a list with one list a cell."""

    def step(x, states):
        new = []
        for one, own in zip(steps, states, strict=True):
            x, own = one(x, own)
            new.append(own)
        return x, new

    return step


def run(step, x, states, *, mask=None, go_backwards=False, zero_output_for_mask=False):
    """Outputs `(batch, time, units)` in reading order, the last output, and the last states.

    A masked step keeps every state and repeats the last valid output, which is zero before the
    first valid step; with `zero_output_for_mask` it shows zero in the sequence instead.
    """
    time = x.shape[1]
    mask = np.ones(x.shape[:2], bool) if mask is None else np.asarray(mask, bool)
    last = np.zeros_like(step(x[:, 0], states)[0])
    outputs = []
    for t in range(time - 1, -1, -1) if go_backwards else range(time):
        valid = mask[:, t, np.newaxis]
        output, new = step(x[:, t], states)
        states = choose(valid, new, states)
        last = np.where(valid, output, last)
        outputs.append(np.where(valid, output, 0.0) if zero_output_for_mask else last)
    return np.stack(outputs, axis=1), last, states


def bidirectional(forward, backward, x, states, *, mask=None, return_sequences=False):
    """A forward and a backward reading, concatenated; masked steps show zero in a sequence."""
    options = {"mask": mask, "zero_output_for_mask": return_sequences}
    seen_f, last_f, states_f = run(forward, x, states[0], **options)
    seen_b, last_b, states_b = run(backward, x, states[1], go_backwards=True, **options)
    if return_sequences:
        return np.concatenate([seen_f, seen_b[:, ::-1]], axis=-1), [states_f, states_b]
    return np.concatenate([last_f, last_b], axis=-1), [states_f, states_b]


def choose(valid, new, old):
    """New states where the step is valid, old ones elsewhere, through any nest."""
    if isinstance(new, (list, tuple)):
        return [choose(valid, one, other) for one, other in zip(new, old, strict=True)]
    return np.where(valid, new, old)
