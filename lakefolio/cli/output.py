"""Print results: a table of chosen columns for people, JSON for machines.

On a terminal a table fits its width (see `lakefolio.cli.terminal.table_layout`), and one that is longer than the screen goes
through a pager. In a pipe or a file every value stands whole on the line of its row, unless COLUMNS names a width.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from lakefolio.cli.terminal.table_layout import PROSE, layout
from reports.text.formats import MISSING, Field, day, percent, plain, yes_no

if TYPE_CHECKING:
    import polars as pl
    from rich.console import RenderableType

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
                part
                for title, frame in frames.items()
                for part in self.table_of(
                    frame.iter_rows(named=True), self.fields_of(frame, fields.get(title, ())), title
                )
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
        self.tables(self.table_of(rows, fields, title, style_of))

    def tables(self, parts: Iterable[RenderableType]) -> None:
        """Print tables, and the lines between them, one below the other."""
        found = list(parts)
        self.show(*found, n_lines=sum(getattr(part, "row_count", -3) + 4 for part in found))

    def table_of(
        self, rows: Iterable[Row], fields: Sequence[Field], title: str = "", style_of: Style | None = None
    ) -> list[RenderableType]:
        """Make a table of this output's width, and a line that names the columns which do not fit."""
        return _table(rows, fields, title, style_of, width=self.width)

    @property
    def width(self) -> int | None:
        """Characters of a line; None without limit: for `--wide`, and where a pipe or a file is written."""
        if self.wide:
            return None
        given = os.environ.get("COLUMNS", "")
        if given.isdecimal() and int(given) > 0:
            return int(given)
        return shutil.get_terminal_size().columns if sys.stdout.isatty() else None

    @property
    def is_limited(self) -> bool:
        """True where lines have a width to fit."""
        return self.width is not None

    def show(self, *parts: RenderableType, n_lines: int) -> None:
        """Print parts that take about `n_lines` lines, through a pager where the terminal has fewer."""
        from rich.console import Console

        console = Console(width=self.width or _NO_LIMIT, highlight=False)
        if sys.stdout.isatty() and n_lines > console.height:
            os.environ.setdefault("LESS", "-RSF")
            with console.pager(styles=True):
                console.print(*parts, sep="\n")
        else:
            console.print(*parts, sep="\n")


def document(value: Mapping[str, Any] | Sequence[Any]) -> None:
    """Print one document as JSON."""
    sys.stdout.write(json.dumps(value, default=str, indent=2) + "\n")


def field_of(name: str, *, is_number: bool) -> Field:
    """Make the column of a table: its name as heading, fractions in percent, numbers to the right."""
    is_fraction = name in _PERCENT_NAMES or name.endswith(_PERCENT_ENDINGS)
    write = percent if is_number and is_fraction else cell
    return Field(name, name.replace("count_star()", "count(*)"), write, "number" if is_number else "text")


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


def _table(
    rows: Iterable[Row], fields: Sequence[Field], title: str, style_of: Style | None, *, width: int | None
) -> list[RenderableType]:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    listed = list(rows)
    cells = [[field.write(row[field.name]) for field in fields] for row in listed]
    widths = layout(fields, cells, width)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=title or None, title_justify="left", padding=(0, 1, 0, 0))
    # Text, not markup: a bracket in a name is a bracket.
    for field, column_width in zip(fields, widths, strict=False):
        table.add_column(
            Text(field.heading, overflow="fold"), justify="right" if field.is_right_aligned else "left",
            width=column_width,
        )  # fmt: skip
    for row, values in zip(listed, cells, strict=True):
        style = style_of(row) if style_of is not None else ""
        table.add_row(
            *(
                Text(
                    value,
                    style,
                    overflow="fold" if field.name in PROSE else "ellipsis",
                    no_wrap=field.name not in PROSE,
                )
                for field, value, _ in zip(fields, values, widths, strict=False)
            )
        )
    hidden = [field.heading for field in fields[len(widths) :]]
    if not hidden:
        return [table]
    return [
        table,
        Text(
            f"{len(hidden)} more {'column' if len(hidden) == 1 else 'columns'} with --wide: {', '.join(hidden)}",
            overflow="fold",
        ),
    ]
