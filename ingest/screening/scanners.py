"""Load scanners: resolve their layers and validate the result."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ingest.errors import ScannerConfigError, nearest
from ingest.screening.layers import APPENDING, Layers, merged
from ingest.screening.scanner_table import FILE_NAME, read_table
from ingest.screening.strategies import DAILY, STRATEGIES, Rule, at_interval
from lakehouse.paths import SYMBOL_PATTERN, check_scanner_name

_STRICT = ConfigDict(extra="forbid", frozen=True)

Operation = Literal["greater", "egreater", "less", "eless", "equal", "nequal", "in_range", "not_in_range"]


class Filter(BaseModel):
    """Condition besides the rules of the strategy: a column, an operation of the scanner protocol, and a value."""

    model_config = _STRICT

    left: str
    operation: Operation
    right: float | str | tuple[float | str, ...]

    @model_validator(mode="after")
    def _number_of_values_fits_the_operation(self) -> Filter:
        is_range = self.operation in ("in_range", "not_in_range")
        if is_range != isinstance(self.right, tuple):
            raise ValueError(f"operation {self.operation!r} takes {'a list' if is_range else 'one value'}")
        if isinstance(self.right, tuple) and not self.right:
            raise ValueError("a range needs values")
        return self


class Scanner(BaseModel):
    """Search of a market for instruments that satisfy a strategy in a direction.

    The base universe is narrowed first, by market, index and liquidity floor, then to one venue for each ticker, then
    to the largest. Rules and filters apply to what remains.

    Attributes
    ----------
    indexes : tuple of str
        Indices as `VENUE:TICKER`, such as SP:SPX. The market is limited to the known members of any of them.
    market_cap_rank_max : int, optional
        Number of instruments of the base universe that are kept, the largest by market capitalisation first, ties by
        symbol. An instrument of unknown capitalisation is dropped.
    venue_priority : tuple of str
        Order of venues. Of several listings of one ticker, class and product the one at the first of these venues is
        kept; listings at venues that are not named are dropped only in favour of one at a venue that is.
    interval : str
        Bars that the rules of the strategy use, performances aside; filters and columns name their own interval.
    filters, columns : tuple
        More conditions, and columns that are carried along. `rsi|1W` is the RSI of weekly bars, the running week
        included.
    thresholds : mapping
        Thresholds of the strategy by name, as for a long; a short takes the mirror image
        (docs/method/05-discovery-selection.md#5.1).
    value_traded_min_usd : float
        Liquidity floor on the value traded in the session.
    liquidity_required : bool
        Whether an instrument of unknown volume fails the floor.
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
    def _priority_names_the_venues_once(self) -> Scanner:
        if len(set(self.venue_priority)) < len(self.venue_priority):
            raise ValueError("venue_priority names a venue twice")
        for venue in self.venue_priority:
            if self.venues and venue not in self.venues:
                raise ValueError(f"venue_priority names {venue!r}, which is none of the venues")
        return self

    @model_validator(mode="after")
    def _thresholds_belong_to_the_strategy(self) -> Scanner:
        if self.strategy not in STRATEGIES:
            raise ValueError(f"strategy {self.strategy!r} does not exist: {nearest(self.strategy, STRATEGIES)}")
        valid = {rule.threshold for rule in STRATEGIES[self.strategy]}
        for name in self.thresholds:
            if name not in valid:
                raise ValueError(f"strategy {self.strategy!r} has no threshold {name!r}: {nearest(name, valid)}")
        return self

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Rules of the strategy at the interval of this scanner."""
        return at_interval(STRATEGIES[self.strategy], self.interval)

    @property
    def is_relative(self) -> bool:
        """True when the base universe depends on all instruments of the market, by venue priority or size."""
        return bool(self.venue_priority) or self.market_cap_rank_max is not None

    def threshold(self, name: str) -> float:
        """Return a threshold by name: the one of this scanner, else the default of the strategy.

        See docs/method/05-discovery-selection.md#5.1.
        """
        defaults = {rule.threshold: rule.default for rule in STRATEGIES[self.strategy]}
        return self.thresholds.get(name, defaults[name])


KEYS = frozenset({*Scanner.model_fields, "extends", *APPENDING})
"""Keys that a layer may have."""


def open_layers(configs: Path) -> Layers:
    """Return the layers of a `configs` folder, the scanners of the table among them.

    Raises
    ------
    ScannerConfigError
        When the table has a problem, with file, row, column and the nearest valid word.
    """
    table = read_table(configs)
    if table.problems:
        raise ScannerConfigError(f"{configs / FILE_NAME}: {table.problems[0]}")
    return Layers(configs, table.layers)


def load_scanner(configs: Path, name: str) -> Scanner:
    """Load one scanner by name, from the table or from `scanners/NAME.yaml`.

    Raises
    ------
    ScannerConfigError
        When there is no such scanner, when the table and a file both define it, or when its settings are not valid.
    """
    return resolve_scanner(open_layers(configs), name)


def resolve_scanner(layers: Layers, name: str) -> Scanner:
    """Merge the layers of one scanner and validate the result; errors are those of `load_scanner`."""
    layer_name = f"scanners/{check_scanner_name(name)}"
    settings = merged(layers.stack(layer_name, KEYS))
    origin = layers.get(layer_name).origin
    if settings.setdefault("name", name) != name:
        raise ScannerConfigError(
            f"{origin}: its name is {settings['name']!r}; the name is that of the file, leave it out"
        )
    try:
        return Scanner.model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "scanner"
        raise ScannerConfigError(f"{origin}: {key}: {first['msg'].removeprefix('Value error, ')}") from error


def scanner_names(configs: Path) -> tuple[str, ...]:
    """Return the names of all scanners, sorted; errors are those of `open_layers`."""
    return _names(open_layers(configs))


def _names(layers: Layers) -> tuple[str, ...]:
    return tuple(name.removeprefix("scanners/") for name in layers.names("scanners"))


def load_scanners(
    configs: Path, names: tuple[str, ...] | None = None, *, limit: int | None = None, interval: str | None = None
) -> tuple[Scanner, ...]:
    """Load the named scanners, or all of them, sorted by name.

    Parameters
    ----------
    configs : Path
        Folder of the scanner table and the layers.
    names : tuple of str, optional
        Scanners to load; all where it is not given.
    limit, interval : optional
        Settings that replace those of every loaded scanner.

    Raises
    ------
    ScannerConfigError
        For an unknown name, settings that are not valid, or a replacement that a scanner cannot have.
    """
    layers = open_layers(configs)
    known = _names(layers)
    for name in names or ():
        if name not in known:
            raise ScannerConfigError(f"scanner {name!r} does not exist: {nearest(name, known)}")
    replaced = {key: value for key, value in (("limit", limit), ("interval", interval)) if value is not None}
    requested = sorted(set(names if names is not None else known))
    return tuple(_with_settings(resolve_scanner(layers, name), replaced) for name in requested)


def _with_settings(scanner: Scanner, replaced: Mapping[str, object]) -> Scanner:
    if not replaced:
        return scanner
    try:
        return Scanner.model_validate({**scanner.model_dump(), **replaced})
    except ValidationError as error:
        first = error.errors()[0]
        raise ScannerConfigError(f"{first['loc'][0]} {first['input']!r} is refused: {first['msg']}") from error


def default_names(configs: Path) -> tuple[str, ...]:
    """Return the names of the scanners that a scan runs by default: those of the manifest, or all without a manifest.

    Raises
    ------
    ScannerConfigError
        When the manifest is not valid JSON, or lists no scanners.
    """
    manifest = configs / "manifest.json"
    if not manifest.is_file():
        return scanner_names(configs)
    try:
        listed = json.loads(manifest.read_text(encoding="utf-8"))["defaults"]["discovery"]["scanners"]
    except (ValueError, KeyError, TypeError) as error:
        raise ScannerConfigError(f"{manifest}: no defaults.discovery.scanners: name scanners with --scanner") from error
    return tuple(listed)
