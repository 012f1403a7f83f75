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
from lakefolio.cli.terminal.report_view import report_parts, section_of
from reports.tables.data_health import HEALTH, HEALTH_COVERAGE, HEALTH_HISTORY
from reports.text.formats import Field

RUN = "20251230-production-0a1b2c3d"
LONG: dict[str, Any] = {
    "run_id": RUN, "symbol": "SIMCRYPTO_A:BTCUSDTPERP", "other_symbol": "SIMCRYPTO_A:ETHUSDTPERP",
    "nearest_symbol": "SIMCRYPTO_A:ETHUSDTPERP", "risk_profile": "max_diversification", "session_date": dt.date(2025, 12, 30),
    "parent_run_id": RUN, "profile": "production", "as_of": dt.date(2025, 12, 30), "last_session": dt.date(2025, 12, 30),
    "committed_at": dt.datetime(2025, 12, 30, 22, 5, tzinfo=dt.UTC), "rank": 3, "cluster_id": 12, "subcluster_id": 3,
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


CUT = {"clusters", "diff", "show clusters", "show drift", "show regime", "show solves", "show weights", "orders"}
"""Tables whose longest texts are longer than the line: the ends of these texts are cut."""
SHORTENED = {"status"}
"""Tables that leave out columns, and name them, where ids are long."""


@pytest.mark.parametrize("name", TABLES)
def test_a_table_fits_80_columns_with_heads_and_values_whole(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    fields = TABLES[name]
    Output().rows([row_of(fields)], fields)
    text = capsys.readouterr().out
    lines = text.splitlines()
    assert max(len(line) for line in lines) <= 80
    assert any("…" in line for line in lines) <= (name in CUT | SHORTENED)
    assert ("with --wide: " in text) == (name in SHORTENED)
    heads = " ".join(" ".join(lines[: next(n for n, line in enumerate(lines) if "─" in line)]).split())
    hidden = text.partition("with --wide:")[2]
    assert all(part in heads + hidden for field in fields for part in field.heading.split())


def test_a_pipe_gets_every_value_whole_on_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    Output().frame(pl.DataFrame({"note": ["x" * 300], "other_symbol": ["y" * 300], "count_star()": [3]}))
    lines = capsys.readouterr().out.splitlines()
    assert sum("x" * 300 in line and "y" * 300 in line for line in lines) == 1
    assert lines[1].split() == ["note", "other_symbol", "count(*)"]


def test_a_narrow_line_cuts_texts_and_never_codes_or_numbers(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    fields = (Field("name", "Name"), Field("symbol", "Symbol", kind="code"), Field("n", "N", str, "number"))
    Output().rows([{"name": "a" * 60, "symbol": "VENUE:TICKER", "n": 12345678}], fields)
    text = capsys.readouterr().out
    assert "aaa… " in text
    assert "VENUE:TICKER" in text
    assert "12345678" in text
    assert max(map(len, text.splitlines())) <= 40


def test_columns_that_do_not_fit_are_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    Output().frame(pl.DataFrame({f"column_{n}": [1234567.5] for n in range(20)}))
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 60
    assert "with --wide: " in text
    assert "column_19" in text


def test_a_report_in_a_narrow_line_keeps_its_numbers_whole(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    text = "# Report\n\n| Risk profile | Weight | Net |\n| --- | ---: | ---: |\n| min \\| variance of it | 100.00 % | 5 % |\n"
    output = Output()
    output.show(*report_parts(text, output), n_lines=1)
    shown = capsys.readouterr().out
    assert "100.00 %" in shown
    assert "min | " in shown
    assert max(map(len, shown.splitlines())) <= 30


def test_a_section_is_found_by_a_part_of_its_heading() -> None:
    text = "# Report\n\n## Risk profiles\none\n### By class\ntwo\n## Audit gate\nthree\n"
    assert section_of(text, "risk") == "## Risk profiles\none\n### By class\ntwo\n"
    assert section_of(text, "by class") == "### By class\ntwo\n"
    assert section_of(text, "nothing") is None


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
