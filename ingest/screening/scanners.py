"""Which scanners exist: layered YAML, resolved and typed.

See docs/architecture.md#configuration.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ingest.errors import ScannerConfigError, nearest
from ingest.screening.layers import APPENDING, resolve
from ingest.screening.strategies import DAILY, STRATEGIES, Rule, at_interval
from lakehouse.paths import SYMBOL_PATTERN, check_scanner_name

_STRICT = ConfigDict(extra="forbid", frozen=True)

Operation = Literal["greater", "egreater", "less", "eless", "equal", "nequal", "in_range", "not_in_range"]


class Filter(BaseModel):
    """One condition besides the strategy's: a column, an operation of the scanner protocol, and a value."""

    model_config = _STRICT

    left: str
    operation: Operation
    right: float | str | tuple[float | str, ...]

    @model_validator(mode="after")
    def _holds_as_many_values_as_its_operation_needs(self) -> Filter:
        is_range = self.operation in ("in_range", "not_in_range")
        if is_range != isinstance(self.right, tuple):
            raise ValueError(f"operation {self.operation!r} takes {'a list' if is_range else 'one value'}")
        if isinstance(self.right, tuple) and not self.right:
            raise ValueError("a range needs values")
        return self


class Scanner(BaseModel):
    """One question to a market: which instruments satisfy this strategy in this direction?

    The base universe is cut first: market, index, floor, then one venue for each ticker, then the largest. The rules and
    filters judge what is left.

    Attributes
    ----------
    indexes : tuple of str
        Indices as `VENUE:TICKER`, such as SP:SPX: a member of any of them is in the market. An instrument whose
        membership is not known is not.
    market_cap_rank_max : int, optional
        How many of the base universe are kept, the largest by market capitalisation first, ties by symbol; one whose
        capitalisation is not known is not kept.
    venue_priority : tuple of str
        Of several listings of one ticker, class and product the one at the venue named first is kept; a venue that is
        not named gives way to one that is, and to no other.
    interval : str
        Bars on which the strategy's rules look, performances aside; filters and columns name their own.
    filters, columns : tuple
        A column may name a timeframe of its own: `rsi|1W` is the RSI of weekly bars, the running week included.
    thresholds : mapping
        Thresholds of the strategy by name, as for a long; a short takes the mirror image
        (docs/method/05-discovery-selection.md#5.1).
    value_traded_min_usd : float
        Liquidity floor on the session's value traded.
    liquidity_required : bool
        Whether an instrument without volume fails the floor; where false the floor applies where volume exists.
    """

    model_config = _STRICT

    name: str
    title: str
    direction: Literal["LONG", "SHORT"]
    strategy: str
    asset_classes: tuple[Literal["equity", "etf", "bond", "crypto", "fx", "future", "cfd", "index"], ...] = Field(
        min_length=1
    )
    product: Literal["spot", "perp", "cash", "dated", "continuous", "cfd", "index"] | None = None
    venues: tuple[str, ...] = ()
    thresholds: dict[str, float] = Field(default_factory=dict)
    filters: tuple[Filter, ...] = ()
    columns: tuple[str, ...] = ()
    value_traded_min_usd: float = Field(default=0.0, ge=0.0)
    liquidity_required: bool = False
    limit: int = Field(default=500, ge=1, le=10_000)
    indexes: tuple[str, ...] = ()
    market_cap_rank_max: int | None = Field(default=None, ge=1)
    venue_priority: tuple[str, ...] = ()
    interval: Literal["1d", "1W", "1M"] = DAILY

    @field_validator("name")
    @classmethod
    def _name_is_whitelisted(cls, value: str) -> str:
        return check_scanner_name(value)

    @field_validator("indexes")
    @classmethod
    def _indexes_are_symbols(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for index in value:
            if not re.fullmatch(SYMBOL_PATTERN, index):
                raise ValueError(f"index {index!r} is not VENUE:TICKER, such as SP:SPX")
        return value

    @model_validator(mode="after")
    def _priority_is_an_order_of_the_venues(self) -> Scanner:
        if len(set(self.venue_priority)) < len(self.venue_priority):
            raise ValueError("venue_priority names a venue twice")
        for venue in self.venue_priority:
            if self.venues and venue not in self.venues:
                raise ValueError(f"venue_priority names {venue!r}, which is none of the venues")
        return self

    @model_validator(mode="after")
    def _strategy_reads_every_threshold(self) -> Scanner:
        if self.strategy not in STRATEGIES:
            raise ValueError(f"strategy {self.strategy!r} does not exist: {nearest(self.strategy, STRATEGIES)}")
        valid = {rule.threshold for rule in STRATEGIES[self.strategy]}
        for name in self.thresholds:
            if name not in valid:
                raise ValueError(f"strategy {self.strategy!r} has no threshold {name!r}: {nearest(name, valid)}")
        return self

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The strategy's rules at this scanner's interval."""
        return at_interval(STRATEGIES[self.strategy], self.interval)

    @property
    def is_relative(self) -> bool:
        """Whether the base universe of one instrument depends on the others: then all of them must be seen."""
        return bool(self.venue_priority) or self.market_cap_rank_max is not None

    def threshold(self, name: str) -> float:
        """Return a threshold of the strategy: this scanner's, or the default of docs/method/05-discovery-selection.md#5.1."""
        defaults = {rule.threshold: rule.default for rule in STRATEGIES[self.strategy]}
        return self.thresholds.get(name, defaults[name])


KEYS = frozenset({*Scanner.model_fields, "extends", *APPENDING})
"""Every key that a file of scanners may hold."""


def resolve_layers(configs: Path, path: Path) -> dict[str, Any]:
    """Return one file merged with all that it extends: `layers.resolve` with the keys of a scanner."""
    return resolve(configs, path, KEYS)


def load_scanner(configs: Path, name: str) -> Scanner:
    """Load one scanner of `configs/scanners` by name.

    Raises
    ------
    ScannerConfigError
        When it does not exist, or says something nobody reads.
    """
    path = configs / "scanners" / f"{check_scanner_name(name)}.yaml"
    resolved = resolve_layers(configs, path)
    if resolved.setdefault("name", name) != name:
        raise ScannerConfigError(
            f"{path}: its name is {resolved['name']!r}; the name is that of the file, leave it out"
        )
    try:
        return Scanner.model_validate(resolved)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "scanner"
        raise ScannerConfigError(f"{path}: {place}: {first['msg'].removeprefix('Value error, ')}") from error


def scanner_names(configs: Path) -> tuple[str, ...]:
    """Return the names of all scanners, sorted."""
    return tuple(sorted(path.stem for path in (configs / "scanners").glob("*.yaml")))


def load_scanners(
    configs: Path, names: tuple[str, ...] | None = None, *, limit: int | None = None, interval: str | None = None
) -> tuple[Scanner, ...]:
    """Load the named scanners, or all of them, sorted by name; `limit` and `interval` stand over what the files say.

    Raises
    ------
    ScannerConfigError
        For a name without a file, a file that says something nobody reads, or an override that no scanner can have.
    """
    known = scanner_names(configs)
    for name in names or ():
        if name not in known:
            raise ScannerConfigError(f"scanner {name!r} does not exist: {nearest(name, known)}")
    over = {key: value for key, value in (("limit", limit), ("interval", interval)) if value is not None}
    wanted = sorted(set(names if names is not None else known))
    return tuple(_overridden(load_scanner(configs, name), over) for name in wanted)


def _overridden(scanner: Scanner, over: Mapping[str, object]) -> Scanner:
    if not over:
        return scanner
    try:
        return Scanner.model_validate({**scanner.model_dump(), **over})
    except ValidationError as error:
        first = error.errors()[0]
        raise ScannerConfigError(f"{first['loc'][0]} {first['input']!r} is refused: {first['msg']}") from error


def default_names(configs: Path) -> tuple[str, ...]:
    """Return the scanners that are run where none is named: the manifest's, or all where there is no manifest.

    Raises
    ------
    ScannerConfigError
        When the manifest is no JSON, or lists no scanners.
    """
    manifest = configs / "manifest.json"
    if not manifest.is_file():
        return scanner_names(configs)
    try:
        listed = json.loads(manifest.read_text(encoding="utf-8"))["defaults"]["discovery"]["scanners"]
    except (ValueError, KeyError, TypeError) as error:
        raise ScannerConfigError(f"{manifest}: no defaults.discovery.scanners: name scanners with --scanner") from error
    return tuple(listed)
