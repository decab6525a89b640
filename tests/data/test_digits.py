import numpy as np

from keraseq.data import digits


def test_parts_are_apart_and_have_the_same_mix():
    parts = digits.load()
    images = [{image.tobytes() for image in part.inputs} for part in parts]
    assert not images[0] & images[1] and not images[0] & images[2] and not images[1] & images[2]
    assert sum(len(part.targets) for part in parts) == 1797
    for part in parts:
        assert part.inputs.min() == 0 and part.inputs.max() == 1
        share = np.bincount(part.targets, minlength=10) / len(part.targets)
        np.testing.assert_allclose(share, 0.1, atol=0.01)


def test_the_seed_decides_who_is_where():
    again, other = digits.load(seed=0).test.inputs, digits.load(seed=1).test.inputs
    np.testing.assert_array_equal(digits.load().test.inputs, again)
    assert not np.array_equal(again, other)
