"""Print data health as coloured terminal tables, the worst first (`make validate`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import polars as pl
from rich.table import Table
from rich.text import Text

from reports.errors import IncompleteReportError
from reports.tables.data_health import HEALTH, HEALTH_COVERAGE, HEALTH_HISTORY
from reports.text.formats import Field
from reports.text.status_colours import HEALTH_STYLES

Style = Callable[[Mapping[str, Any]], str]

_RANKS = list(HEALTH_STYLES)
# Columns of a coverage that count each status, worst first as in HEALTH_STYLES.
_COUNTS = dict(zip(("n_missing", "n_invalid", "n_stale", "n_with_gaps", "n_short"), _RANKS, strict=False))


def health_table(frame: pl.DataFrame, *, title: str = "Data health") -> Table:
    """Return rows of `marts.data_health` or `rpt_health` as a coloured table.

    See docs/method/01-time-sessions-bars.md#1.6.

    Parameters
    ----------
    frame : polars.DataFrame
        At least `symbol` and `status`; other columns of the health tables are shown when present.

    Raises
    ------
    IncompleteReportError
        If `symbol` or `status` is missing, or a status is not defined by docs/method/01-time-sessions-bars.md#1.6.
    """
    _require(frame, {"symbol", "status"})
    rows = sorted(frame.iter_rows(named=True), key=lambda row: (_RANKS.index(row["status"]), row["symbol"]))
    return _table(title, [field for field in HEALTH if field.name in frame.columns], rows, _style_of_status)


def history_table(frame: pl.DataFrame, *, title: str = "Data health over runs") -> Table:
    """Return rows of `rpt_health_history` in the given order: for each symbol its runs, the newest first.

    Raises
    ------
    IncompleteReportError
        If a column is missing, or a status is not defined by docs/method/01-time-sessions-bars.md#1.6.
    """
    _require(frame, {field.name for field in HEALTH_HISTORY})
    return _table(title, HEALTH_HISTORY, frame.iter_rows(named=True), _style_of_status)


def coverage_table(frame: pl.DataFrame, *, title: str = "Data health by class and venue") -> Table:
    """Return rows of `rpt_health_coverage` in the given order, each coloured by its worst status.

    Raises
    ------
    IncompleteReportError
        If a column is missing.
    """
    _require(frame, {field.name for field in HEALTH_COVERAGE})
    return _table(title, HEALTH_COVERAGE, frame.iter_rows(named=True), _style_of_worst)


def _require(frame: pl.DataFrame, names: set[str]) -> None:
    missing = names - set(frame.columns)
    if missing:
        raise IncompleteReportError("data_health", f"column {', '.join(sorted(missing))} is missing")
    if "status" in names:
        unknown = sorted(set(frame.get_column("status")) - set(_RANKS))
        if unknown:
            raise IncompleteReportError("data_health", f"unknown status {', '.join(unknown)}; use {', '.join(_RANKS)}")


def _style_of_status(row: Mapping[str, Any]) -> str:
    return HEALTH_STYLES[row["status"]]


def _style_of_worst(row: Mapping[str, Any]) -> str:
    return HEALTH_STYLES[next((status for count, status in _COUNTS.items() if row[count]), "OK")]


def _table(title: str, fields: Sequence[Field], rows: Iterable[Mapping[str, Any]], style_of: Style) -> Table:
    table = Table(title=title, title_justify="left")
    for field in fields:
        table.add_column(
            field.heading, justify="right" if field.is_right_aligned else "left", no_wrap=field.kind == "code"
        )
    for row in rows:
        # Text, so that rich does not read brackets in a name as markup.
        table.add_row(*(Text(field.write(row[field.name]), style=style_of(row)) for field in fields))
    return table
