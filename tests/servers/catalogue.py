"""Which scanner fields exist in a market, and of what type."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

NUMERIC = frozenset({"number", "price", "percent", "fundamental_price", "time", "time-yyyymmdd", "num_slice"})
TIMEFRAMES = ("1", "5", "15", "30", "60", "120", "240", "1W", "1M")
# Markets whose fields come without timeframe variants.
PLAIN_MARKETS = frozenset({"futures", "bond", "bonds", "options", "economics2"})
SPECIAL_MARKETS = ("bond", "bonds", "cfd", "coin", "crypto", "economics2", "forex", "futures", "options")
_COUNTRIES = (
    "america argentina australia austria bahrain bangladesh belgium brazil bulgaria canada chile china colombia "
    "croatia cyprus czech denmark egypt estonia finland france germany greece hongkong hungary iceland india indonesia "
    "ireland israel italy japan kenya korea ksa kuwait latvia lithuania luxembourg malaysia mexico morocco netherlands "
    "newzealand nigeria norway pakistan peru philippines poland portugal qatar romania rsa russia serbia singapore "
    "slovakia slovenia spain srilanka sweden switzerland taiwan thailand tunisia turkey uae uk venezuela vietnam"
)
COUNTRIES = tuple(_COUNTRIES.split())
MARKETS = frozenset({*COUNTRIES, *SPECIAL_MARKETS, "global", "euronext"})

_PREVIOUS = re.compile(r"\[\d\]$")


class Catalogue:
    """Field types by group: a market of its own, or `stocks` for every country."""

    def __init__(self, groups: Mapping[str, Mapping[str, str]], shared: Mapping[str, str]) -> None:
        self._groups = {name: dict(fields) for name, fields in groups.items()}
        self._shared = dict(shared)

    @classmethod
    def derived(cls, columns: pl.DataFrame, rows: Iterable[Mapping[str, Any]]) -> Catalogue:
        """The fields that the tables hold, typed by their values."""
        shared: dict[str, str] = {}
        for row in rows:
            for name, value in row.items():
                if value is not None and (name not in shared or shared[name] == "interface"):
                    shared[name] = _type_of(value)
                shared.setdefault(name, "interface")
        for name, dtype in columns.schema.items():
            if name != "symbol":
                shared[name] = _type_of_dtype(dtype)
        return cls({}, shared)

    @classmethod
    def listed(cls, table: pl.DataFrame) -> Catalogue:
        """The fields of a table with columns market, field and type."""
        groups: dict[str, dict[str, str]] = {}
        for market, field, kind in table.select("market", "field", "type").iter_rows():
            groups.setdefault(market, {})[field] = kind
        return cls(groups, {})

    def fields(self, market: str) -> dict[str, str]:
        """Field name to type, in the order listed."""
        return self._shared | self._groups.get(group_of(market), {})

    def type_of(self, market: str, field: str) -> str | None:
        """The type of a field, None where the market does not know it."""
        known = self._groups.get(group_of(market), {})
        base = _PREVIOUS.sub("", field)
        for name in (field, base, base.removesuffix(".tr")):
            if name in known:
                return known[name]
            if name in self._shared:
                return self._shared[name]
        name, bar, timeframe = base.partition("|")
        if bar and not known and group_of(market) not in PLAIN_MARKETS and timeframe in TIMEFRAMES:
            return self._shared.get(name)
        return None


def group_of(market: str) -> str:
    """The group whose fields a market has."""
    return market if market in SPECIAL_MARKETS else "stocks"


def _type_of(value: object) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    return "set" if isinstance(value, list) else "text"


def _type_of_dtype(dtype: pl.DataType) -> str:
    if dtype == pl.Boolean:
        return "bool"
    if dtype.is_numeric():
        return "number"
    return "set" if isinstance(dtype, pl.List) else "text"
