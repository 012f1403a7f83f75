"""Escape text for Markdown and write pipe tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from reports.text.formats import MISSING, Field

_ESCAPES = str.maketrans(
    {
        "\\": "\\\\",
        "`": "\\`",
        "*": "\\*",
        "[": "\\[",
        "]": "\\]",
        "|": "\\|",
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        "\n": " ",
        "\r": " ",
    }
)


class MarkdownText(str):
    """Text that is already Markdown and is not escaped again."""

    __slots__ = ()


def escape(value: Any) -> MarkdownText:
    """Escape a value, so that a paragraph or table cell shows it unchanged."""
    return value if isinstance(value, MarkdownText) else MarkdownText(str(value).translate(_ESCAPES))


def table(fields: Sequence[Field], frame: pl.DataFrame, *, limit: int | None = None) -> MarkdownText:
    """Write a pipe table with padded cells; rows beyond `limit` are counted in a line below."""
    shown = frame if limit is None else frame.head(limit)
    rows = [[escape(field.write(row[field.name])) for field in fields] for row in shown.iter_rows(named=True)]
    if not rows:
        return MarkdownText(f"{MISSING} none {MISSING}")
    headings = [escape(field.heading) for field in fields]
    widths = [max(3, *(len(row[index]) for row in [headings, *rows])) for index in range(len(fields))]
    lines = [_line(fields, headings, widths), _rule(fields, widths)]
    lines += [_line(fields, row, widths) for row in rows]
    if shown.height < frame.height:
        lines += ["", f"{frame.height - shown.height} more rows are in the lake."]
    return MarkdownText("\n".join(lines))


def _line(fields: Sequence[Field], cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        cell.rjust(width) if field.is_right_aligned else cell.ljust(width)
        for field, cell, width in zip(fields, cells, widths, strict=True)
    )
    return f"| {' | '.join(padded)} |"


def _rule(fields: Sequence[Field], widths: Sequence[int]) -> str:
    marks = (
        "-" * (width - 1) + ":" if field.is_right_aligned else "-" * width
        for field, width in zip(fields, widths, strict=True)
    )
    return f"| {' | '.join(marks)} |"
