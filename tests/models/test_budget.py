"""match_parameters: exact, fast, and without a trace."""

import gc
import random
import time
import weakref
from math import prod

import pytest

from keraseq import cells, models


def count(model):
    return sum(prod(weight.shape) for weight in model.trainable_weights)


ZEROS = {"kernel_initializer": "zeros", "recurrent_initializer": "zeros"}  # quick to build
PLAIN = {"classes": 5, "features": 8}


@pytest.mark.parametrize("cell", cells.names())
def test_one_unit_more_is_over_the_budget(cell):
    units = models.match_parameters(models.sequence_tagger, 5_000, cell=cell, **PLAIN)

    def parameters(units):
        model = models.sequence_tagger(cell=cell, units=units, cell_options=ZEROS, **PLAIN)
        return count(model)

    assert parameters(units) <= 5_000 < parameters(units + 1)


@pytest.mark.parametrize(
    ("builder", "options"),
    [
        (models.sequence_classifier, {**PLAIN, "layers": 3, "bidirectional": True}),
        (
            models.sequence_classifier,
            {"classes": 2, "vocabulary": 50, "residual": True, "layers": 2},
        ),
        (models.language_model, {"vocabulary": 30, "cell_options": {"projection": 7}}),
        (models.forecaster, {"horizon": 4, "features": 3, "cell_options": {"layer_norm": True}}),
        (models.encoder_decoder, {"source_vocabulary": 9, "target_vocabulary": 9}),
    ],
)
def test_every_shape_of_model(builder, options):
    units = models.match_parameters(builder, 20_000, cell="lstm", **options)
    assert count(builder(units=units, cell="lstm", **options)) <= 20_000
    assert count(builder(units=units + 1, cell="lstm", **options)) > 20_000


def test_a_state_as_wide_as_the_input_may_be_smaller():
    """mut1 with 12 features needs no input projection at 12 units: the count is not monotonous."""
    options = {"classes": 2, "features": 12, "cell": "mut1"}
    sizes = {
        u: count(models.sequence_classifier(units=u, cell_options=ZEROS, **options))
        for u in range(8, 16)
    }
    assert sizes[12] < sizes[11]
    for budget in (sizes[10], sizes[12] - 1, sizes[12], sizes[11], sizes[13] - 1, sizes[13]):
        expected = max(u for u, size in sizes.items() if size <= budget)
        assert models.match_parameters(models.sequence_classifier, budget, **options) == expected


def test_the_exact_count_fits_and_one_less_does_not():
    exact = count(models.sequence_tagger(cell="gru", units=10, **PLAIN))
    assert models.match_parameters(models.sequence_tagger, exact, cell="gru", **PLAIN) == 10
    assert models.match_parameters(models.sequence_tagger, exact - 1, cell="gru", **PLAIN) == 9
    least = count(models.sequence_tagger(cell="gru", units=1, **PLAIN))
    assert models.match_parameters(models.sequence_tagger, least, cell="gru", **PLAIN) == 1


@pytest.mark.parametrize("step", [2, 4])
def test_a_builder_that_is_no_quadratic(step):
    def stepwise(cell, units):
        return models.sequence_tagger(3, features=2, cell=cell, units=step * (units // step + 1))

    units = models.match_parameters(stepwise, 1_000, cell="elman")
    assert count(stepwise("elman", units)) <= 1_000 < count(stepwise("elman", units + 1))


def test_a_builder_that_takes_no_notice_of_units():
    with pytest.raises(ValueError) as caught:
        models.match_parameters(
            lambda cell, units: models.sequence_tagger(3, features=2, units=4), 999, cell="elman"
        )
    assert str(caught.value) == (
        "the builder must use units: it made 127 trainable parameters with units=1 and with "
        "units=48"
    )


def test_no_model_and_no_random_number_is_left_behind():
    built = []

    def builder(cell, units, cell_options=None):
        options = {"cell": cell, "units": units, "cell_options": cell_options}
        model = models.sequence_tagger(3, features=2, **options)
        built.append(weakref.ref(model))
        return model

    mine = models.sequence_tagger(3, features=2, units=4)
    before, state = mine.get_weights(), random.getstate()
    models.match_parameters(builder, 50_000, cell="lstm")
    assert random.getstate() == state
    gc.collect()
    assert built
    assert not any(reference() for reference in built)
    assert all((a == b).all() for a, b in zip(before, mine.get_weights(), strict=True))


def test_few_models_are_built_and_it_is_quick():
    sizes = []

    def builder(cell, units, cell_options=None):
        sizes.append(units)
        return models.sequence_tagger(
            3, features=8, cell=cell, units=units, cell_options=cell_options
        )

    models.match_parameters(builder, 10_000, cell="lstm")
    start = time.process_time()
    models.match_parameters(builder, 2_000_000, cell="lstm")
    assert len(sizes) <= 10
    assert time.process_time() - start < 5  # 0.1 s on TensorFlow
