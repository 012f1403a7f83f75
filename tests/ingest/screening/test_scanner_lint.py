from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ingest.reference.venues import Venues
from ingest.screening.scanner_checks import RULES, LintFinding
from ingest.screening.scanner_lint import failures, lint
from ingest.screening.scanners import default_names, load_scanner, scanner_names

HEADER = "name,market,strategies,overrides,directions,title"
CLEAN = "extends: [base/market, presets/trend]\ntitle: Mine\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two layers and one scanner above them, with nothing wrong."""
    write(tmp_path, "base/market", "asset_classes: [equity]\nproduct: cash\nvalue_traded_min_usd: 1000.0")
    write(tmp_path, "presets/trend", "strategy: trend_momentum\ndirection: LONG\nthresholds: {adx_min: 20}")
    write(tmp_path, "scanners/mine_trend_long", CLEAN)
    return tmp_path


def write(folder: Path, name: str, text: str) -> None:
    file = folder / (name if name.endswith(".csv") else f"{name}.yaml")
    file.parent.mkdir(exist_ok=True)
    file.write_text(text + "\n", encoding="utf-8")


def codes(findings: tuple[LintFinding, ...]) -> list[tuple[str, str]]:
    return [(one.where, one.code) for one in findings]


def test_what_ships_passes_the_strict_audit(configs: Path, venues: Venues) -> None:
    found = lint(configs, venues)
    assert failures(found, strict=True) == ()
    assert {one.code for one in found} == {"SCN201"}
    assert {one.where.split("_")[0] for one in found} == {"scanners/bond"}


def test_a_clean_folder_has_no_findings(folder: Path, venues: Venues) -> None:
    assert lint(folder, venues) == ()


@pytest.mark.parametrize(
    ("file", "text", "where", "code", "fix"),
    [
        ("scanners/a_trend_long", "title: [unclosed", "scanners/a_trend_long", "SCN001", "one mapping"),
        ("scanners/a_trend_long", "limit: 1\nlimit: 2", "scanners/a_trend_long", "SCN001", "unique keys"),
        ("presets/trend", "- a", "presets/trend", "SCN001", "one mapping"),
        (
            "base/market",
            "min_value_traded: 1\nasset_classes: [equity]",
            "base/market",
            "SCN002",
            "value_traded_min_usd",
        ),
        (
            "scanners/a_trend_long",
            "extends: [base/markt]",
            "scanners/a_trend_long",
            "SCN003",
            "did you mean 'base/market'",
        ),
        ("scanners/a_trend_long", "extends: [../x]", "scanners/a_trend_long", "SCN003", "FOLDER/NAME"),
        (
            "presets/trend",
            "strategy: trend_momentum\ncolumns_add: sma50",
            "presets/trend",
            "SCN004",
            "columns_add: [...]",
        ),
        ("base/market", "extends: base/other\nasset_classes: [equity]", "base/market", "SCN004", "extends: [...]"),
        ("scanners/A-trend-long", CLEAN, "scanners/A-trend-long", "SCN004", "can have"),
        ("scanners/a_trend_long", f"{CLEAN}limit: 0", "scanners/a_trend_long", "SCN004", "can have"),
        ("scanners/a_trend_long", f"{CLEAN}thresholds: {{adx_mim: 3}}", "scanners/a_trend_long", "SCN004", "can have"),
        (
            "scanners/a_trend_long",
            f"{CLEAN}columns_add: [sma55]\nlimit: 7",
            "scanners/a_trend_long",
            "SCN005",
            "did you mean 'sma50'",
        ),
        (
            "scanners/a_trend_long",
            f"{CLEAN}columns_add: ['perf_w|1W']\nlimit: 7",
            "scanners/a_trend_long",
            "SCN005",
            "timeframe",
        ),
        (
            "scanners/a_trend_long",
            f"{CLEAN}filters_add: [{{left: clos, operation: greater, right: 5}}]",
            *("scanners/a_trend_long", "SCN005", "did you mean 'close'"),
        ),
        ("scanners/a_trend_long", f"{CLEAN}thresholds: {{adx_min: 140}}", "scanners/a_trend_long", "SCN006", "range"),
        (
            "scanners/a_trend_long",
            f"{CLEAN}thresholds: {{recommend_all_min: 10}}",
            "scanners/a_trend_long",
            "SCN006",
            "range",
        ),
        (
            "scanners/a_trend_long",
            f"{CLEAN}filters_add: [{{left: 'rsi|1W', operation: in_range, right: [40, 160]}}]",
            *("scanners/a_trend_long", "SCN006", "range"),
        ),
        (
            "scanners/a_trend_long",
            f"{CLEAN}venues: [NASDAK]",
            "scanners/a_trend_long",
            "SCN007",
            "did you mean 'NASDAQ'",
        ),
        ("scanners/a_trend_long", f"{CLEAN}venues: [BINANCE]", "scanners/a_trend_long", "SCN007", "trade the class"),
        (
            "scanners/a_trend_long",
            f"{CLEAN}filters_add: [{{left: fund_class, operation: equal, right: bonds}}]",
            *("scanners/a_trend_long", "SCN007", "the service has"),
        ),
        ("scanners/a_trend_short", f"{CLEAN}limit: 7", "scanners/a_trend_short", "SCN008", "rename"),
        ("scanners/a_reversion_long", f"{CLEAN}limit: 7", "scanners/a_reversion_long", "SCN009", "_trend_long"),
        (
            "scanners.csv",
            f"{HEADER}\nother,market,trnd,,long,Other",
            *("scanners.csv: line 2 (other), column strategies", "SCN010", "did you mean 'trend'"),
        ),
        (
            "scanners.csv",
            f"{HEADER}\nmine,market,trend,,long,Mine",
            *("scanners/mine_trend_long", "SCN011", "rename the file"),
        ),
        ("presets/idle", "limit: 3", "presets/idle", "SCN101", "delete"),
        ("scanners/twin_trend_long", CLEAN, "scanners/twin_trend_long", "SCN102", "delete one"),
        (
            "scanners/a_trend_long",
            f"{CLEAN}limit: 7\nthresholds: {{adx_min: 20}}",
            "scanners/a_trend_long",
            "SCN103",
            "out",
        ),
        (
            "scanners/a_trend_long",
            f"{CLEAN}limit: 7\nthresholds: {{perf_w_min_pct: 0}}",
            "scanners/a_trend_long",
            "SCN103",
            "out",
        ),
        ("scanners/a_trend_long", f"{CLEAN}limit: 7\nproduct: cash", "scanners/a_trend_long", "SCN103", "out"),
        ("scanners/a_trend", f"{CLEAN}limit: 7", "scanners/a_trend", "SCN104", "_long"),
        ("scanners/a_long", f"{CLEAN}limit: 7", "scanners/a_long", "SCN104", "_trend_long"),
        (
            "scanners/a_trend_long",
            f"{CLEAN}value_traded_min_usd: 0.0",
            "scanners/a_trend_long",
            "SCN105",
            "value_traded_min_usd",
        ),
        ("scanners/a_trend_long", f"{CLEAN}limit: 2001", "scanners/a_trend_long", "SCN106", "2000"),
        (
            "scanners/a_trend_long",
            f"{CLEAN}indexes: ['SP:SPY']",
            "scanners/a_trend_long",
            "SCN107",
            "did you mean 'SP:SPX'",
        ),
        (
            "scanners/a_trend_long",
            "extends: [base/market, presets/trend]\ntitle: B\nasset_classes: [bond]",
            *("scanners/a_trend_long", "SCN201", "on bars"),
        ),
    ],
)
def test_each_rule_finds_its_fault_and_nothing_else(
    folder: Path, venues: Venues, file: str, text: str, where: str, code: str, fix: str
) -> None:
    write(folder, file, text)
    found = lint(folder, venues)
    assert codes(found) == [(where, code)]
    (one,) = found
    assert fix in one.fix
    assert str(folder) not in str(one), "a finding names the layer, not where it lies"
    assert {"0": "error", "1": "warning", "2": "note"}[code[3]] == one.severity
    assert bool(failures(found, strict=False)) == (one.severity == "error")
    assert bool(failures(found, strict=True)) == (one.severity != "note")
    assert json.loads(json.dumps(one.as_json()))["code"] == code


