from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lakefolio.cli.app import main

ROOT = Path(__file__).resolve().parents[3]
Audit = Callable[..., tuple[int, str, str]]


@pytest.fixture
def configs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the shipped files, which the command reads instead."""
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    monkeypatch.setattr(
        "lakehouse.paths._shipped", lambda name, _packaged: tmp_path / name if name == "configs" else ROOT / name
    )
    return tmp_path / "configs"


@pytest.fixture
def audit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Audit:
    def call(*options: str) -> tuple[int, str, str]:
        code = main(["--home", str(tmp_path / "home"), "scanners", *options])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return call


def add(configs: Path, name: str, line: str) -> None:
    with (configs / "scanners" / f"{name}.yaml").open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")


def test_what_ships_passes_and_every_scanner_is_printed_resolved(configs: Path, audit: Audit) -> None:
    code, out, err = audit("--strict", "--resolved")
    assert code == 0
    shown = {one["name"]: one for one in json.loads(out)}
    assert set(shown) == {file.stem for file in (configs / "scanners").glob("*.yaml")}
    mine = shown["crypto_spot_okx_trend_short"]
    assert (mine["venues"], mine["product"], mine["value_traded_min_usd"]) == (["OKX"], "spot", 5e6)
    assert mine["columns"] == ["change", "perf_6m", "stoch_rsi", "plus_di", "minus_di", "macd"]
    assert "0 of them fail" in err


def test_a_warning_fails_only_the_strict_audit(configs: Path, audit: Audit) -> None:
    add(configs, "equity_trend_long", "value_traded_min_usd: 0.0")
    code, out, _ = audit()
    assert code == 0
    assert "scanners/equity_trend_long: SCN105 warning: " in out
    assert audit("--strict")[0] == 1


def test_an_error_ends_as_usage_with_all_that_is_wrong(configs: Path, audit: Audit) -> None:
    add(configs, "equity_trend_long", "min_value_traded: 3.0")
    add(configs, "etf_trend_long", "product: shares")
    for options in ((), ("--strict",), ("--resolved",)):
        assert audit(*options)[0] == 2
    code, out, _ = audit("--json")
    assert code == 2
    errors = [one for one in json.loads(out)["findings"] if one["severity"] == "error"]
    assert [(one["where"], one["code"]) for one in errors] == [
        ("scanners/equity_trend_long", "SCN002"),
        ("scanners/etf_trend_long", "SCN004"),
    ]
    assert errors[0]["fix"] == "did you mean 'value_traded_min_usd'?"


def test_machines_get_findings_and_scanners_in_one_document(configs: Path, audit: Audit) -> None:
    shown = json.loads(audit("--json", "--resolved")[1])
    assert set(shown) == {"findings", "scanners"}
    assert len(shown["scanners"]) == len(list((configs / "scanners").glob("*.yaml")))
    assert set(json.loads(audit("--json")[1])) == {"findings"}
