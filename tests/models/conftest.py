"""Builders are tested on the plain loop; loops have their own tests."""

import pytest


@pytest.fixture(autouse=True)
def loop(plain_loop):
    pass