def test_every_code_is_described_and_has_a_test() -> None:
    mark = test_each_rule_finds_its_fault_and_nothing_else.pytestmark[0]  # type: ignore[attr-defined]
    assert {case[3] for case in mark.args[1]} == set(RULES)


def test_all_faults_of_all_files_are_found_at_once(folder: Path, venues: Venues) -> None:
    write(folder, "base/market", "asset_clases: [equity]\nprodukt: cash")
    write(folder, "scanners/b_trend_long", "extends: [base/gone, presets/trend]\ntitel: B")
    assert codes(lint(folder, venues)) == [
        ("base/market", "SCN002"),
        ("base/market", "SCN002"),
        ("scanners/b_trend_long", "SCN002"),
        ("scanners/b_trend_long", "SCN003"),
    ]


def test_a_loop_is_found_and_what_no_scanner_extends(folder: Path, venues: Venues) -> None:
    write(folder, "presets/one", "extends: [presets/two]")
    write(folder, "presets/two", "extends: [presets/one]")
    assert codes(lint(folder, venues)) == [("presets/one", "SCN101"), ("presets/two", "SCN101")]
    write(folder, "scanners/b_trend_long", f"{CLEAN}".replace("presets/trend", "presets/one"))
    (finding,) = lint(folder, venues)
    assert codes((finding,)) == [("scanners/b_trend_long", "SCN003")]
    assert finding.message == "the layers presets/one and presets/two extend each other in a loop"


def test_a_layer_of_a_layer_is_used(folder: Path, venues: Venues) -> None:
    write(folder, "base/below", "limit: 9")
    write(folder, "base/market", "extends: [base/below]\nasset_classes: [equity]\nvalue_traded_min_usd: 1.0")
    assert lint(folder, venues) == ()
    assert load_scanner(folder, "mine_trend_long").limit == 9


def test_a_typo_in_a_shipped_layer_is_found_once_and_not_for_each_scanner(
    configs: Path, tmp_path: Path, venues: Venues
) -> None:
    shutil.copytree(configs, tmp_path / "configs")
    file = tmp_path / "configs" / "base" / "etf.yaml"
    file.write_text(
        file.read_text(encoding="utf-8").replace("value_traded_min_usd", "min_value_traded"), encoding="utf-8"
    )
    failing = failures(lint(tmp_path / "configs", venues), strict=True)
    assert codes(failing) == [("base/etf", "SCN002")]


def test_the_manifest_lists_its_own_scanners_and_no_others_by_default(configs: Path, tmp_path: Path) -> None:
    listed = default_names(configs)
    assert len(listed) == 28
    assert set(listed) < set(scanner_names(configs))
    write(tmp_path, "scanners/mine_trend_long", CLEAN)
    assert default_names(tmp_path) == ("mine_trend_long",)
