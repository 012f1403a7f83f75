"""Text of any instrument stays text in Markdown, and tables count the rows that they leave out."""

from __future__ import annotations

import polars as pl

from reports.text.formats import code, number, percent
from reports.text.markdown import MarkdownText, escape, table

FIELDS = (code("symbol", "Symbol"), number("weight", "Weight", percent))


def test_special_characters_are_escaped_once() -> None:
    escaped = escape("a|b `c` *d* [e](f) <g> & h\ni")
    assert escaped == r"a\|b \`c\` \*d\* \[e\](f) &lt;g&gt; &amp; h i"
    assert escape(escaped) is escaped
    assert isinstance(escaped, MarkdownText)


def test_columns_are_padded_and_numbers_align_right() -> None:
    frame = pl.DataFrame({"symbol": ["SIMX:A", "SIMX:LONG"], "weight": [0.5, 0.25]})
    assert table(FIELDS, frame).splitlines() == [
        "| Symbol    |  Weight |",
        "| --------- | ------: |",
        "| SIMX:A    | 50.00 % |",
        "| SIMX:LONG | 25.00 % |",
    ]


def test_rows_beyond_the_limit_are_counted() -> None:
    frame = pl.DataFrame({"symbol": ["A", "B", "C"], "weight": [0.1] * 3})
    assert table(FIELDS, frame, limit=1).splitlines()[-1] == "2 more rows are in the lake."
    assert table(FIELDS, frame.clear()) == "\u2013 none \u2013"
