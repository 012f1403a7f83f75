"""Fixtures to compare with other libraries; a library that is not installed is skipped with the reason."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib import import_module
from types import ModuleType

import pytest

from benchmarks.inputs import Market, simulate

PeerImport = Callable[[str], ModuleType]


@pytest.fixture
def peer() -> PeerImport:
    """Import a module of another library, or skip; its warnings while it loads are ignored."""

    def load(name: str) -> ModuleType:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return import_module(name)
        except ModuleNotFoundError:
            pytest.skip(f"{name.split('.', maxsplit=1)[0]} is not installed (extra peers)")

    return load


@pytest.fixture(scope="module", params=[12, 40])
def market(request: pytest.FixtureRequest) -> Market:
    return simulate(request.param, 400)
