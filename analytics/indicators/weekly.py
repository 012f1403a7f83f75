"""Weekly columns from daily closes, for rules on a second timeframe.

See docs/method/05-discovery-selection.md#5.1, multi-timeframe.

A week runs from Monday to Sunday by session date. The current week counts as a bar, as at TradingView: its close is that
of the session. Columns that need highs and lows (`adx|1W`) or ratings (`recommend_all|1W`) are not computed, and a rule
on them fails as missing.
"""

from __future__ import annotations

import polars as pl

_RSI_LENGTH = 14
_MOMENTUM_LENGTH = 10
WEEKLY_COLUMNS = ("close_1w", "change_1w", "rsi_1w", "momentum10_1w")
_SCHEMA = {"symbol": pl.String(), "session_date": pl.Date(), **dict.fromkeys(WEEKLY_COLUMNS, pl.Float64())}


def weekly_columns(closes: pl.DataFrame) -> pl.DataFrame:
    """Compute the weekly columns at every requested session from the closes up to it.

    RSI 14 = 100 * up / (up + down) of Wilder averages of the weekly moves, started with the mean of the first 14; the
    move of the current week is added to the averages of the weeks before. momentum10 = close - close ten weekly bars back.

    Parameters
    ----------
    closes : pl.DataFrame
        symbol, session_date, close, is_requested; one row for each session, in any order.

    Returns
    -------
    pl.DataFrame
        symbol, session_date and `WEEKLY_COLUMNS`; NULL where the history is too short.
    """
    daily = closes.select("symbol", "session_date", pl.col("close").cast(pl.Float64), "is_requested").drop_nulls()
    if daily.is_empty():
        return pl.DataFrame(schema=_SCHEMA)
    daily = daily.sort("symbol", "session_date").with_columns(pl.col("session_date").dt.truncate("1w").alias("week"))
    weeks = _states_before(daily.group_by("symbol", "week", maintain_order=True).agg(pl.col("close").last()))
    daily = daily.filter("is_requested")
    move = pl.col("close") - pl.col("close_before")
    up, down = _averaged("up", move.clip(lower_bound=0)), _averaged("down", (-move).clip(lower_bound=0))
    return (
        daily.join(weeks, on=["symbol", "week"], how="left", maintain_order="left")
        .with_columns(up.alias("up"), down.alias("down"))
        .select(
            "symbol",
            "session_date",
            pl.col("close").alias("close_1w"),
            (100.0 * (pl.col("close") / pl.col("close_before") - 1.0)).alias("change_1w"),
            pl.when(pl.col("up") + pl.col("down") > 0)
            .then(100.0 * (pl.col("up") / (pl.col("up") + pl.col("down"))))
            .alias("rsi_1w"),
            (pl.col("close") - pl.col("close_ten_before")).alias("momentum10_1w"),
        )
    )


def _states_before(weeks: pl.DataFrame) -> pl.DataFrame:
    """Return the state before each week: last close, close ten weeks back, number of moves, and Wilder averages."""
    close = pl.col("close")
    known = weeks.with_columns((close - close.shift(1)).over("symbol").alias("move"))
    known = known.with_columns(
        pl.col("move").clip(lower_bound=0).alias("up"), (-pl.col("move")).clip(lower_bound=0).alias("down")
    )
    known = known.with_columns(
        pl.col("move").is_not_null().cum_sum().over("symbol").alias("n_moves"),
        *(pl.col(side).cum_sum().over("symbol").alias(f"{side}_sum") for side in ("up", "down")),
    )
    known = known.with_columns(_wilder(side).over("symbol").alias(f"{side}_average") for side in ("up", "down"))
    left = ("n_moves", "up_sum", "down_sum", "up_average", "down_average")
    return known.select(
        "symbol",
        "week",
        close.shift(1).over("symbol").alias("close_before"),
        close.shift(_MOMENTUM_LENGTH).over("symbol").alias("close_ten_before"),
        *(pl.col(name).shift(1).over("symbol") for name in left),
    )


def _wilder(side: str) -> pl.Expr:
    n_moves = pl.col("n_moves")
    seed = pl.col(f"{side}_sum") / _RSI_LENGTH
    started = pl.when(n_moves == _RSI_LENGTH).then(seed).when(n_moves > _RSI_LENGTH).then(pl.col(side))
    return started.ewm_mean(alpha=1.0 / _RSI_LENGTH, adjust=False, ignore_nulls=True)


def _averaged(side: str, move: pl.Expr) -> pl.Expr:
    """Return the average after the move of the current week; with 13 earlier moves it completes the first average."""
    n_moves, before = pl.col("n_moves"), pl.col(f"{side}_average")
    return (
        pl.when(n_moves >= _RSI_LENGTH)
        .then(before + (move - before) / _RSI_LENGTH)
        .when(n_moves == _RSI_LENGTH - 1)
        .then((pl.col(f"{side}_sum") + move) / _RSI_LENGTH)
    )
