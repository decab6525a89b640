"""What every test stands on: the backend asked for, seeds, float64, warnings as errors."""

import contextlib
import gc
import itertools
import os
import sys
import warnings
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Tests run side by side: NumPy's second thread waits for a processor, busily.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Most of a test's time is XLA compiling what runs once. It need not compile well; its older code
# generator takes less than half the time for a loop and its gradient; and what one process has
# compiled another one finds in the folder.
os.environ.setdefault(
    "XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"
)
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parents[1] / "build" / "jax"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")

gc.disable()  # until all that stays is imported, which is then never looked at again

import keras  # noqa: E402
import pytest  # noqa: E402
from keras.src.backend.common import dtypes as keras_dtypes  # noqa: E402

BACKEND = keras.backend.backend()
if BACKEND == "jax":
    import jax
gc.enable()
gc.freeze()

IGNORED_WARNINGS = [
    # Keras 3.15 variables and TensorFlow's do not know NumPy 2's `copy` keyword of `__array__`.
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning",
]

TESTS_DONE = itertools.count(1)


def pytest_configure(config):
    asked = os.environ.get("KERAS_BACKEND", "tensorflow")
    if asked != BACKEND:
        raise pytest.UsageError(f"KERAS_BACKEND={asked} was asked for, but Keras runs on {BACKEND}")
    config.addinivalue_line("filterwarnings", "error")
    for line in IGNORED_WARNINGS:
        config.addinivalue_line("filterwarnings", line)


def pytest_runtest_teardown():
    """JAX keeps all that it ever compiled: thousands of pieces, each with its own mappings.

    Linux grants a process 65,530 of them, and what asks for one more crashes.
    """
    if BACKEND == "jax" and next(TESTS_DONE) % 20 == 0 and mappings() > 40_000:
        jax.clear_caches()


def mappings() -> int:
    """How many pieces of memory this process has mapped, where the system tells."""
    with contextlib.suppress(OSError), Path("/proc/self/maps").open("rb") as file:
        return sum(1 for _ in file)
    return 0


def pytest_report_header(config):
    return f"keras {keras.__version__} on {BACKEND}"


def one_thread():
    """Tests are small and run side by side (pytest -n); threads inside them only get in the way."""
    if BACKEND == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    if BACKEND == "torch":
        import torch

        torch.set_num_threads(1)


one_thread()


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(20150707)


@pytest.fixture(autouse=True)
def closed():
    """What a test has drawn is gone after it: Matplotlib keeps, and warns of, more than twenty."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture
def plain_loop(monkeypatch):
    """For tests whose subject is no loop: the one that needs no compiling, in children too."""
    monkeypatch.setenv("KERASEQ_LOOP", "plain")


@pytest.fixture
def step_by_step():
    """For tests that take a few steps: without compiling on TensorFlow, as PyTorch does it anyway.

    Graphs are what recipes, notebooks and tests of loops train in.
    """
    if BACKEND != "tensorflow":
        yield
        return
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Even though the `tf.config.experimental_run_functions")
        yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def float64(monkeypatch):
    """Float64 inside the test, for this test alone.

    JAX has to be told. Keras' operations demote float64 to float32 on JAX and PyTorch whatever the
    dtype policy says (3.15, `BIT64_TO_BIT32_DTYPE`), and are kept from it here.
    """
    monkeypatch.setitem(keras_dtypes.BIT64_TO_BIT32_DTYPE, "float64", "float64")
    with jax.enable_x64(True) if BACKEND == "jax" else contextlib.nullcontext():
        yield
