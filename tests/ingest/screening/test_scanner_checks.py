"""The rules on single scanners; test_scanner_lint.py has a file for each code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingest.reference.venues import Venues
from ingest.screening.scanner_checks import RULES, LintFinding, check_pairs, check_scanner
from ingest.screening.scanners import Scanner, load_scanner


def scanner(**changes: object) -> Scanner:
    """A scanner without findings, but for the changes."""
    given = {
        "name": "mine_trend_long", "title": "Mine", "direction": "LONG", "strategy": "trend_momentum",
        "asset_classes": ("equity",), "value_traded_min_usd": 1e6,
    }  # fmt: skip
    return Scanner.model_validate({**given, **changes})


def test_the_guide_lists_every_code_as_it_is(configs: Path) -> None:
    guide = (configs.parent / "docs" / "guide" / "scanners.md").read_text(encoding="utf-8")
    listed = dict(line.strip("| \n").split(" | ") for line in guide.splitlines() if line.startswith("| SCN"))
    assert listed == RULES


def test_twins_differ_in_more_than_spelled_out_defaults(configs: Path) -> None:
    one = load_scanner(configs, "equity_trend_long")
    spelled = one.model_copy(update={"name": "other", "thresholds": {}, "columns": ()})
    other = one.model_copy(update={"name": "other", "thresholds": {**one.thresholds, "adx_min": 16.0}})
    assert [finding.code for finding in check_pairs((one, spelled))] == ["SCN102"]
    assert check_pairs((one, other)) == ()


def test_a_range_is_checked_in_both_directions(venues: Venues) -> None:
    given = {"title": "A", "strategy": "mean_reversion", "asset_classes": ("equity",), "value_traded_min_usd": 1.0}
    for direction, value in (("LONG", 101.0), ("SHORT", 101.0), ("LONG", -1.0)):
        name = f"a_reversion_{direction.lower()}"
        scanner = Scanner.model_validate(
            {**given, "name": name, "direction": direction, "thresholds": {"rsi_max": value}}
        )
        assert [one.code for one in check_scanner(scanner, venues)] == ["SCN006"]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, []),
        ({"limit": 2000}, []),
        ({"limit": 2001}, ["SCN106"]),
        ({"thresholds": {"adx_min": 100.0}}, []),
        ({"thresholds": {"adx_min": 100.5}}, ["SCN006"]),
        ({"value_traded_min_usd": 0.0}, ["SCN105"]),
        ({"venues": ("NYSE",)}, []),
        ({"venues": ("NYSEE", "NYSEE")}, ["SCN007"]),
        ({"name": "multi_timeframe_long", "strategy": "multi_timeframe"}, []),
        ({"name": "mine_price_momentum_long", "strategy": "price_momentum"}, []),
        ({"name": "mine_momentum_long"}, ["SCN104"]),
        ({"name": "mine_trend"}, ["SCN104"]),
        ({"name": "mine_trend_short"}, ["SCN008"]),
        ({"name": "mine_price_momentum_long"}, ["SCN009"]),
        ({"asset_classes": ("bond",)}, ["SCN201"]),
        # An unknown column cannot be requested either, which is not said a second time.
        ({"columns": ("sma55",)}, ["SCN005"]),
    ],
    ids=str,
)
def test_each_limit_holds_on_its_own_side(venues: Venues, changes: dict[str, object], found: list[str]) -> None:
    assert [one.code for one in check_scanner(scanner(**changes), venues)] == found


def test_a_finding_has_the_severity_of_its_code_and_is_one_line() -> None:
    for code, severity in (("SCN006", "error"), ("SCN105", "warning"), ("SCN201", "note")):
        one = LintFinding("scanners/x", code, "a problem", "a fix")
        assert str(one) == f"scanners/x: {code} {severity}: a problem; a fix"
        assert json.loads(json.dumps(one.as_json()))["severity"] == severity
