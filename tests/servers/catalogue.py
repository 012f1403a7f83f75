"""List the scanner fields of each market with their types."""

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
    """Field types by group: one market, or `stocks` for all countries.

    Parameters
    ----------
    groups : mapping
        Field to type by group; empty where the catalogue is only what the tables hold.
    held : mapping
        Fields that the tables hold. They can be asked for in every market, listed or not: the real scanner, too, knows
        fields (Value.Traded) that its own catalogue leaves out.
    """

    def __init__(self, groups: Mapping[str, Mapping[str, str]], held: Mapping[str, str]) -> None:
        self._groups = {name: dict(fields) for name, fields in groups.items()}
        self._held = dict(held)

    @classmethod
    def of(cls, columns: pl.DataFrame, rows: Iterable[Mapping[str, Any]], listed: pl.DataFrame | None) -> Catalogue:
        """The fields of the scanner's tables and, where given, of a table with columns market, field and type."""
        held: dict[str, str] = {}
        for row in rows:
            for name, value in row.items():
                if value is not None and held.get(name, "interface") == "interface":
                    held[name] = _type_of(value)
                held.setdefault(name, "interface")
        held |= {name: _type_of_dtype(dtype) for name, dtype in columns.schema.items() if name != "symbol"}
        groups: dict[str, dict[str, str]] = {}
        if listed is not None:
            for market, field, kind in listed.select("market", "field", "type").iter_rows():
                groups.setdefault(market, {})[field] = kind
        return cls(groups, held)

    def fields(self, market: str) -> dict[str, str]:
        """Field name to type, as the catalogue of a market lists them."""
        return self._groups.get(group_of(market)) or self._held

    def type_of(self, market: str, field: str) -> str | None:
        """Return the type of a field, None where the market does not have it."""
        listed = self._groups.get(group_of(market), {})
        base = _PREVIOUS.sub("", field)
        name, bar, timeframe = base.partition("|")
        # Futures and bonds have no timeframe variants, whatever the tables hold for others.
        held = {} if bar and group_of(market) in PLAIN_MARKETS else self._held
        for known in (field, base, base.removesuffix(".tr")):
            if known in listed or known in held:
                return listed.get(known) or held[known]
        return held.get(name) if bar and not listed and timeframe in TIMEFRAMES else None


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
