"""Health in colour."""

from __future__ import annotations

import io

import polars as pl
import pytest
from rich.console import Console

from reports.errors import IncompleteReportError
from reports.reader import ReportTables
from reports.terminal import health_table
from reports.tones import HEALTH_STYLES, tone

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
    with pytest.raises(IncompleteReportError, match="FINE is none of"):
        health_table(pl.DataFrame({"symbol": ["SIMX:AAA"], "status": ["FINE"]}))


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("OK", "good"),
        (True, "good"),
        (False, "bad"),
        ("closed form", "good"),
        ("no_positive_excess_return", "caution"),
        ("CRISIS", "bad"),
        ("unsupported", "note"),
        ("something new", "plain"),
        (None, "plain"),
    ],
)
def test_a_state_has_its_tone(state: object, expected: str) -> None:
    assert tone(state) == expected
