"""Print results: a table of chosen columns for people, JSON for machines.

Tables fit 80 columns where the output is no terminal, and the terminal's own width elsewhere. A table that is longer
than the terminal goes through a pager.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from reports.text.formats import MISSING, Field, day, percent, plain, yes_no

if TYPE_CHECKING:
    import polars as pl
    from rich.console import RenderableType
    from rich.table import Table

COLUMNS = 80
"""Characters in a line where the output is no terminal."""
_NO_LIMIT = 100_000
_PERCENT_NAMES = frozenset({
    "weight", "drift", "turnover", "purity", "momentum", "volatility_annual", "weight_change", "share_above_half", "cagr",
    "max_drawdown", "total_return", "cost_drag", "tracking_error", "alpha", "var95", "cvar95",
})  # fmt: skip
_PERCENT_ENDINGS = ("_weight", "_share", "_return")

Row = Mapping[str, Any]
Style = Callable[[Row], str]


@dataclass(frozen=True, slots=True)
class Output:
    """Output of a command: JSON, or tables of chosen columns or of all."""

    as_json: bool = False
    wide: bool = False

    def frame(
        self, frame: pl.DataFrame, fields: Sequence[Field] = (), *, title: str = "", style_of: Style | None = None
    ) -> None:
        """Print one frame: all of it as JSON, the chosen columns as a table; all columns where none are chosen."""
        if self.as_json:
            sys.stdout.write(frame.write_json() + "\n")
        else:
            self.rows(frame.iter_rows(named=True), self.fields_of(frame, fields), title=title, style_of=style_of)

    def frames(self, frames: Mapping[str, pl.DataFrame], fields: Mapping[str, Sequence[Field]]) -> None:
        """Print several frames, each under its title."""
        if self.as_json:
            document({re.sub(r"[^0-9A-Za-z.]+", "_", title): frame.to_dicts() for title, frame in frames.items()})
        else:
            self.tables(
                _table(frame.iter_rows(named=True), self.fields_of(frame, fields.get(title, ())), title, None)
                for title, frame in frames.items()
            )

    def fields_of(self, frame: pl.DataFrame, chosen: Sequence[Field]) -> Sequence[Field]:
        """Choose the columns of a frame: those named, or all of them with `--wide`."""
        if chosen and not self.wide:
            return chosen
        known = {field.name: field for field in chosen}
        return [known.get(name) or field_of(name, is_number=kind.is_numeric()) for name, kind in frame.schema.items()]

    def rows(
        self, rows: Iterable[Row], fields: Sequence[Field], *, title: str = "", style_of: Style | None = None
    ) -> None:
        """Print rows as one table."""
        self.tables([_table(rows, fields, title, style_of)])

    def tables(self, tables: Iterable[Table]) -> None:
        """Print tables one below the other."""
        found = list(tables)
        self.show(*found, n_lines=sum(table.row_count + 4 for table in found))

    def show(self, *parts: RenderableType, n_lines: int) -> None:
        """Print parts that take about `n_lines` lines, through a pager where the terminal has fewer."""
        from rich.console import Console

        is_terminal = sys.stdout.isatty()
        given = os.environ.get("COLUMNS", "")
        fixed = int(given) if given.isdecimal() and int(given) > 0 else COLUMNS
        console = Console(width=_NO_LIMIT if self.wide else None if is_terminal else fixed, highlight=False)
        if is_terminal and n_lines > console.height:
            os.environ.setdefault("LESS", "-RSF")
            with console.pager(styles=True):
                console.print(*parts)
        else:
            console.print(*parts)


def document(value: Mapping[str, Any] | Sequence[Any]) -> None:
    """Print one document as JSON."""
    sys.stdout.write(json.dumps(value, default=str, indent=2) + "\n")


def field_of(name: str, *, is_number: bool) -> Field:
    """Make the column of a name: fractions in percent, numbers to the right."""
    is_fraction = name in _PERCENT_NAMES or name.endswith(_PERCENT_ENDINGS)
    write = percent if is_number and is_fraction else cell
    return Field(name, name.replace("_", " "), write, "number" if is_number else "text")


def cell(value: Any) -> str:
    """Write any value: six digits of a number, minutes of a moment."""
    if isinstance(value, bool):
        return yes_no(value)
    if isinstance(value, float):
        return format(value, ",.6g")
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, date):
        return day(value)
    return MISSING if value is None else plain(value)


def _table(rows: Iterable[Row], fields: Sequence[Field], title: str, style_of: Style | None) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=title or None, title_justify="left", padding=(0, 1, 0, 0))
    for field in fields:
        table.add_column(
            field.heading, justify="right" if field.is_right_aligned else "left", overflow="fold",
            no_wrap=field.kind in ("code", "number", "date"),
        )  # fmt: skip
    for row in rows:
        # Text, not markup: a bracket in a name is a bracket.
        style = style_of(row) if style_of is not None else ""
        table.add_row(*(Text(field.write(row[field.name]), style=style) for field in fields))
    return table
