"""Data health for the terminal, worst first in colour (`make validate`)."""

from __future__ import annotations

import polars as pl
from rich.table import Table
from rich.text import Text

from reports.errors import IncompleteReportError
from reports.layout import HEALTH
from reports.tones import HEALTH_STYLES


def health_table(frame: pl.DataFrame, *, title: str = "Data health") -> Table:
    """Rows of `marts.data_health` or `rpt_health` as a coloured table (quant.md 1.6).

    Parameters
    ----------
    frame : polars.DataFrame
        At least `symbol` and `status`; other columns of the health tables are shown where present.

    Raises
    ------
    IncompleteReportError
        If `symbol` or `status` is missing, or a status is none of quant.md 1.6.
    """
    missing = {"symbol", "status"} - set(frame.columns)
    if missing:
        raise IncompleteReportError("data_health", f"column {', '.join(sorted(missing))} is missing")
    fields = [field for field in HEALTH if field.name in frame.columns]
    table = Table(title=title, title_justify="left")
    for field in fields:
        table.add_column(
            field.head, justify="right" if field.is_right_aligned else "left", no_wrap=field.kind == "code"
        )
    ranks = list(HEALTH_STYLES)
    strangers = sorted(set(frame.get_column("status")) - set(ranks))
    if strangers:
        raise IncompleteReportError("data_health", f"status {', '.join(strangers)} is none of {', '.join(ranks)}")
    rows = sorted(frame.iter_rows(named=True), key=lambda row: (ranks.index(row["status"]), row["symbol"]))
    for row in rows:
        style = HEALTH_STYLES[row["status"]]
        # Text, not markup: a bracket in a name is a bracket.
        table.add_row(*(Text(field.write(row[field.name]), style=style) for field in fields))
    return table
