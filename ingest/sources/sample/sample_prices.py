"""The simulated market's prices: seeded by name, drawn once to a fixed horizon, so a later `as_of` only appends.

A return is a cluster factor, an own part and a drift that keeps its sign for months, all scaled by one slowly moving
volatility that is four times as high in the crisis. Cluster factors lean on a hub (the world's, or crypto's).
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ingest.sources.sample.sample_universe import (
    CLUSTERS,
    CRISIS,
    CRISIS_VOLATILITY_FACTOR,
    FIRST_DAY,
    HORIZON,
    SAMPLE_AS_OF,
    Listing,
)

Array = npt.NDArray[np.float64]

N_DAYS = (HORIZON - FIRST_DAY).days + 1
_LATE_PHASE = ((dt.date(2025, 6, 20) - FIRST_DAY).days, (dt.date(2026, 3, 1) - FIRST_DAY).days)
_LAST_WEEK = ((dt.date(2025, 12, 22) - FIRST_DAY).days, (SAMPLE_AS_OF - FIRST_DAY).days + 1)
_CRISIS = slice((CRISIS[0] - FIRST_DAY).days, (CRISIS[1] - FIRST_DAY).days + 1)
_CRISIS_HUB_MEAN = -0.12
_WORLD_SHARPE = 0.4
_ALWAYS_OPEN = ("crypto",)


def stream(seed: int, name: str) -> np.random.Generator:
    """Return the generator of one name: it depends on nothing else that is drawn."""
    digest = hashlib.sha256(name.encode()).digest()
    return np.random.default_rng([seed, *np.frombuffer(digest[:16], dtype=np.uint32).tolist()])


@dataclass(frozen=True, slots=True)
class Weather:
    """What all paths share: volatility (N_DAYS,), factors of clusters in daily sigmas, their drifts, and open days."""

    volatility: Array
    factors: dict[str, Array]
    drifts: dict[str, Array]
    is_weekday: npt.NDArray[np.bool_]


def _volatility(seed: int) -> Array:
    """Draw the common volatility level: exp of an autoregression, times the crisis."""
    shocks = stream(seed, "volatility").standard_normal(N_DAYS) * 0.06
    level = np.empty(N_DAYS)
    now = 0.0
    for day, shock in enumerate(shocks):
        now = 0.97 * now + shock
        level[day] = now
    volatility: Array = np.exp(level)
    volatility[_CRISIS] = CRISIS_VOLATILITY_FACTOR * np.maximum(volatility[_CRISIS], 1.0)
    return volatility


def _drift(seed: int, cluster: str) -> Array:
    """Draw phases of two to six months with one direction each, in daily sigmas; the late phase is planned."""
    rng = stream(seed, f"drift/{cluster}")
    drift = np.empty(N_DAYS)
    day = 0
    while day < N_DAYS:
        length = int(rng.integers(60, 180))
        sign = 1.0 if rng.random() < 0.58 else -1.0
        drift[day : day + length] = sign * rng.uniform(0.2, 0.8)
        day += length
    plan = CLUSTERS[cluster]
    if plan.hub == "world":
        drift += _WORLD_SHARPE
    drift[slice(*_LATE_PHASE)] = plan.late_sharpe
    daily: Array = drift / np.sqrt(252.0)
    daily[slice(*_LAST_WEEK)] = plan.last_week_sigmas
    return daily


@lru_cache(maxsize=2)
def weather(seed: int) -> Weather:
    """Draw what all paths of one seed share."""
    hub = stream(seed, "hub/world").standard_normal(N_DAYS)
    hub[_CRISIS] += _CRISIS_HUB_MEAN
    own = stream(seed, "hub/crypto").standard_normal(N_DAYS)
    hubs = {"world": hub, "crypto": 0.35 * hub + np.sqrt(1.0 - 0.35**2) * own, "": np.zeros(N_DAYS)}
    factors = {}
    for name, plan in CLUSTERS.items():
        alone = stream(seed, f"factor/{name}").standard_normal(N_DAYS)
        factors[name] = plan.hub_loading * hubs[plan.hub] + np.sqrt(1.0 - plan.hub_loading**2) * alone
    drifts = {name: _drift(seed, name) for name in CLUSTERS}
    weekdays = (np.arange(N_DAYS) + FIRST_DAY.weekday()) % 7 < 5
    return Weather(_volatility(seed), factors, drifts, weekdays)


def _market(shared: Weather) -> tuple[Array, Array]:
    """Return factor and drift of the broad market: the mean of the equity clusters, rescaled to unit variance."""
    names = [name for name in CLUSTERS if name.startswith("equity_")]
    factor = np.mean([shared.factors[name] for name in names], axis=0)
    calm = np.delete(factor, np.arange(N_DAYS)[_CRISIS])
    return factor / calm.std(ddof=1), np.mean([shared.drifts[name] for name in names], axis=0)


@lru_cache(maxsize=1024)
def log_closes(seed: int, path: str, cluster: str | None, asset_class: str) -> tuple[Array, Array]:
    """Draw one identity's path.

    Returns
    -------
    log_close : (N_DAYS,)  log of close over the first price, one for each calendar day
    sigma : (N_DAYS,)  daily volatility at work on each day
    """
    shared = weather(seed)
    rng = stream(seed, path)
    if cluster is None:
        factor, drift = _market(shared)
        share, annual = 0.97, 0.17
        tempo = 1.0
    else:
        factor, drift = shared.factors[cluster], shared.drifts[cluster]
        share = float(rng.uniform(0.80, 0.90))
        annual = CLUSTERS[cluster].volatility_annual * float(rng.uniform(0.85, 1.15))
        tempo = float(rng.uniform(0.8, 1.2))
    alone = rng.standard_normal(N_DAYS)
    is_always_open = asset_class in _ALWAYS_OPEN
    sigma = annual / np.sqrt(365.0 if is_always_open else 252.0) * shared.volatility
    unit = np.sqrt(share) * factor + np.sqrt(1.0 - share) * alone
    # The drift is in calm sigmas: a crisis makes moves wider, not trends steeper.
    moves = sigma * unit + (sigma / shared.volatility) * drift * tempo - 0.5 * sigma**2
    if not is_always_open:
        moves = np.where(shared.is_weekday, moves, 0.0)
    return np.cumsum(moves), sigma


@dataclass(frozen=True, slots=True)
class DrawnBars:
    """Bars of one listing on its sessions; arrays of one length. A close-only listing has NaN where it has no value."""

    open: Array
    high: Array
    low: Array
    close: Array
    volume: Array


def draw_bars(seed: int, listing: Listing, days: npt.NDArray[np.int64]) -> DrawnBars:
    """Draw the bars of a listing on `days`: ascending places of its sessions, from the first day to the horizon."""
    log_close, sigma = log_closes(seed, listing.path, listing.cluster, listing.asset_class)
    rng = stream(seed, f"bars/{listing.symbol}")
    noise = rng.standard_normal((4, N_DAYS))
    price = listing.price * np.exp(log_close + listing.venue_noise * noise[3])
    close, width = price[days], sigma[days]
    before = np.concatenate([[listing.price], close[:-1]])
    gap = 0.0 if listing.asset_class in _ALWAYS_OPEN else 0.25
    opened = before * np.exp(gap * width * noise[0, days])
    high = np.maximum(opened, close) * np.exp(0.45 * width * np.abs(noise[1, days]))
    low = np.minimum(opened, close) * np.exp(-0.45 * width * np.abs(noise[2, days]))
    decimals = price_decimals(listing.price)
    eagerness = np.abs(np.log(close / before)) / width
    traded = listing.value_traded_usd * np.exp(0.3 * rng.standard_normal(N_DAYS)[days] + 0.3 * (eagerness - 0.8))
    volume = np.round(traded / (1.0 if listing.base == "USD" else close), 2)
    tick = 10.0**-decimals
    # Rounding keeps order, so low <= open, close <= high holds for the rounded prices too.
    opened, high, low, close = (np.maximum(np.round(prices, decimals), tick) for prices in (opened, high, low, close))
    if listing.is_close_only:
        unknown = np.full(len(days), np.nan)
        return DrawnBars(unknown, unknown, unknown, close, unknown)
    return DrawnBars(opened, high, low, close, volume)


def price_decimals(price: float) -> int:
    """Return the decimals a price is quoted with: six significant digits at the start, two at least."""
    return max(2, 5 - int(np.floor(np.log10(price))))
