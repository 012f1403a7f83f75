from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingest.cli import main
from tests.ingest.live.loopback_market import LAST
from tests.servers.exchange import Exchange

ROOT = Path(__file__).resolve().parents[3]


def test_the_scanner_of_the_source_is_exported(
    exchange: Exchange, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    arguments = ["--source", "tradingview", "--home", str(tmp_path), "--as-of", LAST.isoformat(), "--json"]
    code = main(["scan", *arguments, "--scanner", "equity_trend_long"])
    result = json.loads(capsys.readouterr().out)["scanners"]
    assert (code, [(one["scanner"], one["n_found"]) for one in result]) == (0, [("equity_trend_long", 2)])
    envelope = json.loads(Path(result[0]["export"]).read_text(encoding="utf-8"))
    assert (envelope["meta"]["source"], envelope["meta"]["is_simulated"]) == ("tradingview", False)
    assert main(["scan", *arguments, "--scanner", "equity_trend_long", "--limit", "1"]) == 0
    assert json.loads(capsys.readouterr().out)["scanners"][0]["n_found"] == 1
    # The exchange has no weekly columns: nothing is found, and that is no error.
    assert main(["scan", *arguments, "--scanner", "equity_trend_long", "--interval", "1W"]) == 0
    assert json.loads(capsys.readouterr().out)["scanners"][0]["n_found"] == 0
    assert main(["scan", *arguments, "--scanner", "equity_trend_long", "--limit", "0"]) == 2
    assert "--limit '0' is not between 1" in capsys.readouterr().err
    exchange.faults.set("scanner", "forbidden")
    assert main(["scan", *arguments, "--scanner", "equity_trend_long"]) == 1
    assert "ingest: tradingview (127.0.0.1:" in capsys.readouterr().err
