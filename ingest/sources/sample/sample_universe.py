"""Which instruments the simulated market lists, and what is planted in it.

Nothing here is a real price or a real company. Currencies, coins and futures roots carry their usual names because
identity rules and currency strength need them; every instrument's name says SIMULATED.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from ingest.reference.calendars import all_sessions

SAMPLE_AS_OF = dt.date(2025, 12, 30)
FIRST_DAY = dt.date(2021, 8, 2)
HORIZON = dt.date(2027, 12, 31)
CRISIS = (dt.date(2024, 8, 1), dt.date(2024, 9, 13))
CRISIS_VOLATILITY_FACTOR = 4.0
BENCHMARK = "AMEX:SPY"


@dataclass(frozen=True, slots=True)
class ClusterPlan:
    """One planted cluster.

    Attributes
    ----------
    volatility_annual : float
        Typical volatility of a member.
    hub : str
        The wider market that it leans on: `world`, `crypto` or none.
    hub_loading : float
        Correlation of the cluster's factor with its hub.
    late_sharpe : float
        Annual Sharpe of the drift in the phase that contains `SAMPLE_AS_OF`.
    last_week_sigmas : float
        Mean of the last daily moves before `SAMPLE_AS_OF`, in daily sigmas: a breakout or a pullback.
    """

    volatility_annual: float
    hub: str
    hub_loading: float
    late_sharpe: float
    last_week_sigmas: float


CLUSTERS: dict[str, ClusterPlan] = {
    "equity_technology": ClusterPlan(0.30, "world", 0.55, 2.8, 0.35),
    "equity_software": ClusterPlan(0.32, "world", 0.55, 2.4, 0.30),
    "equity_biotechnology": ClusterPlan(0.46, "world", 0.40, 4.0, -0.55),
    "equity_banks": ClusterPlan(0.26, "world", 0.55, 2.8, 0.35),
    "equity_energy": ClusterPlan(0.33, "world", 0.45, -2.8, -0.35),
    "equity_utilities": ClusterPlan(0.19, "world", 0.40, 0.4, 0.00),
    "equity_consumer": ClusterPlan(0.24, "world", 0.55, -2.6, -0.30),
    "equity_materials": ClusterPlan(0.28, "world", 0.50, 2.6, 0.30),
    "equity_industrials": ClusterPlan(0.24, "world", 0.55, 2.8, 0.35),
    "bond_government": ClusterPlan(0.07, "", 0.0, 2.8, 0.35),
    "bond_credit": ClusterPlan(0.06, "world", 0.30, 2.6, 0.30),
    "crypto_majors": ClusterPlan(0.55, "crypto", 0.75, 3.0, 0.35),
    "crypto_platforms": ClusterPlan(0.85, "crypto", 0.70, 4.0, -0.60),
    "crypto_finance": ClusterPlan(0.90, "crypto", 0.70, -2.6, -0.25),
    "fx_dollar_quoted": ClusterPlan(0.085, "", 0.0, 2.8, 0.35),
    "fx_european": ClusterPlan(0.085, "", 0.0, -2.8, -0.35),
    "fx_asian": ClusterPlan(0.080, "", 0.0, 2.6, 0.30),
    "fx_american": ClusterPlan(0.110, "", 0.0, 0.3, 0.00),
    "future_energy": ClusterPlan(0.36, "world", 0.20, -2.8, -0.35),
    "future_metals": ClusterPlan(0.24, "", 0.0, 2.8, 0.35),
    "future_grains": ClusterPlan(0.27, "", 0.0, -3.6, 0.60),
    "future_softs": ClusterPlan(0.32, "", 0.0, 2.4, 0.30),
    "cfd_indices": ClusterPlan(0.19, "world", 0.50, 2.6, 0.30),
}


@dataclass(frozen=True, slots=True)
class Listing:
    """One instrument on one venue. Listings that share `path` are venues of one identity and share their price path."""

    symbol: str
    path: str
    cluster: str | None
    asset_class: str
    product: str
    title: str
    price: float
    value_traded_usd: float
    base: str | None = None
    quote: str | None = "USD"
    root: str | None = None
    sector: str | None = None
    industry: str | None = None
    is_close_only: bool = False
    venue_noise: float = 0.0

    @property
    def venue(self) -> str:
        """The part of the symbol before the colon."""
        return self.symbol.partition(":")[0]

    @property
    def ticker(self) -> str:
        """The part of the symbol behind the colon."""
        return self.symbol.partition(":")[2]

    @property
    def name(self) -> str:
        """Name with the label that goes wherever the numbers go."""
        return f"{self.title} (SIMULATED)"


_SECTORS = {
    "equity_technology": ("TEC", "Information Technology", "Semiconductors"),
    "equity_software": ("SOF", "Information Technology", "Software"),
    "equity_biotechnology": ("BIO", "Health Care", "Biotechnology"),
    "equity_banks": ("BNK", "Financials", "Banks"),
    "equity_energy": ("ENR", "Energy", "Oil & Gas"),
    "equity_utilities": ("UTL", "Utilities", "Electric Utilities"),
    "equity_consumer": ("CON", "Consumer Staples", "Food Products"),
    "equity_materials": ("MAT", "Materials", "Chemicals"),
    "equity_industrials": ("IND", "Industrials", "Machinery"),
}
_N_EQUITIES_PER_SECTOR = 13
_ETFS = {
    **{f"{code}{kind}": cluster for cluster, (code, _, _) in _SECTORS.items() for kind in ("X", "W")},
    "GOVX": "bond_government",
    "GOVL": "bond_government",
    "CRDX": "bond_credit",
    "CRDW": "bond_credit",
    "OILX": "future_energy",
    "GLDX": "future_metals",
    "AGRX": "future_grains",
}
_COINS = {
    "crypto_majors": {
        "BTC": 42000.0,
        "ETH": 2900.0,
        "BNB": 350.0,
        "LTC": 140.0,
        "BCH": 520.0,
        "XRP": 0.72,
        "DOGE": 0.2,
    },
    "crypto_platforms": {"SOL": 35.0, "AVAX": 14.0, "ADA": 1.3, "DOT": 15.0, "NEAR": 2.1, "ATOM": 12.0, "ALGO": 0.8},
    "crypto_finance": {"UNI": 21.0, "AAVE": 310.0, "LINK": 23.0, "1INCH": 2.6, "CRV": 1.6, "SUSHI": 8.0},
}
_FOUR_VENUES = ("BTC", "ETH", "XRP", "DOGE", "SOL", "AVAX", "UNI", "LINK")
_PERPS = ("BTC", "ETH", "SOL", "ADA", "AAVE", "LINK", "1INCH")
_CRYPTO_VENUES = (("SIMCRYPTO_A", 1.0), ("SIMCRYPTO_B", 0.45), ("SIMCRYPTO_C", 0.25), ("SIMCRYPTO_D", 0.1))
_PAIRS = {
    "fx_dollar_quoted": {"EURUSD": 1.18, "GBPUSD": 1.39, "AUDUSD": 0.735, "NZDUSD": 0.695},
    "fx_european": {
        "USDCHF": 0.91,
        "USDSEK": 8.6,
        "USDNOK": 8.8,
        "USDDKK": 6.3,
        "USDPLN": 3.9,
        "USDCZK": 21.5,
        "USDHUF": 300.0,
    },
    "fx_asian": {"USDJPY": 109.7, "USDSGD": 1.35, "USDKRW": 1150.0, "USDTHB": 33.0, "USDTWD": 27.9, "USDINR": 74.2},
    "fx_american": {"USDCAD": 1.25, "USDMXN": 19.9, "USDBRL": 5.2, "USDCLP": 770.0, "USDCOP": 3900.0},
}
_FUTURES = {
    "future_energy": {"CL": 71.0, "BZ": 73.0, "HO": 2.15, "RB": 2.3, "QM": 71.0},
    "future_metals": {"GC": 1815.0, "SI": 25.5, "HG": 4.4, "PL": 1050.0, "PA": 2650.0, "MGC": 1815.0},
    "future_grains": {"ZC": 560.0, "ZS": 1350.0, "ZW": 720.0, "ZL": 63.0, "ZM": 355.0, "KE": 700.0},
    "future_softs": {"KC": 180.0, "SB": 18.0, "CC": 2400.0, "CT": 90.0, "OJ": 130.0},
    "bond_government": {"ZN": 134.0, "ZB": 165.0, "ZF": 124.0, "ZT": 110.0},
}
_TWO_VENUE_ROOTS = ("GC", "CL", "ZC", "ZN")
_CFDS = {
    "cfd_indices": {
        "UK100": 7100.0,
        "DE40": 15500.0,
        "FR40": 6700.0,
        "JP225": 27800.0,
        "AU200": 7500.0,
        "HK50": 26000.0,
    },
    "future_metals": {"XAUUSD": 1815.0, "XAGUSD": 25.5},
    "future_energy": {"UKOIL": 73.0},
}


def _traded(low: float, high: float, place: int, count: int) -> float:
    """Spread value traded from `high` down to `low` over the members of a group, evenly in logarithms."""
    return float(high * (low / high) ** (place / max(count - 1, 1)))


def _equities() -> Iterator[Listing]:
    for cluster, (code, sector, industry) in _SECTORS.items():
        for place in range(_N_EQUITIES_PER_SECTOR):
            ticker = f"{code}{place + 1:02d}"
            yield Listing(
                f"SIMX:{ticker}", f"equity/{ticker}", cluster, "equity", "cash", f"{industry} {place + 1:02d}",
                20.0 + 17.0 * place, _traded(3e7, 2e9, place, _N_EQUITIES_PER_SECTOR), sector=sector, industry=industry,
            )  # fmt: skip


def _etfs() -> Iterator[Listing]:
    for place, (ticker, cluster) in enumerate(_ETFS.items()):
        sector = _SECTORS[cluster][1] if cluster in _SECTORS else None
        yield Listing(
            f"SIMX:{ticker}", f"etf/{ticker}", cluster, "etf", "cash", f"Fund {ticker}: {cluster.replace('_', ' ')}",
            30.0 + 9.0 * place, _traded(4e7, 3e9, place, len(_ETFS)), sector=sector, industry="Exchange-traded fund",
        )  # fmt: skip
    yield Listing(
        BENCHMARK, "etf/SPY", None, "etf", "cash", "Broad market fund", 438.0, 3e10, industry="Exchange-traded fund"
    )


def _bonds() -> Iterator[Listing]:
    for cluster, code, title in (
        ("bond_government", "GOV", "Government bond"),
        ("bond_credit", "CRD", "Corporate bond"),
    ):
        for place in range(8):
            ticker = f"{code}{place + 1:02d}"
            yield Listing(
                f"SIMBOND:{ticker}", f"bond/{ticker}", cluster, "bond", "cash", f"{title} {place + 1:02d}",
                98.0 + place, _traded(5e7, 1e9, place, 8), sector=title, industry=title,
                is_close_only=cluster == "bond_credit",
            )  # fmt: skip


def _crypto() -> Iterator[Listing]:
    for cluster, coins in _COINS.items():
        for place, (base, price) in enumerate(coins.items()):
            traded = _traded(8e7, 4e9, place, len(coins))
            venues = _CRYPTO_VENUES if base in _FOUR_VENUES else _CRYPTO_VENUES[:1]
            for venue, share in venues:
                yield Listing(
                    f"{venue}:{base}USDT", f"crypto/{base}", cluster, "crypto", "spot", f"{base} against USDT",
                    price, traded * share, base, "USDT", venue_noise=0.0 if share == 1.0 else 0.0008,
                )  # fmt: skip
            if base in _PERPS:
                for venue, share in _CRYPTO_VENUES[:2]:
                    yield Listing(
                        f"{venue}:{base}USDT.P", f"crypto/{base}", cluster, "crypto", "perp", f"{base} perpetual",
                        price, traded * share * 0.8, base, "USDT", venue_noise=0.0010,
                    )  # fmt: skip


def _fx() -> Iterator[Listing]:
    for cluster, pairs in _PAIRS.items():
        for place, (pair, price) in enumerate(pairs.items()):
            venues = (("SIMFX_A", 1.0), ("SIMFX_B", 0.3)) if pair in ("EURUSD", "USDJPY") else (("SIMFX_A", 1.0),)
            for venue, share in venues:
                yield Listing(
                    f"{venue}:{pair}", f"fx/{pair}", cluster, "fx", "spot", f"{pair[:3]} in {pair[3:]}",
                    price, share * _traded(6e7, 9e8, place, len(pairs)), pair[:3], pair[3:],
                    venue_noise=0.0 if share == 1.0 else 0.0001,
                )  # fmt: skip


def _futures() -> Iterator[Listing]:
    for cluster, roots in _FUTURES.items():
        for place, (root, price) in enumerate(roots.items()):
            venues = (("SIMFUT_A", 1.0), ("SIMFUT_B", 0.2)) if root in _TWO_VENUE_ROOTS else (("SIMFUT_A", 1.0),)
            for venue, share in venues:
                yield Listing(
                    f"{venue}:{root}1!", f"future/{root}", cluster, "future", "continuous", f"Continuous future {root}",
                    price, share * _traded(2e8, 6e9, place, len(roots)), root=root,
                    sector=cluster.removeprefix("future_").replace("bond_government", "rates").capitalize(),
                    venue_noise=0.0 if share == 1.0 else 0.0005,
                )  # fmt: skip


def _cfds() -> Iterator[Listing]:
    for cluster, contracts in _CFDS.items():
        for place, (ticker, price) in enumerate(contracts.items()):
            yield Listing(
                f"SIMCFD:{ticker}", f"cfd/{ticker}", cluster, "cfd", "cfd", f"Contract for difference on {ticker}",
                price, _traded(6e7, 4e8, place, len(contracts)),
            )  # fmt: skip


@cache
def listings() -> tuple[Listing, ...]:
    """Return every instrument of the simulated market, sorted by symbol."""
    every = [*_equities(), *_etfs(), *_bonds(), *_crypto(), *_fx(), *_futures(), *_cfds()]
    return tuple(sorted(every, key=lambda one: one.symbol))


def planted_clusters() -> dict[str, str]:
    """Return the planted cluster of every instrument but the benchmark, which leans on all equity clusters."""
    return {one.symbol: one.cluster for one in listings() if one.cluster is not None}


def late_listings() -> dict[str, dt.date]:
    """Return the first session of each instrument that was listed after the market's first day."""
    return {
        "SIMBOND:GOV08": dt.date(2025, 3, 3),
        "SIMCFD:HK50": dt.date(2024, 5, 6),
        "SIMCRYPTO_A:SUSHIUSDT": dt.date(2025, 5, 15),
        "SIMX:BNK13": dt.date(2023, 3, 1),
        "SIMX:IND12": dt.date(2025, 7, 1),
        "SIMX:SOF13": dt.date(2025, 8, 18),
        "SIMX:TEC13": dt.date(2025, 10, 27),
    }


