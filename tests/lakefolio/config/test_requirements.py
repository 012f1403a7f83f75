"""A refused setting is answered with the values that it may have, in words."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from lakefolio.config.manifest import Manifest, Profile
from lakefolio.config.requirements import requirement_of


@pytest.mark.parametrize(
    ("location", "words"),
    [
        (("lake", "memory_limit_mib"), "a whole number between 1 and 1,000,000,000"),
        (("lake", "threads"), "a whole number between 1 and 1,024 or null"),
        (("allocation", "cap"), "a number above 0.0 and of at most 1.0"),
        (("random_seed",), "a whole number of at least 0"),
        (("source", "kind"), "one of sample, files, tradingview, binance, yahoo"),
        (("source", "symbols", 3), "a text"),
        (("discovery", "scanners"), "a list of at least 1"),
        (("discovery", "exclude_symbols", "AMEX:SPY"), "a text"),
        (("flags", "feat_audit_ledger"), "true or false"),
        (("allocation",), "a section of settings"),
        (("allocation", "nothing"), None),
    ],
)
def test_a_setting_of_a_profile(location: tuple[str | int, ...], words: str | None) -> None:
    assert requirement_of(Profile, location) == words


def test_a_constant() -> None:
    model: type[BaseModel] = Manifest
    assert requirement_of(model, ("schema_version",)) == "1"
