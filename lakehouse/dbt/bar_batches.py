"""Read the bars of a dbt model in batches of instruments, for Python models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import duckdb
import polars as pl

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, DuckDBPyRelation

BATCH_SYMBOLS = 100
"""Instruments of one batch: about 150,000 bars where the lake holds 1,500 sessions."""


def bar_batches(bars: DuckDBPyRelation, flag: str) -> Iterator[pl.DataFrame]:
    """Yield all bars of 100 instruments at a time, in the order of their symbols.

    Parameters
    ----------
    bars : DuckDBPyRelation
        The model `int_bars_described`.
    flag : str
        Its boolean column that marks the requested bars, which the frames carry as `is_requested`. An instrument without
        a requested bar is left out.
    """
    symbols = [symbol for (symbol,) in bars.filter(flag).aggregate("symbol").order("symbol").fetchall()]
    described = bars.select(f"*, {flag} as is_requested")
    for first in range(0, len(symbols), BATCH_SYMBOLS):
        batch = [duckdb.ConstantExpression(symbol) for symbol in symbols[first : first + BATCH_SYMBOLS]]
        symbol = duckdb.ColumnExpression("symbol")
        # The range lets DuckDB skip the parts of a file that hold other symbols only.
        yield described.filter(symbol.between(batch[0], batch[-1])).filter(symbol.isin(*batch)).pl()


def changed_rows(session: DuckDBPyConnection, found: pl.DataFrame, table: str) -> DuckDBPyRelation:
    """Return the rows of a frame that a table does not hold in all their columns."""
    session.register("found_rows", found.to_arrow())
    held = f"select * from {table} where session_date in (select session_date from found_rows)"  # noqa: S608
    return session.sql(f"select * from found_rows except ({held}) order by source, symbol, session_date")  # noqa: S608
