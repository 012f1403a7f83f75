"""Narrow the base universe of a scanner by index, liquidity floor, venue priority and size, in this order."""

from __future__ import annotations

import polars as pl

from ingest.screening.scanners import Scanner

_CAP = "market_cap_usd"


def exclusions(scanner: Scanner, market: pl.DataFrame) -> list[pl.Expr]:
    """Return the reasons for which instruments are not in the base universe.

    Each condition compares only instruments that satisfy those before it, so a listing below the liquidity floor does
    not displace another one.

    Parameters
    ----------
    market : pl.DataFrame
        Market of the scanner, sorted by symbol.

    Returns
    -------
    list of pl.Expr
        One expression for each condition: the reason as text, NULL where the condition holds.
    """
    found: list[pl.Expr] = []
    if scanner.indexes:
        found.append(_membership(scanner, market))
    if scanner.value_traded_min_usd > 0 or scanner.liquidity_required:
        found.append(_floor(scanner, market))
    if scanner.venue_priority:
        found.append(_priority(scanner, _kept(found)))
    if scanner.market_cap_rank_max is not None:
        found.append(_size(scanner.market_cap_rank_max, market, _kept(found)))
    return found


def present(name: str, frame: pl.DataFrame) -> pl.Expr:
    """Return the expression that a column is neither NULL nor NaN."""
    column = pl.col(name)
    return column.is_not_null() & column.is_not_nan() if frame.schema[name].is_float() else column.is_not_null()


def _kept(failures: list[pl.Expr]) -> pl.Expr:
    return pl.all_horizontal(pl.lit(value=True), *(one.is_null() for one in failures))


def _membership(scanner: Scanner, market: pl.DataFrame) -> pl.Expr:
    if not isinstance(market.schema.get("indexes"), pl.List):
        return pl.lit("missing indexes")
    names = ", ".join(scanner.indexes)
    is_member = pl.col("indexes").list.eval(pl.element().is_in(list(scanner.indexes))).list.any()
    return (
        pl.when(pl.col("indexes").is_null())
        .then(pl.lit("missing indexes"))
        .when(~is_member)
        .then(pl.lit(f"indexes name none of {names}"))
    )


def _floor(scanner: Scanner, market: pl.DataFrame) -> pl.Expr:
    name = "value_traded_usd"
    without = pl.lit(f"missing {name}") if scanner.liquidity_required else pl.lit(None, dtype=pl.String)
    if name not in market.columns:
        return without
    shown = pl.col(name).round(0).cast(pl.String)
    below = pl.format("{} {} is below the floor {}", pl.lit(name), shown, pl.lit(f"{scanner.value_traded_min_usd:g}"))
    return pl.when(~present(name, market)).then(without).when(pl.col(name) < scanner.value_traded_min_usd).then(below)


def _priority(scanner: Scanner, is_kept: pl.Expr) -> pl.Expr:
    priorities = {venue: priority for priority, venue in enumerate(scanner.venue_priority)}
    priority = pl.col("venue").replace_strict(priorities, default=len(priorities), return_dtype=pl.Int64)
    ticker = pl.col("symbol").str.split_exact(":", 1).struct.field("field_1")
    first = pl.when(is_kept).then(priority).min().over(ticker, "asset_class", "product")
    winner = first.replace_strict(dict(enumerate(scanner.venue_priority)), default=None, return_dtype=pl.String)
    return pl.when(is_kept & (priority > first)).then(
        pl.format("venue {} gives way to {}", pl.col("venue"), winner.fill_null(""))
    )


def _size(most: int, market: pl.DataFrame, is_kept: pl.Expr) -> pl.Expr:
    missing = pl.lit(f"missing {_CAP}")
    if _CAP not in market.columns or not market.schema[_CAP].is_numeric():
        return pl.when(is_kept).then(missing)
    is_known = present(_CAP, market)
    # Ordinal rank: equal sizes are ranked in the order of the frame, which is sorted by symbol.
    rank = pl.when(is_kept & is_known).then(pl.col(_CAP)).rank("ordinal", descending=True)
    below = pl.format("{} is number {}, {} are kept", pl.lit(_CAP), rank.fill_null(0), pl.lit(str(most)))
    return pl.when(is_kept & ~is_known).then(missing).when(rank > most).then(below)
