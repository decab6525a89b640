"""Pictures, the network that looks at them, and captions: against PyTorch, and what is refused."""

import importlib.util

import keras
import numpy as np
import pytest

from keraseq import models
from keraseq.models import efficientnet


@pytest.fixture(scope="module")
def network():
    if importlib.util.find_spec(efficientnet.PACKAGE) is None:
        pytest.skip("needs the extra captions")
    return models.efficientnet_lite0("imagenet")


def test_the_network_agrees_with_pytorch(network):
    from oracles.efficientnet import logits

    pictures = np.random.default_rng(0).uniform(0, 255, (1, 224, 224, 3)).astype("float32")
    expected = logits(efficientnet.weights_of_package(), pictures)
    found = keras.ops.convert_to_numpy(network(pictures, training=False))
    np.testing.assert_allclose(found, expected, atol=1e-4)
    print(abs(found - expected).max(), abs(expected).max())
