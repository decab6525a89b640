"""The loop over time on PyTorch: a plain loop."""

import keras
import torch


def scan(step, inputs, carry, *, collect, reverse, unroll):
    """See `keraseq.layers.scan.scan`; there is nothing to unroll."""
    flat = [torch.unbind(one) for one in keras.tree.flatten(inputs)]
    order = range(len(flat[0]))
    outputs = []
    for t in reversed(order) if reverse else order:
        output, carry = step(keras.tree.pack_sequence_as(inputs, [x[t] for x in flat]), carry)
        if collect is not None:
            outputs.append(output)
    return torch.stack(outputs) if collect is not None else None, carry
