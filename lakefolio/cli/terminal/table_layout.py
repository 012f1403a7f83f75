"""Choose the widths of a table's columns, so that it fits a line.

Headings wrap first. Then long texts are cut, the widest first. Columns that still do not fit are left out from the right;
codes, numbers and dates are never cut.
"""

from __future__ import annotations

from collections.abc import Sequence

from reports.text.formats import Field

PROSE = frozenset({"description", "detail", "message", "reason", "error", "left", "right"})
"""Columns of sentences, which are folded where others are cut."""
LEAST_TEXT = 8
"""Characters that are left of a text which is cut, and of a word of a heading which is broken."""
_GAP = 2
_UNCUT = frozenset({"code", "number", "date"})


def layout(fields: Sequence[Field], cells: Sequence[Sequence[str]], width: int | None) -> list[int]:
    """Widths of the columns that are shown: the first of `fields`, all of them where `width` is None or enough.

    Parameters
    ----------
    cells
        Text of every cell, by row.
    width
        Characters of the line; None without limit.
    """
    from rich.cells import cell_len

    columns = list(zip(*cells, strict=True)) or [()] * len(fields)
    contents = [max(map(cell_len, column), default=1) or 1 for column in columns]
    headings = [max(cell_len(field.heading), 1) for field in fields]
    whole = [max(pair) for pair in zip(contents, headings, strict=True)]
    if width is None or _total(whole) <= width:
        return whole
    words = [max(map(cell_len, field.heading.split()), default=1) for field in fields]
    wrapped = [max(pair) for pair in zip(contents, words, strict=True)]
    if _total(wrapped) <= width:
        return _spread(wrapped, whole, width)
    least = [
        max(content if field.kind in _UNCUT else min(content, LEAST_TEXT), min(word, LEAST_TEXT))
        for field, content, word in zip(fields, contents, words, strict=True)
    ]
    n_shown = next((n for n in range(len(fields), 1, -1) if _total(least[:n]) <= width), 1)
    if n_shown == 1:
        return [min(wrapped[0], width - _GAP)] if fields else []
    return _cut(wrapped[:n_shown], least[:n_shown], width)


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * len(widths)


def _spread(widths: list[int], wanted: Sequence[int], width: int) -> list[int]:
    """Widen columns from the left, so that fewer headings wrap."""
    spare = width - _total(widths)
    for index, want in enumerate(wanted):
        more = want - widths[index]
        if more <= spare:
            widths[index] += more
            spare -= more
    return widths


def _cut(widths: list[int], least: Sequence[int], width: int) -> list[int]:
    """Narrow the widest columns, none below its least width, until the line holds all."""
    while _total(widths) > width:
        index = max((n for n in range(len(widths)) if widths[n] > least[n]), key=lambda n: widths[n])
        widths[index] -= 1
    return widths
