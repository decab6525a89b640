"""Builders are tested on the plain loop, which needs no compiling; loops have their own tests."""

import pytest


@pytest.fixture(autouse=True)
def plain_loop(monkeypatch):
    monkeypatch.setenv("KERASEQ_LOOP", "plain")
