"""Every example in a docstring runs and prints what it says."""

import doctest
import importlib
import pkgutil

import keras
import pytest

import keraseq

MODULES = [
    info.name
    for info in pkgutil.walk_packages(keraseq.__path__, "keraseq.")
    if not info.name.startswith("keraseq.layers.scan.")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name, plain_loop, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some write a file
    module = importlib.import_module(name)
    finder = doctest.DocTestFinder(exclude_empty=True)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    report = []
    for test in finder.find(module, name, globs={"keras": keras, "keraseq": keraseq}):
        assert len(test.examples) <= 8, f"{test.name}: an example is a few lines"
        runner.run(test, out=report.append)
    assert not runner.failures, "".join(report)


@pytest.mark.parametrize("room", ["cells", "layers", "losses", "models"])
def test_public_names_have_an_example(room):
    module = getattr(keraseq, room)
    missing = [
        name
        for name in module.__all__
        if callable(getattr(module, name)) and ">>>" not in (getattr(module, name).__doc__ or "")
    ]
    assert not set(missing) - {"names", "table"}, missing
