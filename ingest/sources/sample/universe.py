"""List the instruments of the simulated market, its clusters and its planted faults.

The facts are in three tables beside this module: `sample_instruments.csv` with one row for each instrument,
`sample_clusters.csv` and `sample_faults.csv`. No price and no company in them is real. Currencies, coins and futures
have their usual names, since the rules of identity and currency strength need them; every name says SIMULATED.
"""

from __future__ import annotations

import csv
import datetime as dt
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SAMPLE_AS_OF = dt.date(2025, 12, 30)
FIRST_DAY = dt.date(2021, 8, 2)
HORIZON = dt.date(2027, 12, 31)
CRISIS = (dt.date(2024, 8, 1), dt.date(2024, 9, 13))
CRISIS_VOLATILITY_FACTOR = 4.0
BENCHMARK = "AMEX:SPY"
MISSING = "missing"
"""Fault of a session without a bar; the other faults are reasons for which quarantine refuses a bar."""


@dataclass(frozen=True, slots=True)
class ClusterPlan:
    """Planned behaviour of the members of one cluster.

    Attributes
    ----------
    volatility_annual : float
        Typical annual volatility of a member.
    hub : str
        Wider market whose factor the cluster shares: `world`, `crypto` or empty.
    hub_loading : float
        Correlation of the factor of the cluster with that of its hub.
    late_sharpe : float
        Annual Sharpe ratio of the drift in the months around `SAMPLE_AS_OF`.
    last_week_sigmas : float
        Mean of the last daily moves before `SAMPLE_AS_OF`, in daily volatilities: a breakout or a pullback.
    """

    volatility_annual: float
    hub: str
    hub_loading: float
    late_sharpe: float
    last_week_sigmas: float


@dataclass(frozen=True, slots=True)
class Listing:
    """One instrument at one venue.

    Attributes
    ----------
    symbol : str
        VENUE:TICKER.
    cluster : str, optional
        Planted cluster; none for the benchmark, which follows all equity clusters.
    price : float
        Price before the first session, in `quote`.
    value_traded_usd : float
        Typical value traded in a session.
    venue_noise : float
        Standard deviation of the log price at this venue around the price path of the identity.
    is_close_only : bool
        Whether bars have a close and nothing else.
    first_session, last_session : date, optional
        First and last day of trading, where they differ from those of the market.
    """

    symbol: str
    title: str
    asset_class: str
    product: str
    cluster: str | None
    price: float
    value_traded_usd: float
    base: str | None
    quote: str | None
    root: str | None
    sector: str | None
    industry: str | None
    venue_noise: float
    is_close_only: bool
    first_session: dt.date | None
    last_session: dt.date | None

    @property
    def venue(self) -> str:
        """Part of the symbol before the colon."""
        return self.symbol.partition(":")[0]

    @property
    def ticker(self) -> str:
        """Part of the symbol after the colon."""
        return self.symbol.partition(":")[2]

    @property
    def name(self) -> str:
        """Title with the mark SIMULATED, which stays with the instrument in every table."""
        return f"{self.title} (SIMULATED)"

    @property
    def identity(self) -> str:
        """Name of the price path, which all venues and products of one coin, pair or future share."""
        stem = {"crypto": self.base, "future": self.root}.get(self.asset_class, self.ticker)
        return f"{self.asset_class}/{stem}"


@cache
def clusters() -> dict[str, ClusterPlan]:
    """Return the planted clusters by name."""
    return {
        row["cluster"]: ClusterPlan(
            volatility_annual=float(row["volatility_annual"]),
            hub=row["hub"],
            hub_loading=float(row["hub_loading"]),
            late_sharpe=float(row["late_sharpe"]),
            last_week_sigmas=float(row["last_week_sigmas"]),
        )
        for row in _table("sample_clusters.csv")
    }


@cache
def listings() -> tuple[Listing, ...]:
    """Return every instrument of the simulated market, sorted by symbol."""
    found = [
        Listing(
            symbol=row["symbol"],
            title=row["title"],
            asset_class=row["asset_class"],
            product=row["product"],
            cluster=row["cluster"] or None,
            price=float(row["price"]),
            value_traded_usd=float(row["value_traded_usd"]),
            base=row["base"] or None,
            quote=row["quote"] or None,
            root=row["root"] or None,
            sector=row["sector"] or None,
            industry=row["industry"] or None,
            venue_noise=float(row["venue_noise"]),
            is_close_only=row["is_close_only"] == "true",
            first_session=_day(row["first_session"]),
            last_session=_day(row["last_session"]),
        )
        for row in _table("sample_instruments.csv")
    ]
    return tuple(sorted(found, key=lambda listing: listing.symbol))


def planted_clusters() -> dict[str, str]:
    """Return the planted cluster of every instrument but the benchmark, by symbol."""
    return {listing.symbol: listing.cluster for listing in listings() if listing.cluster is not None}


def late_listings() -> dict[str, dt.date]:
    """Return the first session of each instrument that was listed after the first day of the market."""
    return {listing.symbol: listing.first_session for listing in listings() if listing.first_session is not None}


def delisted() -> dict[str, dt.date]:
    """Return the last session of each instrument that stopped trading before `SAMPLE_AS_OF`."""
    return {listing.symbol: listing.last_session for listing in listings() if listing.last_session is not None}


@cache
def planted_faults() -> dict[tuple[str, dt.date], str]:
    """Return every planted fault by symbol and session: `MISSING`, or the reason that quarantine must give."""
    return {
        (row["symbol"], dt.date.fromisoformat(row["session_date"])): row["fault"] for row in _table("sample_faults.csv")
    }


def bad_ticks() -> dict[tuple[str, dt.date], str]:
    """Return the reason that quarantine must give for each planted bad bar, by symbol and session."""
    return {key: fault for key, fault in planted_faults().items() if fault != MISSING}


def planted_gaps() -> tuple[tuple[str, dt.date], ...]:
    """Return the planted sessions without a bar as symbol and session, sorted.

    The only other expected sessions without a bar are those of `bad_ticks` and those after a delisting.
    """
    return tuple(sorted(key for key, fault in planted_faults().items() if fault == MISSING))


def _table(name: str) -> list[dict[str, str]]:
    with Path(__file__).with_name(name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def _day(cell: str) -> dt.date | None:
    return dt.date.fromisoformat(cell) if cell else None
