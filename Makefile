# make demo       compare recurrent cells on three real tasks; the report lands in runs/demo/
# make test       every test, on TensorFlow, JAX and PyTorch
# make test-quick what breaks most often, on TensorFlow, in three minutes
# make lint       what CI checks of style;  make format  mends it
# make docs       the documentation site, in build/site; a broken link, picture or page stops it
# make dist       sdist and wheel, checked, in dist/; a model that the wheel brings is loaded
# make notebooks  execute every notebook at full length from notebooks/src/
# make bench      how close the cells are to their equations, on each backend

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DEMO ?= --seeds 2 --out runs/demo
WORKERS ?= 2
export TF_CPP_MIN_LOG_LEVEL ?= 3
# What is imported is compiled then, once: pip would compile all of TensorFlow and PyTorch.
unexport PYTHONDONTWRITEBYTECODE

INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --editable
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

# What a backend can change: everything that computes.
BACKEND_TESTS := tests/conformance tests/layers tests/models tests/test_train.py \
	tests/test_bundle.py tests/test_errors.py --ignore tests/models/test_budget.py
# Equations, masks, gradients, files, data and errors; nothing that compiles or starts a process.
QUICK_TESTS := tests/conformance tests/layers/test_stateless.py tests/models/test_padding.py \
	tests/data tests/evaluate tests/oracles tests/test_errors.py tests/test_imports.py \
	-k "not run_layer_test and not every_loop and not loops_agree and not fresh_process"

.PHONY: demo test test-quick test-tensorflow test-jax test-torch lint format docs dist notebooks bench clean

demo: $(VENV)/installed
	$(BIN)/keraseq compare $(DEMO)

test: test-tensorflow test-jax test-torch

# In two runs: TensorFlow keeps every loop that it ever compiled, some gigabytes in all.
test-tensorflow: $(VENV)/installed-for-tests
	KERAS_BACKEND=tensorflow $(PYTEST) tests/conformance tests/layers
	KERAS_BACKEND=tensorflow $(PYTEST) tests \
		--ignore tests/conformance --ignore tests/layers

test-jax test-torch: test-%: $(VENV)/installed-for-tests
	KERAS_BACKEND=$* $(PYTEST) $(BACKEND_TESTS)

test-quick: $(VENV)/installed-for-tests
	KERAS_BACKEND=tensorflow $(PYTEST) $(QUICK_TESTS)

lint: $(VENV)/installed-for-tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/installed-for-tests
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/installed-for-tests
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo build/site/index.html

dist: $(VENV)/installed-for-tests
	rm -rf dist
	$(BIN)/python -m build --outdir dist . > /dev/null
	$(BIN)/python -m twine check --strict dist/*
	rm -rf build/wheel
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-compile --target build/wheel dist/*.whl
	PYTHONPATH=build/wheel $(BIN)/python -P -c "import keraseq; assert 'wheel' in keraseq.__file__; print(keraseq.bundle.load('ett').card.title)"

notebooks: $(VENV)/installed-for-tests
	$(BIN)/python notebooks/build.py

bench: $(VENV)/installed-for-tests
	for backend in tensorflow jax torch; do \
		KERAS_BACKEND=$$backend $(BIN)/python tests/conformance/agreement.py || exit 1; \
	done

clean:
	rm -rf $(VENV) runs build dist *.egg-info

$(VENV)/made: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "keraseq needs Python 3.11 or newer")'
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/installed: $(VENV)/made
	$(INSTALL) .
	touch $@

$(VENV)/installed-for-tests: $(VENV)/made
	$(INSTALL) '.[test]'
	touch $@ $(VENV)/installed
