from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.screening.scanners import scanner_names
from lakefolio.cli.app import main

ROOT = Path(__file__).resolve().parents[3]
Audit = Callable[..., tuple[int, str, str]]


@pytest.fixture
def configs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the shipped configuration that the command line reads in its place."""
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    monkeypatch.setattr(
        "lakehouse.paths._shipped", lambda name, _packaged: tmp_path / name if name == "configs" else ROOT / name
    )
    return tmp_path / "configs"


@pytest.fixture
def audit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Audit:
    def call(*options: str) -> tuple[int, str, str]:
        code = main(["--home", str(tmp_path / "home"), "scanners", *options])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


def add(configs: Path, name: str, setting: str) -> None:
    """Write a scanner file over the equities' layers, with one setting more."""
    settings = f"extends: [base/equity, presets/trend]\ndirection: LONG\ntitle: Mine\n{setting}\n"
    (configs / "scanners" / f"{name}.yaml").write_text(settings, encoding="utf-8")


def test_what_ships_passes_and_every_scanner_is_printed_resolved(configs: Path, audit: Audit) -> None:
    code, out, err = audit("--strict", "--resolved")
    assert code == 0
    printed = {one["name"]: one for one in json.loads(out)}
    assert list(printed) == list(scanner_names(configs))
    assert len(printed) == 100
    mine = printed["crypto_spot_okx_trend_short"]
    assert (mine["venues"], mine["product"], mine["value_traded_min_usd"]) == (["OKX"], "spot", 5e6)
    assert mine["columns"] == ["change", "perf_6m", "stoch_rsi", "plus_di", "minus_di", "macd"]
    assert "0 of them fail" in err


def test_a_warning_fails_only_the_strict_audit(configs: Path, audit: Audit) -> None:
    add(configs, "mine_trend_long", "value_traded_min_usd: 0.0")
    code, out, _ = audit()
    assert code == 0
    assert "scanners/mine_trend_long: SCN105 warning: " in out
    assert audit("--strict")[0] == 1


def test_an_error_ends_as_usage_with_all_that_is_wrong(configs: Path, audit: Audit) -> None:
    add(configs, "mine_trend_long", "min_value_traded: 3.0")
    add(configs, "other_trend_long", "product: shares")
    for options in ((), ("--strict",), ("--resolved",)):
        assert audit(*options)[0] == 2
    code, out, _ = audit("--json")
    assert code == 2
    errors = [one for one in json.loads(out)["findings"] if one["severity"] == "error"]
    assert [(one["where"], one["code"]) for one in errors] == [
        ("scanners/mine_trend_long", "SCN002"),
        ("scanners/other_trend_long", "SCN004"),
    ]
    assert errors[0]["fix"] == "did you mean 'value_traded_min_usd'?"


def test_machines_get_findings_and_scanners_in_one_document(configs: Path, audit: Audit) -> None:
    document = json.loads(audit("--json", "--resolved")[1])
    assert set(document) == {"findings", "scanners"}
    assert len(document["scanners"]) == 100
    assert set(json.loads(audit("--json")[1])) == {"findings"}


def test_a_scanner_file_of_ones_own_is_listed_with_the_others(configs: Path, audit: Audit) -> None:
    add(configs, "mine_trend_long", "limit: 7")
    code, out, _ = audit("--strict", "--resolved")
    assert code == 0
    (mine,) = (one for one in json.loads(out) if one["name"] == "mine_trend_long")
    assert (mine["limit"], mine["direction"], mine["asset_classes"]) == (7, "LONG", ["equity"])


def test_a_bad_cell_of_the_table_ends_as_usage_with_its_row_and_column(configs: Path, audit: Audit) -> None:
    table = configs / "scanners.csv"
    table.write_text(table.read_text(encoding="utf-8").replace("in_dow", "in_dwo"), encoding="utf-8")
    code, out, _ = audit()
    assert code == 2
    assert "scanners.csv: line 16 (equity_dow), column market: SCN010 error: unknown word 'in_dwo'" in out
    assert "did you mean 'in_dow'?" in out
