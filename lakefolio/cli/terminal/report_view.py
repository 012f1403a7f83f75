"""Show a Markdown report on a terminal: text as it reads, and every table in the width of the line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lakefolio.cli.output import Output
from reports.text.formats import Field

if TYPE_CHECKING:
    from rich.console import RenderableType

_CELL_END = re.compile(r"(?<!\\)\|")
_HEADING = re.compile(r"(#+) (.*)")


def section_of(text: str, words: str) -> str | None:
    """The sections whose heading contains `words`, with all below them; None where there is none."""
    kept: list[str] = []
    level = 0
    for line in text.splitlines():
        heading = _HEADING.match(line)
        if heading is not None and (not level or len(heading[1]) <= level):
            level = len(heading[1]) if words.casefold() in heading[2].casefold() else 0
        if level:
            kept.append(line)
    return "\n".join(kept) + "\n" if kept else None


def headings_of(text: str) -> list[str]:
    """The headings of the second level."""
    return [line[3:] for line in text.splitlines() if line.startswith("## ")]


def report_parts(text: str, output: Output) -> Iterator[RenderableType]:
    """Text and tables of a report in their order, the tables fitted to the output."""
    from rich.markdown import Markdown

    for is_table, lines in _blocks(text.splitlines()):
        if is_table:
            yield from _table(lines, output)
        elif any(map(str.strip, lines)):
            yield Markdown("\n".join(lines))


def _blocks(lines: Sequence[str]) -> Iterator[tuple[bool, list[str]]]:
    block: list[str] = []
    for line in lines:
        if block and line.startswith("|") != block[0].startswith("|"):
            yield block[0].startswith("|"), block
            block = []
        block.append(line)
    if block:
        yield block[0].startswith("|"), block


def _table(lines: Sequence[str], output: Output) -> list[RenderableType]:
    head, marks, *rows = (_cells(line) for line in lines)
    fields = [
        Field(str(index), heading, kind="number" if mark.endswith(":") else "text")
        for index, (heading, mark) in enumerate(zip(head, marks, strict=True))
    ]
    return output.table_of(({str(index): cell for index, cell in enumerate(row)} for row in rows), fields)


def _cells(line: str) -> list[str]:
    return [cell.strip().replace("\\|", "|").replace("`", "") for cell in _CELL_END.split(line.strip())[1:-1]]
