"""Mark holdings to market, measure their drift from the target and make the orders that close it.

See docs/method/10-state-orders.md.

Weights in this module are net: signed by the direction of the position, fractions of the portfolio's value. The rest
is cash.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from analytics._typing import BoolVector, FloatMatrix, FloatVector
from analytics.errors import InputError

MAINTAIN_TURNOVER = 0.10
URGENT_TURNOVER = 0.20
URGENT_DRIFT = 0.075
MIN_TRADE = 0.01
# Orders that free cash come before those that use it.
SIDES = ("SELL", "COVER", "SELL_SHORT", "BUY")


@dataclass(frozen=True, slots=True)
class MarkedHoldings:
    """Holdings after the market moved.

    Attributes
    ----------
    weights : (N,)
        Net weights, fractions of the portfolio's new value.
    growth : float
        New value of the portfolio as a multiple of the old one.
    """

    weights: FloatVector
    growth: float


@dataclass(frozen=True, slots=True)
class DriftReport:
    """Difference between held and target weights, by symbol.

    See docs/method/10-state-orders.md#10.1, 10.2.

    Attributes
    ----------
    symbols : N names
        Sorted.
    held, target, drift : (N,)
        Net weights, and target - held.
    published : (N,)
        Net weights after the orders: the target, or the partially rebalanced weights.
    actions : N of HOLD, SKIPPED, TRADE
    portfolio_action : str
        MAINTAIN, REBALANCE or URGENT.
    turnover : float
        Half the sum of |drift|, a fraction of the portfolio's value.

    Examples
    --------
    >>> report = measure_drift({"NYSE:KO": 0.6}, {"NYSE:KO": 0.5, "NYSE:PG": 0.4}, partial_rebalance=False)
    >>> report.frame().select("symbol", "held_weight", "target_weight", "action").rows()
    [('NYSE:KO', 0.6, 0.5, 'TRADE'), ('NYSE:PG', 0.0, 0.4, 'TRADE')]
    >>> report.portfolio_action, round(report.turnover, 4)
    ('URGENT', 0.25)
    """

    symbols: tuple[str, ...]
    held: FloatVector
    target: FloatVector
    drift: FloatVector
    published: FloatVector
    actions: tuple[str, ...]
    portfolio_action: str
    turnover: float

    def frame(self) -> pl.DataFrame:
        """Return the columns of `results.drift` without its keys `run_id` and `risk_profile`."""
        return pl.DataFrame(
            {
                "symbol": pl.Series(self.symbols, dtype=pl.String),
                "held_weight": self.held,
                "target_weight": self.target,
                "drift": self.drift,
                "action": pl.Series(self.actions, dtype=pl.String),
            }
        ).with_columns(portfolio_action=pl.lit(self.portfolio_action), turnover=pl.lit(self.turnover))


@dataclass(frozen=True, slots=True)
class OrderTerms:
    """Trading terms of one instrument.

    Attributes
    ----------
    venue : str
    last_price : float or None
        In the quote currency; None leaves the quantity open.
    lot_size : float or None
        Smallest tradable quantity; None leaves the quantity unrounded.
    usd_per_quote : float or None
        Value of the quote currency in USD; None, for a currency without a known rate, leaves the quantity open.
    """

    venue: str
    last_price: float | None
    lot_size: float | None = None
    usd_per_quote: float | None = 1.0


def mark_to_market(
    held_weights: FloatVector, past_returns_since: FloatMatrix, *, symbols: Sequence[str]
) -> MarkedHoldings:
    """Carry accepted weights forward by the returns of their instruments since then.

    See docs/method/10-state-orders.md#10.1.

    Parameters
    ----------
    held_weights : (N,)
        Net weights at the last acceptance.
    past_returns_since : (S, N)
        Physical simple returns, as fractions, of the sessions after the acceptance; NaN earns 0
        (docs/method/02-returns.md#2.3). S may be 0.
    symbols : N names

    Returns
    -------
    MarkedHoldings
        Each position grows with its own instrument and cash stays; weights are fractions of the new total.

    Raises
    ------
    InputError
        When shapes differ, when a weight is not finite, when a return is infinite or below -1, or when the portfolio
        has no value left.

    Examples
    --------
    >>> marked = mark_to_market(np.array([0.5, -0.2]), np.array([[0.10, 0.05]]), symbols=["NYSE:KO", "NYSE:PG"])
    >>> marked.weights.round(4).tolist(), round(marked.growth, 4)
    ([0.5288, -0.2019], 1.04)
    """
    if held_weights.shape != (len(symbols),) or past_returns_since.shape[1:] != (len(symbols),):
        shapes = f"{len(symbols)} symbols, weights {held_weights.shape}, returns {past_returns_since.shape}"
        raise InputError(f"holdings need one weight and one column of returns per symbol: {shapes}")
    for symbol, weight in zip(symbols, held_weights, strict=True):
        _check_weight(symbol, float(weight))
    invalid = np.argwhere(np.isinf(past_returns_since) | (past_returns_since < -1.0))
    if invalid.size:
        session, column = (int(index) for index in invalid[0])
        value = past_returns_since[session, column]
        raise InputError(f"{symbols[column]} returns {value} at session {session}: a return is finite, >= -1")
    positions = held_weights * np.prod(1.0 + np.where(np.isnan(past_returns_since), 0.0, past_returns_since), axis=0)
    growth = 1.0 + float((positions - held_weights).sum())
    if growth <= 0.0:
        raise InputError(f"the held portfolio lost {1.0 - growth:.2%} since its acceptance: accept a new state")
    return MarkedHoldings(positions / growth, growth)


def measure_drift(
    held: Mapping[str, float],
    target: Mapping[str, float],
    *,
    partial_rebalance: bool,
    groups: Mapping[str, str] | None = None,
    instrument_cap: float | None = None,
) -> DriftReport:
    """Compare held weights with target weights and decide the trades.

    See docs/method/10-state-orders.md#10.1, 10.2.

    Parameters
    ----------
    held, target : symbol -> net weight
        Weights marked to market and target weights; an instrument missing from one of them has weight 0 there.
    partial_rebalance : bool
        `feat_partial_rebalance`: trades below 1 % are skipped and the others scaled, so that the gross exposure is that
        of the target. A change of direction is never skipped. A skipped trade is made after all, largest first, where
        scaling would move another weight by 1 % or more. The size of a trade is its drift, before scaling.
    groups : symbol -> name, for every symbol of the target
        Skipped trades are compensated inside their group, so that every group (a cluster under its cap) keeps the gross
        exposure of the target. None: one group. A position that is not in the target is always closed.
    instrument_cap : float
        Largest gross weight of an instrument; a group in which compensation would exceed it trades in full.

    Returns
    -------
    DriftReport

    Raises
    ------
    InputError
        When a weight is not finite.

    Examples
    --------
    >>> held, target = {"NYSE:KO": 0.300, "NYSE:PG": 0.400}, {"NYSE:KO": 0.305, "NYSE:PG": 0.450}
    >>> report = measure_drift(held, target, partial_rebalance=True)
    >>> report.actions, report.published.round(4).tolist()
    (('SKIPPED', 'TRADE'), [0.3, 0.455])
    """
    symbols = tuple(sorted(set(held) | set(target)))
    for weights in (held, target):
        for symbol, weight in weights.items():
            _check_weight(symbol, weight)
    held_weights = np.array([held.get(symbol, 0.0) for symbol in symbols], dtype=np.float64)
    target_weights = np.array([target.get(symbol, 0.0) for symbol in symbols], dtype=np.float64)
    drift = target_weights - held_weights
    turnover = float(np.abs(drift).sum() / 2.0)
    names = [(groups or {}).get(symbol, "") if symbol in target else None for symbol in symbols]
    published = target_weights
    if partial_rebalance:
        published = _rebalance_groups(held_weights, target_weights, names, instrument_cap)
    is_traded = published != held_weights
    actions = tuple(
        "TRADE" if traded else "SKIPPED" if gap != 0.0 else "HOLD" for traded, gap in zip(is_traded, drift, strict=True)
    )
    largest = float(np.abs(drift).max(initial=0.0))
    action = _portfolio_action(turnover, largest)
    return DriftReport(symbols, held_weights, target_weights, drift, published, actions, action, turnover)


def make_orders(report: DriftReport, terms: Mapping[str, OrderTerms], *, portfolio_value_usd: float) -> pl.DataFrame:
    """Make the orders that turn the holdings into the published weights.

    See docs/method/10-state-orders.md#10.3.

    Parameters
    ----------
    report : DriftReport
    terms : symbol -> OrderTerms
        For every instrument that is traded.
    portfolio_value_usd : float
        Value of a weight of 1.

    Returns
    -------
    polars.DataFrame
        Columns of `results.orders` without its keys `run_id` and `risk_profile`; orders that free cash come first. A
        change of direction is two orders: SELL then SELL_SHORT, or COVER then BUY. `target_weight` is the net weight
        after the order; `notional` is USD before rounding and `quantity` the nearest number of lots, both positive.

    Raises
    ------
    InputError
        When an instrument that is traded has no terms, or when a price, lot size, currency rate or the portfolio value
        is not positive.

    Examples
    --------
    >>> report = measure_drift({"NYSE:KO": 0.5}, {"NYSE:PG": -0.5}, partial_rebalance=False)
    >>> terms = {"NYSE:KO": OrderTerms("NYSE", 60.0, lot_size=1.0), "NYSE:PG": OrderTerms("NYSE", 160.0, lot_size=1.0)}
    >>> make_orders(report, terms, portfolio_value_usd=100_000.0).select("symbol", "side", "quantity").rows()
    [('NYSE:KO', 'SELL', 833.0), ('NYSE:PG', 'SELL_SHORT', 312.0)]
    """
    if not (math.isfinite(portfolio_value_usd) and portfolio_value_usd > 0.0):
        raise InputError(f"the portfolio is worth {portfolio_value_usd} USD: orders need a positive value")
    rows = []
    for symbol, before, after in zip(report.symbols, report.held.tolist(), report.published.tolist(), strict=True):
        for side, change, reached in _orders_between(before, after):
            if symbol not in terms:
                raise InputError(f"{symbol} is traded but has no order terms: give its venue and last price")
            notional = abs(change) * portfolio_value_usd
            quantity = _quantity(symbol, notional, terms[symbol])
            rows.append(
                (symbol, terms[symbol].venue, side, change, reached, notional, terms[symbol].last_price, quantity)
            )
    rows.sort(key=lambda row: (SIDES.index(row[2]), row[0]))
    schema = {"symbol": pl.String, "venue": pl.String, "side": pl.String} | dict.fromkeys(
        ("weight_change", "target_weight", "notional", "last_price", "quantity"), pl.Float64
    )
    return pl.DataFrame(rows, schema=schema, orient="row")


def _check_weight(symbol: str, weight: float) -> None:
    if not math.isfinite(weight):
        raise InputError(f"{symbol} has weight {weight}: a held or target weight must be a finite number")


def _portfolio_action(turnover: float, largest_drift: float) -> str:
    if turnover > URGENT_TURNOVER or largest_drift > URGENT_DRIFT:
        return "URGENT"
    return "REBALANCE" if turnover >= MAINTAIN_TURNOVER else "MAINTAIN"


def _rebalance_groups(
    held: FloatVector, target: FloatVector, groups: Sequence[str | None], instrument_cap: float | None
) -> FloatVector:
    """Skip small trades group by group; a group of None marks a position that is closed whatever its size."""
    published = target.copy()
    for name in {name for name in groups if name is not None}:
        members = np.array([group == name for group in groups])
        kept = _without_small_trades(held[members], target[members])
        if instrument_cap is None or np.abs(kept).max() <= max(instrument_cap, np.abs(target[members]).max()):
            published[members] = kept
    return published


def _without_small_trades(held: FloatVector, target: FloatVector) -> FloatVector:
    """Keep positions whose trade is below 1 % as held, and scale the rest to the target's gross exposure."""
    distance = np.abs(target - held)
    is_kept = (distance < MIN_TRADE) & (held * target >= 0.0)
    published = _scaled(held, target, is_kept)
    while published is None:
        is_kept[np.argmax(np.where(is_kept, distance, -1.0))] = False
        published = _scaled(held, target, is_kept)
    return published


def _scaled(held: FloatVector, target: FloatVector, is_kept: BoolVector) -> FloatVector | None:
    """Scale the weights that are not kept to the target's gross exposure; None where that distorts them by 1 % or more."""
    if not is_kept.any():
        return target
    rest_target = float(np.abs(target[~is_kept]).sum())
    rest_exposure = float(np.abs(target).sum() - np.abs(held[is_kept]).sum())
    if rest_target == 0.0:
        return np.where(is_kept, held, 0.0) if math.isclose(rest_exposure, 0.0, abs_tol=1e-12) else None
    factor = rest_exposure / rest_target
    if factor < 0.0 or abs(factor - 1.0) * np.abs(target[~is_kept]).max() >= MIN_TRADE:
        return None
    return np.where(is_kept, held, target * factor)


def _orders_between(before: float, after: float) -> Iterator[tuple[str, float, float]]:
    """Yield side, signed weight change and resulting weight of each order between two net weights."""
    if before * after < 0.0:
        yield from _orders_between(before, 0.0)
        yield from _orders_between(0.0, after)
    elif after != before:
        is_long = before > 0.0 or after > 0.0
        grows = abs(after) > abs(before)
        side = ("BUY" if grows else "SELL") if is_long else ("SELL_SHORT" if grows else "COVER")
        yield side, after - before, after


def _quantity(symbol: str, notional: float, terms: OrderTerms) -> float | None:
    known = {"last price": terms.last_price, "lot": terms.lot_size, "USD rate": terms.usd_per_quote}
    for name, value in known.items():
        if value is not None and not (math.isfinite(value) and value > 0.0):
            raise InputError(f"{symbol} has the {name} {value}: give a positive number, or leave it out if unknown")
    if terms.last_price is None or terms.usd_per_quote is None:
        return None
    quantity = notional / (terms.last_price * terms.usd_per_quote)
    return quantity if terms.lot_size is None else round(quantity / terms.lot_size) * terms.lot_size
