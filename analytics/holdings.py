"""What is held now, how far it stands from the target, and the orders between the two.

See docs/method/10-state-orders.md.

Weights here are net: signed by the direction of the position, fractions of the portfolio's value. Cash is what is left.
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
# Legs that free cash stand before those that use it.
SIDES = ("SELL", "COVER", "SELL_SHORT", "BUY")


@dataclass(frozen=True, slots=True)
class MarkedHoldings:
    """Holdings after the market moved: `weights` (N,) net, and the `growth` of the portfolio's value."""

    weights: FloatVector
    growth: float


@dataclass(frozen=True, slots=True)
class DriftReport:
    """Distance between what is held and what is wanted; rows by symbol.

    See docs/method/10-state-orders.md#10.1, 10.2.

    Attributes
    ----------
    symbols : N names, sorted
    held, target, drift : (N,)
        Net weights, and target - held.
    published : (N,)
        Net weights after the orders: the target, or what partial rebalancing makes of it.
    actions : N of HOLD, SKIPPED, TRADE
    portfolio_action : MAINTAIN, REBALANCE or URGENT
    turnover : float
        Half the sum of |drift|.
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
        """Columns of `results.drift` without its keys `run_id` and `risk_profile`."""
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
    """What an order for one instrument needs to know.

    Attributes
    ----------
    venue : str
    last_price : float or None
        In the quote currency; None leaves the quantity open.
    lot_size : float or None
        None leaves the quantity unrounded.
    usd_per_quote : float or None
        None, the quote currency has no known rate, leaves the quantity open.
    """

    venue: str
    last_price: float | None
    lot_size: float | None = None
    usd_per_quote: float | None = 1.0


def mark_to_market(
    held_weights: FloatVector, past_returns_since: FloatMatrix, *, symbols: Sequence[str]
) -> MarkedHoldings:
    """Carry accepted weights to today by what their instruments did since.

    See docs/method/10-state-orders.md#10.1.

    Parameters
    ----------
    held_weights : (N,)
        Net weights at the last acceptance.
    past_returns_since : (S, N)
        Physical simple returns of the sessions after the acceptance; NaN = NULL earns 0
        (docs/method/02-returns.md#2.3). S may be 0.
    symbols : N names

    Returns
    -------
    MarkedHoldings
        A position grows with its own instrument, cash stays; weights are shares of the new total.

    Raises
    ------
    InputError
        When shapes differ, a weight is not finite, a return is infinite or below -1, or nothing is left.
    """
    if held_weights.shape != (len(symbols),) or past_returns_since.shape[1:] != (len(symbols),):
        shapes = f"{len(symbols)} symbols, weights {held_weights.shape}, returns {past_returns_since.shape}"
        raise InputError(f"holdings need one weight and one column of returns per symbol: {shapes}")
    for symbol, weight in zip(symbols, held_weights, strict=True):
        _check_weight(symbol, float(weight))
    refused = np.argwhere(np.isinf(past_returns_since) | (past_returns_since < -1.0))
    if refused.size:
        session, column = (int(at) for at in refused[0])
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
    """Tell how far the holdings stand from the target and what to do about it.

    See docs/method/10-state-orders.md#10.1, 10.2.

    Parameters
    ----------
    held, target : symbol -> net weight
        Marked to market and wanted; an instrument that one of them lacks has weight 0 there.
    partial_rebalance : bool
        `feat_partial_rebalance`: trades below 1 % are skipped and the others scaled, so that the gross exposure is the
        target's. A change of direction is never skipped, and a skipped trade is taken up again, largest first, where
        scaling would otherwise move a weight by 1 % or more. What decides is the trade wanted, before scaling.
    groups : symbol -> name, for every symbol of the target
        What is skipped in a group is made up for inside it, so that the gross exposure of every group (a cluster under
        its cap) is the target's. None: one group. A position that the target does not name is always closed.
    instrument_cap : float
        A group in which making up would lift a weight above it trades in full.

    Raises
    ------
    InputError
        When a weight is not finite.
    """
    symbols = tuple(sorted(set(held) | set(target)))
    for weights in (held, target):
        for symbol, weight in weights.items():
            _check_weight(symbol, weight)
    now = np.array([held.get(symbol, 0.0) for symbol in symbols], dtype=np.float64)
    wanted = np.array([target.get(symbol, 0.0) for symbol in symbols], dtype=np.float64)
    drift = wanted - now
    turnover = float(np.abs(drift).sum() / 2.0)
    names = [(groups or {}).get(symbol, "") if symbol in target else None for symbol in symbols]
    published = _by_group(now, wanted, names, instrument_cap) if partial_rebalance else wanted
    moves = published != now
    actions = tuple(
        "TRADE" if moved else "SKIPPED" if gap != 0.0 else "HOLD" for moved, gap in zip(moves, drift, strict=True)
    )
    largest = float(np.abs(drift).max(initial=0.0))
    return DriftReport(symbols, now, wanted, drift, published, actions, _portfolio_action(turnover, largest), turnover)


def make_orders(report: DriftReport, terms: Mapping[str, OrderTerms], *, portfolio_value_usd: float) -> pl.DataFrame:
    """Orders that turn the holdings into the published weights.

    See docs/method/10-state-orders.md#10.3.

    Parameters
    ----------
    report : DriftReport
    terms : symbol -> OrderTerms
        For every instrument that trades.
    portfolio_value_usd : float
        What a weight of 1 is worth.

    Returns
    -------
    polars.DataFrame
        Columns of `results.orders` without its keys `run_id` and `risk_profile`, legs that free cash first. A change of
        direction is two orders: SELL then SELL_SHORT, or COVER then BUY. `target_weight` is the net weight after the
        order; `notional` is USD before rounding and `quantity` the nearest number of lots, both positive.

    Raises
    ------
    InputError
        When an instrument that trades has no terms, a price, lot or rate is not positive, or the value is not.
    """
    if not (math.isfinite(portfolio_value_usd) and portfolio_value_usd > 0.0):
        raise InputError(f"the portfolio is worth {portfolio_value_usd} USD: orders need a positive value")
    rows = []
    for symbol, now, after in zip(report.symbols, report.held.tolist(), report.published.tolist(), strict=True):
        for side, change, reached in _legs(now, after):
            if symbol not in terms:
                raise InputError(f"{symbol} trades and has no terms: give its venue and last price")
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
        raise InputError(f"{symbol} has weight {weight}: a held or wanted weight is a finite number")


def _portfolio_action(turnover: float, largest_drift: float) -> str:
    if turnover > URGENT_TURNOVER or largest_drift > URGENT_DRIFT:
        return "URGENT"
    return "REBALANCE" if turnover >= MAINTAIN_TURNOVER else "MAINTAIN"


def _by_group(
    held: FloatVector, target: FloatVector, groups: Sequence[str | None], instrument_cap: float | None
) -> FloatVector:
    """Leave small trades out group by group; None marks a position that is closed whatever its size."""
    published = target.copy()
    for name in {name for name in groups if name is not None}:
        members = np.array([group == name for group in groups])
        kept = _without_small_trades(held[members], target[members])
        if instrument_cap is None or np.abs(kept).max() <= max(instrument_cap, np.abs(target[members]).max()):
            published[members] = kept
    return published


def _without_small_trades(held: FloatVector, target: FloatVector) -> FloatVector:
    """Keep what would trade less than 1 % as held, and scale the rest to the target's gross exposure."""
    distance = np.abs(target - held)
    stays = (distance < MIN_TRADE) & (held * target >= 0.0)
    published = _scaled(held, target, stays)
    while published is None:
        stays[np.argmax(np.where(stays, distance, -1.0))] = False
        published = _scaled(held, target, stays)
    return published


def _scaled(held: FloatVector, target: FloatVector, stays: BoolVector) -> FloatVector | None:
    """Weights with the target's gross exposure where `stays` keeps what is held; None where that distorts the rest."""
    if not stays.any():
        return target
    wanted = float(np.abs(target[~stays]).sum())
    room = float(np.abs(target).sum() - np.abs(held[stays]).sum())
    if wanted == 0.0:
        return np.where(stays, held, 0.0) if math.isclose(room, 0.0, abs_tol=1e-12) else None
    factor = room / wanted
    if factor < 0.0 or abs(factor - 1.0) * np.abs(target[~stays]).max() >= MIN_TRADE:
        return None
    return np.where(stays, held, target * factor)


def _legs(now: float, after: float) -> Iterator[tuple[str, float, float]]:
    """Side, signed change and weight reached of each order between two net weights."""
    if now * after < 0.0:
        yield from _legs(now, 0.0)
        yield from _legs(0.0, after)
    elif after != now:
        is_long = now > 0.0 or after > 0.0
        grows = abs(after) > abs(now)
        side = ("BUY" if grows else "SELL") if is_long else ("SELL_SHORT" if grows else "COVER")
        yield side, after - now, after


def _quantity(symbol: str, notional: float, terms: OrderTerms) -> float | None:
    known = {"last price": terms.last_price, "lot": terms.lot_size, "USD rate": terms.usd_per_quote}
    for name, value in known.items():
        if value is not None and not (math.isfinite(value) and value > 0.0):
            raise InputError(f"{symbol} has the {name} {value}: give a positive number, or leave it out if unknown")
    if terms.last_price is None or terms.usd_per_quote is None:
        return None
    quantity = notional / (terms.last_price * terms.usd_per_quote)
    return quantity if terms.lot_size is None else round(quantity / terms.lot_size) * terms.lot_size