def delisted() -> dict[str, dt.date]:
    """Return the last session of each instrument that stopped trading before `SAMPLE_AS_OF`."""
    return {"SIMX:IND13": dt.date(2025, 9, 19)}


def bad_ticks() -> dict[tuple[str, dt.date], str]:
    """Return the bars that quarantine must catch: (symbol, session) to the reason it must give."""
    return {
        ("SIMX:MAT06", dt.date(2025, 12, 4)): "unconfirmed_jump",
        ("SIMFUT_A:HG1!", dt.date(2025, 12, 9)): "inconsistent_ohlc",
    }


# How many sessions before SAMPLE_AS_OF each gap lies. Every instrument that has one has one in its last 60 sessions.
_GAPS: dict[str, tuple[str, tuple[int, ...]]] = {
    "SIMX:UTL09": ("XNYS", (12,)),
    "SIMX:CON07": ("XNYS", (31, 32, 640)),
    "SIMCRYPTO_C:AVAXUSDT": ("24/7", (5, 47)),
    "SIMFX_A:USDCLP": ("24/5", (22,)),
    "SIMFUT_A:OJ1!": ("CMES", (9, 55, 590)),
    "SIMBOND:CRD06": ("XNYS", (41,)),
}


@cache
def planted_gaps() -> tuple[tuple[str, dt.date], ...]:
    """Return every missing bar that was planted: (symbol, session), sorted.

    Besides these, the only expected sessions without a bar are those of `bad_ticks` and those after `delisted`.
    """
    found: list[tuple[str, dt.date]] = []
    for symbol, (calendar, places) in _GAPS.items():
        days = all_sessions(calendar)["session_date"]
        last = int(days.search_sorted(SAMPLE_AS_OF, side="right")) - 1
        found.extend((symbol, days[last - place]) for place in places)
    return tuple(sorted(found))
