"""Data health as tables: the columns that fit 80 characters, or all of them, coloured by status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lakefolio.cli.output import Output
from lakefolio.cli.views import HEALTH_COLUMNS
from reports.tables.data_health import HEALTH, HEALTH_COVERAGE, HEALTH_HISTORY
from reports.terminal import coverage_table, health_table, history_table
from reports.text.status_colours import HEALTH_STYLES

if TYPE_CHECKING:
    import polars as pl

_LAYOUTS = {"now": HEALTH, "history": HEALTH_HISTORY, "coverage": HEALTH_COVERAGE}
_WHOLE = {"now": health_table, "history": history_table, "coverage": coverage_table}
_COUNTS = dict(zip(("n_missing", "n_invalid", "n_stale", "n_with_gaps", "n_short"), HEALTH_STYLES, strict=False))


def print_health(frame: pl.DataFrame, view: str, output: Output) -> None:
    """Print a health table of one of the views `now`, `history` and `coverage`."""
    if output.as_json:
        output.frame(frame)
    elif output.wide:
        output.tables([_WHOLE[view](frame)])
    else:
        fields = [field for field in _LAYOUTS[view] if field.name in HEALTH_COLUMNS[view]]
        output.rows(frame.iter_rows(named=True), fields, style_of=_style)


def _style(row: Mapping[str, Any]) -> str:
    """Colour a row by its status, or by the worst status that it counts."""
    if "status" in row:
        return HEALTH_STYLES.get(str(row["status"]), "")
    return HEALTH_STYLES[next((status for count, status in _COUNTS.items() if row[count]), "OK")]
