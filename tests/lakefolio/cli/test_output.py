"""Tables for people fit 80 columns and show fractions as percentages; machines get everything."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest

from lakefolio.cli import views
from lakefolio.cli.output import Output
from reports.tables.data_health import HEALTH, HEALTH_COVERAGE, HEALTH_HISTORY
from reports.text.formats import Field

RUN = "20251230-production-0a1b2c3d"
LONG: dict[str, Any] = {
    "run_id": RUN, "symbol": "SIMCRYPTO_A:BTCUSDTPERP", "other_symbol": "SIMCRYPTO_A:ETHUSDTPERP",
    "nearest_symbol": "SIMCRYPTO_A:ETHUSDTPERP", "risk_profile": "max_diversification", "session_date": dt.date(2025, 12, 30),
    "as_of": dt.date(2025, 12, 30), "last_session": dt.date(2025, 12, 30),
    "committed_at": dt.datetime(2025, 12, 30, 22, 5, tzinfo=dt.UTC), "rank": 3,
    "last_step": "aggregation", "status": "failed", "source": "tradingview", "name": "correlation_redundancy",
    "artifact": "engine_comparison_report.html", "members": "SIMX:TEC01, SIMX:TEC02, SIMX:TEC03, SIMX:TEC04",
    "side": "SELL_SHORT", "simulator": "idealized", "engine": "equal_weight", "sleeve": "aggressor", "reason": "selected",
    "label": "bond Government bond", "direction": -1, "is_selected": False, "passed": False, "is_fine": True,
    "is_equal": True, "is_used": True, "is_alert": None, "check": "benchmark_outside", "action": "MAINTAIN",
    "stage": "light", "asset_class": "equity", "venue": "SIMCRYPTO_A", "movement": "worsened", "worst": "SIMX:TEC01",
    "recorded": "ab" * 32, "reproduced": "cd" * 32, "kind": "highest", "stream": "physical", "reference": "market",
    "message": None, "what": "setting", "left": "0.25", "right": "0.3", "description": "Fetch", "detail": "24/7", "step": "audit",
    "regime": "TURBULENT", "solver": "interior point", "quote": "USD", "number": 17, "snapshot_id": 12_345,
    "at": "equal_weight equal_weight idealized 2025-12-30 SIMCRYPTO_A:BTCUSDTPERP", "difference": 1.23e-17,
    "notional": 1_234_567.89, "quantity": 70_840.367252, "seconds": 1234.5, "bytes": 1_234_567, "value_traded_usd": 9.9e9,
}  # fmt: skip

TABLES: dict[str, Sequence[Field]] = {
    **{f"show {name}": view.fields for name, view in views.VIEWS.items()},
    **views.ANALYSIS,
    "orders": views.ORDERS.fields,
    "status": views.STATUS.fields,
    "steps": views.STEPS,
    "diff": views.DIFFERENCES,
    "doctor": views.DIAGNOSIS,
    "reproduce": views.HASHES,
    "snapshots": views.SNAPSHOTS,
    "forex": views.LIQUIDITY,
    **{
        f"health {name}": [field for field in layout if field.name in views.HEALTH_COLUMNS[name]]
        for name, layout in (("now", HEALTH), ("history", HEALTH_HISTORY), ("coverage", HEALTH_COVERAGE))
    },
}


def row_of(fields: Sequence[Field]) -> dict[str, Any]:
    return {field.name: LONG.get(field.name, 1.234567) for field in fields}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_fits_80_columns_with_heads_and_values_whole(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    fields = TABLES[name]
    Output().rows([row_of(fields)], fields)
    lines = capsys.readouterr().out.splitlines()
    assert max(len(line) for line in lines) <= 80
    assert not any("…" in line for line in lines)
    heads = " ".join(" ".join(lines[: next(n for n, line in enumerate(lines) if "─" in line)]).split())
    assert all(part in heads for field in fields for part in field.heading.split())


def frame() -> pl.DataFrame:
    return pl.DataFrame({"symbol": ["[X]:A"], "weight": [0.12345], "n": [3], "solver": ["a" * 90], "is_cash": [True]})


def test_json_has_every_column_and_raw_values(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=True).frame(frame(), (Field("symbol", "Symbol"),))
    assert json.loads(capsys.readouterr().out) == frame().to_dicts()


def test_people_see_the_chosen_columns_and_percentages(capsys: pytest.CaptureFixture[str]) -> None:
    Output().frame(frame(), (Field("symbol", "Symbol"), Field("weight", "Weight", lambda value: f"{value:.1%}")))
    text = capsys.readouterr().out
    assert "[X]:A" in text
    assert "12.3%" in text
    assert "aaa" not in text


def test_wide_shows_all_columns_unbroken(capsys: pytest.CaptureFixture[str]) -> None:
    Output(wide=True).frame(frame(), (Field("symbol", "Symbol"),))
    text = capsys.readouterr().out
    assert "a" * 90 in text
    assert "12.35 %" in text
    assert "yes" in text


def test_a_narrower_width_is_taken_from_the_environment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    Output().frame(frame())
    assert max(len(line) for line in capsys.readouterr().out.splitlines()) <= 60
