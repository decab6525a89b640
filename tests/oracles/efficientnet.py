"""EfficientNet-Lite0 in plain PyTorch, from its published file of weights."""

import torch
from torch.nn import functional

STAGES = "1311 2326 2526 3326 3516 4526 1316"  # repeats, kernel, stride, expansion


def same(x, kernel, stride):
    """TensorFlow's padding: what is odd goes to the right and below."""
    for side in (-1, -2):
        short = max((-(-x.shape[side] // stride) - 1) * stride + kernel - x.shape[side], 0)
        pad = (short // 2, short - short // 2)
        x = functional.pad(x, pad if side == -1 else (0, 0, *pad))
    return x


def logits(path, pictures):
    """Of float pixels `(batch, height, width, 3)`, 0 to 255."""
    state = torch.load(path, weights_only=True)

    def convolved(x, name, norm, stride=1, cut=True, groups=1):
        kernel = state[f"{name}.weight"]
        x = functional.conv2d(same(x, kernel.shape[-1], stride), kernel, None, stride, 0, 1, groups)
        mean, var, gain, shift = (
            state[f"{norm}.{one}"] for one in ("running_mean", "running_var", "weight", "bias")
        )
        x = functional.batch_norm(x, mean, var, gain, shift, eps=1e-3)
        return x.clamp(0, 6) if cut else x

    x = (torch.from_numpy(pictures).permute(0, 3, 1, 2) - 127) / 128
    x, number = convolved(x, "_conv_stem", "_bn0", 2), 0
    for repeats, kernel, stride, expansion in (map(int, one) for one in STAGES.split()):
        for repeat in range(repeats):
            at, before = f"_blocks.{number}.", x
            if expansion > 1:
                x = convolved(x, f"{at}_expand_conv", f"{at}_bn0")
            wide, step = x.shape[1], 1 if repeat else stride
            assert state[f"{at}_depthwise_conv.weight"].shape == (wide, 1, kernel, kernel)
            x = convolved(x, f"{at}_depthwise_conv", f"{at}_bn1", step, groups=wide)
            x = convolved(x, f"{at}_project_conv", f"{at}_bn2", cut=False)
            x, number = x + before if repeat else x, number + 1
    x = convolved(x, "_conv_head", "_bn1").mean((2, 3))
    return functional.linear(x, state["_fc.weight"], state["_fc.bias"]).numpy()
