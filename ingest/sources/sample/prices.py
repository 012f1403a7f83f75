"""Draw the prices of the simulated market.

A return is the sum of a cluster factor, a specific part and a drift that keeps its sign for months, all scaled by one
slowly moving volatility that is four times as high in the crisis. Cluster factors are correlated with that of a hub,
the world market or the crypto market. Every generator is seeded by the name of what it draws, and draws up to a fixed
horizon, so that a later `as_of` only appends bars.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ingest.sources.sample.universe import (
    CRISIS,
    CRISIS_VOLATILITY_FACTOR,
    FIRST_DAY,
    HORIZON,
    SAMPLE_AS_OF,
    Listing,
    clusters,
)

Array = npt.NDArray[np.float64]

N_DAYS = (HORIZON - FIRST_DAY).days + 1
_LATE_PHASE = ((dt.date(2025, 6, 20) - FIRST_DAY).days, (dt.date(2026, 3, 1) - FIRST_DAY).days)
_LAST_WEEK = ((dt.date(2025, 12, 22) - FIRST_DAY).days, (SAMPLE_AS_OF - FIRST_DAY).days + 1)
_CRISIS = slice((CRISIS[0] - FIRST_DAY).days, (CRISIS[1] - FIRST_DAY).days + 1)
_CRISIS_HUB_MEAN = -0.12
_WORLD_SHARPE = 0.4
_ALWAYS_OPEN = ("crypto",)


def generator_of(seed: int, name: str) -> np.random.Generator:
    """Return the random generator of one name; it depends on nothing else that is drawn."""
    digest = hashlib.sha256(name.encode()).digest()
    return np.random.default_rng([seed, *np.frombuffer(digest[:16], dtype=np.uint32).tolist()])


@dataclass(frozen=True, slots=True)
class MarketFactors:
    """Series that the price paths of one seed share, for each of N_DAYS calendar days.

    Attributes
    ----------
    volatility : (N_DAYS,)
        Volatility relative to a calm day.
    factors : dict of str to (N_DAYS,)
        Factor of each cluster, in daily volatilities.
    drifts : dict of str to (N_DAYS,)
        Drift of each cluster, in daily volatilities.
    is_weekday : (N_DAYS,)
        Whether the day is one from Monday to Friday.
    """

    volatility: Array
    factors: dict[str, Array]
    drifts: dict[str, Array]
    is_weekday: npt.NDArray[np.bool_]


def _volatility(seed: int) -> Array:
    """Draw the common volatility, the exponential of an autoregression times the factor of the crisis."""
    shocks = generator_of(seed, "volatility").standard_normal(N_DAYS) * 0.06
    level = np.empty(N_DAYS)
    current = 0.0
    for day, shock in enumerate(shocks):
        current = 0.97 * current + shock
        level[day] = current
    volatility: Array = np.exp(level)
    volatility[_CRISIS] = CRISIS_VOLATILITY_FACTOR * np.maximum(volatility[_CRISIS], 1.0)
    return volatility


def _drift(seed: int, cluster: str) -> Array:
    """Draw the drift of a cluster in phases of two to six months; the phase around `SAMPLE_AS_OF` is planned."""
    rng = generator_of(seed, f"drift/{cluster}")
    drift = np.empty(N_DAYS)
    day = 0
    while day < N_DAYS:
        length = int(rng.integers(60, 180))
        sign = 1.0 if rng.random() < 0.58 else -1.0
        drift[day : day + length] = sign * rng.uniform(0.2, 0.8)
        day += length
    plan = clusters()[cluster]
    if plan.hub == "world":
        drift += _WORLD_SHARPE
    drift[slice(*_LATE_PHASE)] = plan.late_sharpe
    daily: Array = drift / np.sqrt(252.0)
    daily[slice(*_LAST_WEEK)] = plan.last_week_sigmas
    return daily


@lru_cache(maxsize=2)
def market_factors(seed: int) -> MarketFactors:
    """Draw the series that all price paths of one seed share."""
    world = generator_of(seed, "hub/world").standard_normal(N_DAYS)
    world[_CRISIS] += _CRISIS_HUB_MEAN
    crypto = generator_of(seed, "hub/crypto").standard_normal(N_DAYS)
    hubs = {"world": world, "crypto": 0.35 * world + np.sqrt(1.0 - 0.35**2) * crypto, "": np.zeros(N_DAYS)}
    factors = {}
    for name, plan in clusters().items():
        specific = generator_of(seed, f"factor/{name}").standard_normal(N_DAYS)
        factors[name] = plan.hub_loading * hubs[plan.hub] + np.sqrt(1.0 - plan.hub_loading**2) * specific
    drifts = {name: _drift(seed, name) for name in clusters()}
    weekdays = (np.arange(N_DAYS) + FIRST_DAY.weekday()) % 7 < 5
    return MarketFactors(_volatility(seed), factors, drifts, weekdays)


def _broad_market(shared: MarketFactors) -> tuple[Array, Array]:
    """Return factor and drift of the broad market, the means of the equity clusters; the factor has unit variance."""
    names = [name for name in clusters() if name.startswith("equity_")]
    factor = np.mean([shared.factors[name] for name in names], axis=0)
    calm = np.delete(factor, np.arange(N_DAYS)[_CRISIS])
    return factor / calm.std(ddof=1), np.mean([shared.drifts[name] for name in names], axis=0)


@lru_cache(maxsize=1024)
def log_closes(seed: int, identity: str, cluster: str | None, asset_class: str) -> tuple[Array, Array]:
    """Draw the price path of one identity.

    Returns
    -------
    log_close : (N_DAYS,)
        Logarithm of the close over the first price, for each calendar day.
    sigma : (N_DAYS,)
        Daily volatility of each calendar day.
    """
    shared = market_factors(seed)
    rng = generator_of(seed, identity)
    if cluster is None:
        factor, drift = _broad_market(shared)
        share, annual = 0.97, 0.17
        drift_scale = 1.0
    else:
        factor, drift = shared.factors[cluster], shared.drifts[cluster]
        share = float(rng.uniform(0.80, 0.90))
        annual = clusters()[cluster].volatility_annual * float(rng.uniform(0.85, 1.15))
        drift_scale = float(rng.uniform(0.8, 1.2))
    specific = rng.standard_normal(N_DAYS)
    is_always_open = asset_class in _ALWAYS_OPEN
    sigma = annual / np.sqrt(365.0 if is_always_open else 252.0) * shared.volatility
    unit = np.sqrt(share) * factor + np.sqrt(1.0 - share) * specific
    # The drift is in volatilities of a calm day, so that a crisis makes moves wider but not trends steeper.
    moves = sigma * unit + (sigma / shared.volatility) * drift * drift_scale - 0.5 * sigma**2
    if not is_always_open:
        moves = np.where(shared.is_weekday, moves, 0.0)
    return np.cumsum(moves), sigma


@dataclass(frozen=True, slots=True)
class DrawnBars:
    """Bars of one listing, arrays of shape (n_sessions,); a listing that is close-only has NaN besides the close."""

    open: Array
    high: Array
    low: Array
    close: Array
    volume: Array


def draw_bars(seed: int, listing: Listing, days: npt.NDArray[np.int64]) -> DrawnBars:
    """Draw the bars of a listing on its sessions, given as ascending numbers of days since `FIRST_DAY`."""
    log_close, sigma = log_closes(seed, listing.identity, listing.cluster, listing.asset_class)
    rng = generator_of(seed, f"bars/{listing.symbol}")
    noise = rng.standard_normal((4, N_DAYS))
    price = listing.price * np.exp(log_close + listing.venue_noise * noise[3])
    close, width = price[days], sigma[days]
    before = np.concatenate([[listing.price], close[:-1]])
    gap = 0.0 if listing.asset_class in _ALWAYS_OPEN else 0.25
    opened = before * np.exp(gap * width * noise[0, days])
    high = np.maximum(opened, close) * np.exp(0.45 * width * np.abs(noise[1, days]))
    low = np.minimum(opened, close) * np.exp(-0.45 * width * np.abs(noise[2, days]))
    decimals = price_decimals(listing.price)
    move_sigmas = np.abs(np.log(close / before)) / width
    traded = listing.value_traded_usd * np.exp(0.3 * rng.standard_normal(N_DAYS)[days] + 0.3 * (move_sigmas - 0.8))
    volume = np.round(traded / (1.0 if listing.base == "USD" else close), 2)
    tick = 10.0**-decimals
    # Rounding preserves order, so low <= open, close <= high holds for the rounded prices too.
    opened, high, low, close = (np.maximum(np.round(prices, decimals), tick) for prices in (opened, high, low, close))
    if listing.is_close_only:
        unknown = np.full(len(days), np.nan)
        return DrawnBars(unknown, unknown, unknown, close, unknown)
    return DrawnBars(opened, high, low, close, volume)


def price_decimals(price: float) -> int:
    """Return the number of decimals of a quote: two, or more for six significant digits of the first price."""
    return max(2, 5 - int(np.floor(np.log10(price))))
