"""Health tables of the terminal have an order and a colour by status."""

from __future__ import annotations

import io

import polars as pl
import pytest
from rich.console import Console
from rich.text import Text

from reports.errors import IncompleteReportError
from reports.reader import ReportTables
from reports.tables.data_health import HEALTH_COVERAGE, HEALTH_HISTORY
from reports.terminal import coverage_table, health_table, history_table
from reports.text.status_colours import HEALTH_STYLES

ANSI = {
    "MISSING": "\x1b[1;37;41m",
    "INVALID": "\x1b[1;31m",
    "STALE": "\x1b[38;5;208m",
    "GAPS": "\x1b[33m",
    "SHORT": "\x1b[36m",
    "OK": "\x1b[32m",
}


def printed(frame: pl.DataFrame) -> str:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, color_system="256", width=200, legacy_windows=False)
    console.print(health_table(frame))
    return stream.getvalue()


@pytest.mark.parametrize("status", list(HEALTH_STYLES))
def test_each_state_has_its_colour(status: str) -> None:
    text = printed(pl.DataFrame({"symbol": ["SIMX:AAA"], "status": [status]}))
    assert f"{ANSI[status]}{status}" in text


def test_the_worst_stand_first_whatever_order_they_come_in(tables: ReportTables) -> None:
    frame = tables["rpt_health"].filter(stage="full").reverse()
    table = health_table(frame)
    statuses = [str(cell) for cell in table.columns[0].cells]
    assert statuses[:5] == ["MISSING", "INVALID", "STALE", "GAPS", "SHORT"]
    assert set(statuses[5:]) == {"OK"}
    assert table.row_count == frame.height


def test_a_bracket_in_a_name_is_no_markup() -> None:
    frame = pl.DataFrame({"symbol": ["SIMX:AAA"], "name": ["[red]A[/red]"], "status": ["OK"]})
    assert "[red]A[/red]" in printed(frame)


def test_a_frame_without_status_or_with_a_strange_one_is_refused() -> None:
    with pytest.raises(IncompleteReportError, match="column status is missing"):
        health_table(pl.DataFrame({"symbol": ["SIMX:AAA"]}))
    with pytest.raises(IncompleteReportError, match="unknown status FINE"):
        health_table(pl.DataFrame({"symbol": ["SIMX:AAA"], "status": ["FINE"]}))


def test_a_history_stays_in_its_order_and_each_run_has_its_own_colour() -> None:
    row = dict.fromkeys((field.name for field in HEALTH_HISTORY), None)
    rows = [
        {**row, "symbol": "SIMX:AAA", "run_id": run, "status": status} for run, status in (("b", "OK"), ("a", "GAPS"))
    ]
    table = history_table(pl.DataFrame(rows))
    assert [str(cell) for cell in table.columns[2].cells] == ["b", "a"]
    assert [cell.style for cell in table.columns[4].cells if isinstance(cell, Text)] == ["green", "yellow"]
    with pytest.raises(IncompleteReportError, match="column movement is missing"):
        history_table(pl.DataFrame(rows).drop("movement"))
    with pytest.raises(IncompleteReportError, match="unknown status FINE"):
        history_table(pl.DataFrame([{**rows[0], "status": "FINE"}]))


@pytest.mark.parametrize(
    ("counted", "style"),
    [
        ({}, "green"),
        ({"n_short": 1}, "cyan"),
        ({"n_short": 1, "n_with_gaps": 2}, "yellow"),
        ({"n_missing": 1, "n_stale": 3}, HEALTH_STYLES["MISSING"]),
    ],
)
def test_a_class_at_a_venue_has_the_colour_of_the_worst_in_it(counted: dict[str, int], style: str) -> None:
    row: dict[str, object] = {field.name: 0 for field in HEALTH_COVERAGE}
    row |= {"stage": "full", "asset_class": "fx", "venue": "SIMFX_A", "worst": None, "ok_share": 0.5, **counted}
    table = coverage_table(pl.DataFrame([row]))
    assert {cell.style for column in table.columns for cell in column.cells if isinstance(cell, Text)} == {style}
    assert "50.00" in str(next(iter(table.columns[4].cells)))
