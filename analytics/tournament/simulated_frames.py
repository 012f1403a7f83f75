"""Make the frames of a tournament's decisions, trades and sessions in the columns of the results tables.

See docs/method/09-tournament.md#9.4.

Rows are made from arrays, one frame for each cell or window: a tournament over eight years has a million of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import chain

import numpy as np
import polars as pl

from analytics.settings import BASIS_POINT, TournamentSettings
from analytics.tournament.cells import TournamentCell
from analytics.tournament.engines import Decision
from analytics.tournament.simulators import IDEALIZED, WindowPath
from analytics.tournament.windows import Window

SMALLEST_TRADE = 1e-15
"""Trades up to this fraction of wealth are rounding of a portfolio that is already held; they get no row."""

_CELL = {"engine": pl.String(), "risk_profile": pl.String(), "simulator": pl.String()}
_WEIGHTS = {
    "engine": pl.String(),
    "risk_profile": pl.String(),
    "window": pl.Int64(),
    "symbol": pl.String(),
    "direction": pl.Int64(),
    "weight": pl.Float64(),
    "net_weight": pl.Float64(),
}
_TRADES = {
    **_CELL,
    "window": pl.Int64(),
    "session_date": pl.Date(),
    "symbol": pl.String(),
    **dict.fromkeys(("traded_weight", "slippage", "commission"), pl.Float64()),
}
_SESSIONS = {
    **_CELL,
    "window": pl.Int64(),
    "session_date": pl.Date(),
    **dict.fromkeys(
        ("gross_return", "cost", "borrow", "net_return", "gross_exposure", "net_exposure", "turnover", "wealth"),
        pl.Float64(),
    ),
}


def weights_frame(decisions: Mapping[tuple[str, str], tuple[Decision, ...]]) -> pl.DataFrame:
    """Make one row for each engine, risk profile, window and symbol with a weight other than 0.

    Parameters
    ----------
    decisions : (engine, risk profile) -> one Decision for each window

    Returns
    -------
    polars.DataFrame
        As `results.tournament_weights`, without run id.

    Examples
    --------
    >>> decision = Decision(("NYSE:KO", "NYSE:PG", "NYSE:T"), np.array([0.6, -0.3, 0.0]), cash=0.1)
    >>> weights_frame({("ours", "hrp"): (decision,)}).rows()
    [('ours', 'hrp', 0, 'NYSE:KO', 1, 0.6, 0.6), ('ours', 'hrp', 0, 'NYSE:PG', -1, 0.3, -0.3)]
    """
    net_weight = pl.col("net_weight")
    frames = [
        pl.DataFrame(
            {
                "window": np.repeat(np.arange(len(items)), [len(item.symbols) for item in items]),
                "symbol": pl.Series(list(chain.from_iterable(item.symbols for item in items)), dtype=pl.String()),
                "net_weight": np.concatenate([item.net_weights for item in items]),
            }
        )
        .filter(net_weight != 0.0)
        .select(
            pl.lit(engine).alias("engine"),
            pl.lit(risk_profile).alias("risk_profile"),
            "window",
            "symbol",
            net_weight.sign().cast(pl.Int64()).alias("direction"),
            net_weight.abs().alias("weight"),
            net_weight,
        )
        for (engine, risk_profile), items in decisions.items()
        if items
    ]
    return pl.concat(frames) if frames else pl.DataFrame(schema=_WEIGHTS)


def trades_frame(
    cells: Sequence[TournamentCell],
    windows: Sequence[Window],
    session_dates: tuple[date, ...],
    options: TournamentSettings,
) -> pl.DataFrame:
    """Make one row for each trade of a simulated cell: a symbol whose holding is changed before a session.

    Parameters
    ----------
    cells : sequence of TournamentCell
    windows : sequence of Window
    session_dates : T dates
    options : TournamentSettings
        For slippage and commission of the simulator `realized`; trades of `idealized` cost nothing.

    Returns
    -------
    polars.DataFrame
        As `results.tournament_trades`, without run id: the signed trade, slippage and commission as fractions of the
        wealth before the session.

    Examples
    --------
    >>> trades_frame([], (), (), TournamentSettings()).columns[3:]
    ['window', 'session_date', 'symbol', 'traded_weight', 'slippage', 'commission']
    """
    days = pl.Series(session_dates, dtype=pl.Date())
    size = pl.col("traded_weight").abs()
    frames = []
    for cell in cells:
        is_free = cell.simulator == IDEALIZED
        rates = [0.0 if is_free else bps * BASIS_POINT for bps in (options.slippage_bps, options.commission_bps)]
        paths = cell.path.windows if cell.path is not None else ()
        traded = [_window_trades(path, window, days) for window, path in zip(windows, paths, strict=bool(paths))]
        if traded:
            frames.append(
                pl.concat(traded).select(
                    *_cell_columns(cell),
                    pl.all(),
                    (rates[0] * size).alias("slippage"),
                    (rates[1] * size).alias("commission"),
                )
            )
    return pl.concat(frames) if frames else pl.DataFrame(schema=_TRADES)


def _window_trades(path: WindowPath, window: Window, days: pl.Series) -> pl.DataFrame:
    """Trades of one window in the order of sessions and symbols."""
    sessions, columns = np.nonzero(np.abs(path.trades) > SMALLEST_TRADE)
    return pl.DataFrame(
        {
            "window": np.full(sessions.size, window.index),
            "session_date": days.gather(sessions + window.test.start),
            "symbol": pl.Series(path.symbols, dtype=pl.String()).gather(columns),
            "traded_weight": path.trades[sessions, columns],
        }
    )


def sessions_frame(
    cells: Sequence[TournamentCell], windows: Sequence[Window], session_dates: tuple[date, ...]
) -> pl.DataFrame:
    """Make one row for each simulated cell and tested session.

    Parameters
    ----------
    cells : sequence of TournamentCell
    windows : sequence of Window
    session_dates : T dates

    Returns
    -------
    polars.DataFrame
        As `results.tournament_sessions`, without run id: fractions of the wealth before the session, and the wealth
        after it, where the portfolio began with 1.

    Examples
    --------
    >>> sessions_frame([], (), ()).columns[5:]
    ['gross_return', 'cost', 'borrow', 'net_return', 'gross_exposure', 'net_exposure', 'turnover', 'wealth']
    """
    days = pl.Series([day for window in windows for day in session_dates[window.test]], dtype=pl.Date())
    numbers = np.repeat([window.index for window in windows], [window.n_test for window in windows])
    frames = [
        pl.DataFrame(
            {
                "window": numbers,
                "session_date": days,
                "gross_return": cell.path.gross_returns,
                "cost": cell.path.costs,
                "borrow": cell.path.borrow,
                "net_return": cell.path.returns,
                "gross_exposure": cell.path.gross_exposure,
                "net_exposure": cell.path.net_exposure,
                "turnover": cell.path.turnover,
                "wealth": cell.path.wealth,
            }
        ).select(*_cell_columns(cell), pl.all())
        for cell in cells
        if cell.path is not None
    ]
    return pl.concat(frames) if frames else pl.DataFrame(schema=_SESSIONS)


def _cell_columns(cell: TournamentCell) -> tuple[pl.Expr, ...]:
    return tuple(pl.lit(getattr(cell, name)).alias(name) for name in _CELL)
