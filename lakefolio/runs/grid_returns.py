"""Read returns on the session grid of the run in scope as matrices.

See docs/architecture.md#packages.

Returns stay long in the lake; here they are scattered into a matrix by integer codes, which is the fastest way measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakefolio.errors import LakefolioError, UsageError
from lakehouse.connection.catalog import Lake


@dataclass(frozen=True, slots=True, eq=False)
class GridReturns:
    """Returns on the grid.

    Attributes
    ----------
    returns : (T, N)
        Physical simple returns, NaN where there is none.
    periods_per_year : int
        252 on the business grid, 365 on the 24/7 grid: fixed by the grid (docs/method/02-returns.md#2.3).
    """

    session_dates: tuple[date, ...]
    symbols: tuple[str, ...]
    returns: NDArray[np.float64]
    periods_per_year: int

    def last(self, n_sessions: int) -> GridReturns:
        """The last sessions of the grid."""
        return GridReturns(
            self.session_dates[-n_sessions:], self.symbols, self.returns[-n_sessions:], self.periods_per_year
        )

    def column(self, symbol: str) -> NDArray[np.float64]:
        """(T,) returns of one symbol."""
        return self.returns[:, self.symbols.index(symbol)]


def read_panel(lake: Lake, symbols: Sequence[str], as_of: date) -> GridReturns:
    """Returns of `symbols`, in their order, over the whole grid up to `as_of`.

    Raises
    ------
    LakefolioError
        A symbol has no row at all: it was never priced, and a column of NaN would hide that.
    """
    grid = lake.query(
        "select session_date, sessions_per_year from intermediate.int_session_grid where session_date <= ? order by session_date",
        [as_of],
    )
    rows = lake.query(
        'select symbol, session_date, "return" as value from intermediate.int_returns_on_grid '
        "where session_date <= ? and symbol in (select unnest(?))",
        [as_of, list(symbols)],
    )
    missing = sorted(set(symbols) - set(rows["symbol"]))
    if missing:
        raise LakefolioError(f"no returns for {', '.join(missing[:5])} ({len(missing)} in all): fetch their bars first")
    dates = grid.with_row_index("t")
    order = pl.DataFrame({"symbol": list(symbols)}, schema={"symbol": pl.String}).with_row_index("n")
    coded = rows.join(dates, on="session_date", how="inner").join(order, on="symbol", how="inner")
    returns = np.full((grid.height, len(symbols)), np.nan)
    returns[coded["t"].to_numpy(), coded["n"].to_numpy()] = coded["value"].fill_null(float("nan")).to_numpy()
    if grid.is_empty():
        raise LakefolioError(f"the grid has no session up to {as_of}: fetch bars, or set --as-of later")
    return GridReturns(tuple(grid["session_date"]), tuple(symbols), returns, int(grid["sessions_per_year"][0]))


def benchmark_symbol(lake: Lake, run_id: str) -> str:
    """The instrument whose identity is the benchmark's in a run.

    Raises
    ------
    UsageError
        The source knows none.
    """
    found = lake.rows(
        "select symbol from marts.instruments where run_id = ? and is_benchmark order by venue_priority, symbol limit 1",
        [run_id],
    )
    if not found:
        raise UsageError(
            "the source has no instrument of the benchmark's identity: set `benchmark` in the manifest, or by --set "
            "benchmark=VENUE:TICKER"
        )
    return str(found[0][0])
