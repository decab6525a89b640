"""Worker processes are on JAX, which starts soonest: the backend is not the subject here."""

import pytest

from keraseq.experiments import comparison
from keraseq.experiments.engine.pool import Pool


class OnJax(Pool):
    """A pool whose processes are on JAX, whatever this one is on."""

    def __init__(self, workers, logs, environment):
        super().__init__(workers, logs, environment | {"KERAS_BACKEND": "jax"})


@pytest.fixture(autouse=True, scope="module")
def on_jax():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparison, "Pool", OnJax)
        yield
