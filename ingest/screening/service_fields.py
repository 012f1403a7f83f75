"""Translate scanner columns, asset classes and markets into those of TradingView's scanner."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ingest.errors import ScannerConfigError, nearest
from ingest.reference.venues import Venues
from ingest.screening.scanners import Scanner

_AVERAGES = (10, 20, 30, 50, 100, 200)
FIELDS: dict[str, str] = {
    "close": "close",
    "change": "change",
    "volume": "volume",
    "value_traded_usd": "Value.Traded",
    "market_cap_usd": "market_cap_basic",
    "adx": "ADX",
    "plus_di": "ADX+DI",
    "minus_di": "ADX-DI",
    "rsi": "RSI",
    "stoch_k": "Stoch.K",
    "stoch_d": "Stoch.D",
    "stoch_rsi": "Stoch.RSI.K",
    "stoch_rsi_k": "Stoch.RSI.K",
    "stoch_rsi_d": "Stoch.RSI.D",
    "cci20": "CCI20",
    "macd": "MACD.macd",
    "macd_signal": "MACD.signal",
    "momentum10": "Mom",
    "awesome_oscillator": "AO",
    "williams_r": "W.R",
    "ultimate_oscillator": "UO",
    "bull_bear_power": "BBPower",
    "atr": "ATR",
    "volatility_d": "Volatility.D",
    "recommend_all": "Recommend.All",
    "recommend_ma": "Recommend.MA",
    "recommend_other": "Recommend.Other",
    "perf_w": "Perf.W",
    "perf_1m": "Perf.1M",
    "perf_3m": "Perf.3M",
    "perf_6m": "Perf.6M",
    "sector": "sector",
    "industry": "industry",
    "currency": "currency",
    "ticker": "name",
    "fund_class": "asset_class",
    "fund_category": "category",
    "fund_focus": "focus",
    **{f"sma{n}": f"SMA{n}" for n in _AVERAGES},
    **{f"ema{n}": f"EMA{n}" for n in _AVERAGES},
}
TEXT_FIELDS = ("sector", "industry", "currency", "ticker", "fund_class", "fund_category", "fund_focus")
# Codes of the service for words of a scanner: digests for the class of a fund, numbers for the others.
CODES: dict[str, dict[str, str]] = {
    "fund_class": {
        "equity": "c05f85d35d1cd0be6ebb2af4be16e06a",
        "fixed_income": "b6e443a6c4a8a2e7918c5dbf3d45c796",
        "commodities": "8fe80395f389e29e3ea42210337f0350",
        "currency": "1af0389838508d7016a9841eb6273962",
        "alternatives": "4071518f1736a5a43dae51b47590322f",
        "asset_allocation": "b090e99b8d95f5837ec178c2d3d3fc50",
    },
    "fund_category": {"size_and_style": "26", "sector": "27", "high_dividend": "44"},
    "fund_focus": {"total_market": "52", "large_cap": "53", "small_cap": "55", "mid_cap": "56", "theme": "58"},
}
# Variants of a field on longer and shorter bars; without one a field is daily.
TIMEFRAMES = ("1", "5", "15", "30", "60", "120", "240", "1W", "1M")
_DAILY_ONLY = frozenset(
    {
        *("value_traded_usd", "market_cap_usd", "volatility_d", "perf_w", "perf_1m", "perf_3m", "perf_6m"),
        *TEXT_FIELDS,
    }
)
# Fields with another name on one market.
_OF_MARKET = {("crypto", "market_cap_usd"): "market_cap_calc"}
# Fields that whole markets lack, known offline.
_WITHOUT_TIMEFRAMES = ("futures", "bond")
_TEXT_ONLY = ("bond",)
INDEXES = {"SP:SPX": "S&P 500", "NASDAQ:NDX": "Nasdaq 100", "DJ:DJI": "Dow Jones Industrial Average"}
# Columns of raw.scans that every scan requests, where the market has them.
USUAL = (
    *("close", "volume", "value_traded_usd", "market_cap_usd", "adx", "rsi", "stoch_k", "atr", "volatility_d"),
    *("recommend_all", "perf_w", "perf_1m", "perf_3m", "perf_6m"),
)
# Fields that describe an instrument, on every market.
DESCRIBING = (
    "name",
    "description",
    "type",
    "typespecs",
    "exchange",
    "currency",
    "sector",
    "pricescale",
    "minmov",
    "time",
)
# Fields that the service has although they are not in its list.
UNLISTED = frozenset({"Value.Traded"})
USD_LIKE = ("USD", "USDT", "USDC", "BUSD", "FDUSD")

_COUNTRIES = {
    "US": "america",
    "GB": "uk",
    "DE": "germany",
    "FR": "france",
    "IT": "italy",
    "CH": "switzerland",
    "JP": "japan",
    "HK": "hongkong",
    "CA": "canada",
    "AU": "australia",
}
_MARKETS = {"crypto": "crypto", "fx": "forex", "future": "futures", "cfd": "cfd", "index": "cfd", "bond": "bond"}
_KINDS = {"etf": ("equity",), "bond": ("bond", "equity"), "index": ("index", "cfd")}
_CONTINUOUS = re.compile(r"^(?P<root>.+?)[1-9]!$")


@dataclass(frozen=True, slots=True)
class Condition:
    """One entry of the filter in a scanner payload."""

    left: str
    operation: str
    right: object

    def as_json(self) -> dict[str, object]:
        """Return the entry as JSON object."""
        return {"left": self.left, "operation": self.operation, "right": self.right}


def is_country(market: str) -> bool:
    """Return whether a market holds the stocks and funds of one country."""
    return market in _COUNTRIES.values()


def field_of(column: str, scanner: str, market: str | None = None) -> str:
    """Return the field of the service for a scanner column such as `close` or `rsi|1W`.

    Raises
    ------
    ScannerConfigError
        When the service has no such column, or not in that timeframe; the message names the nearest.
    """
    base, bar, timeframe = column.partition("|")
    if base not in FIELDS:
        raise ScannerConfigError(f"scanner {scanner}: tradingview has no column {base!r}: {nearest(base, FIELDS)}")
    if bar and (timeframe not in TIMEFRAMES or base in _DAILY_ONLY):
        valid = "it is daily only" if base in _DAILY_ONLY else nearest(timeframe, TIMEFRAMES)
        raise ScannerConfigError(f"scanner {scanner}: tradingview has no column {column!r}: {valid}")
    return _OF_MARKET.get((market or "", base), FIELDS[base]) + bar + timeframe


def code_of(column: str, value: object, scanner: str) -> object:
    """Return the code of the service for a value of a column, or the value where the column has no codes.

    Raises
    ------
    ScannerConfigError
        When the column has codes and the value is not among its words; the message names the nearest.
    """
    codes = CODES.get(column)
    if codes is None:
        return value
    if value not in codes:
        raise ScannerConfigError(f"scanner {scanner}: {column} has no value {value!r}: {nearest(str(value), codes)}")
    return codes[str(value)]


def word_of(column: str, code: str | None) -> str | None:
    """Return the word for a code of the service, or the code itself where there is no word."""
    words = {coded: word for word, coded in CODES.get(column, {}).items()}
    return words.get(code, code) if code is not None else None


def lacking(column: str, market: str) -> bool:
    """Return whether a market is known offline to lack a column, by its timeframe or because it has text only."""
    if "|" in column and market in _WITHOUT_TIMEFRAMES:
        return True
    return market in _TEXT_ONLY and column not in TEXT_FIELDS and column not in ("close", "market_cap_usd")


def rule_columns_of(scanner: Scanner) -> tuple[str, ...]:
    """Return the columns that the rules and filters of a scanner read."""
    rules = [rule.column for rule in scanner.rules]
    return tuple(dict.fromkeys([*rules, *(one.left for one in scanner.filters)]))


def venues_of(scanner: Scanner, asset_class: str, venues: Venues) -> tuple[str, ...]:
    """Return the venues of a scanner, or all that mainly trade the class where it names none."""
    if scanner.venues:
        return tuple(sorted(set(scanner.venues) & set(venues.by_name)))
    kinds = _KINDS.get(asset_class, (asset_class,))
    return tuple(sorted(name for name, venue in venues.by_name.items() if venue.kind in kinds))


def markets_of(asset_class: str, names: Iterable[str], venues: Venues, countries: Sequence[str]) -> tuple[str, ...]:
    """Return the markets of the service for a class; stocks and funds are in the markets of their countries."""
    if asset_class not in ("equity", "etf"):
        return (_MARKETS[asset_class],)
    found = {venues.require(name).country for name in names} & set(countries)
    return tuple(sorted(_COUNTRIES[country] for country in found if country in _COUNTRIES))


def class_conditions(asset_class: str, product: str | None) -> list[Condition]:
    """Return the conditions that select a class, and a product of it, on its market."""
    crypto = {"spot": ["spot"], "perp": ["swap"], "dated": ["futures"]}.get(product or "", ["spot", "swap"])
    conditions = {
        "equity": [Condition("type", "in_range", ["stock", "dr"])],
        "etf": [Condition("type", "equal", "fund"), Condition("typespecs", "has", ["etf"])],
        "crypto": [Condition("type", "in_range", crypto)],
        "future": [Condition("typespecs", "has_none_of" if product == "dated" else "has", ["continuous"])],
        "cfd": [Condition("typespecs", "has", ["cfd"])],
        "index": [Condition("type", "equal", "index"), Condition("typespecs", "has_none_of", ["cfd"])],
    }
    return conditions.get(asset_class, [])


def class_of(kind: object, specs: object) -> tuple[str, str] | None:
    """Return asset class and product of a row from its `type` and `typespecs`, None for any other class."""
    traits = set(specs) if isinstance(specs, list) else set()
    if kind in ("stock", "dr"):
        return "equity", "cash"
    if kind == "fund":
        return ("etf", "cash") if "etf" in traits else None
    if kind in ("commodity", "index"):
        return ("cfd", "cfd") if "cfd" in traits else ("index", "index") if kind == "index" else None
    if kind == "futures":
        # A dated crypto contract and a dated future have the same type; only the market tells them apart.
        product = "continuous" if "continuous" in traits else "dated"
        return ("crypto", "dated") if traits & {"crypto", "defi"} else ("future", product)
    known = {"spot": ("crypto", "spot"), "swap": ("crypto", "perp"), "forex": ("fx", "spot"), "bond": ("bond", "cash")}
    return known.get(str(kind))


def root_of(asset_class: str, ticker: str) -> str | None:
    """Return the root of a continuous future, None for other instruments."""
    found = _CONTINUOUS.match(ticker) if asset_class == "future" else None
    return found.group("root") if found else None
