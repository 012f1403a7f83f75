"""Which scanners exist: layered YAML, resolved and typed (house.md 5).

A file may extend a list of layers. Mappings merge, lists replace, and `filters_add` and `columns_add` append to what
the layers before gave, without duplicates. A key that nobody reads is an error with the nearest valid name.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ingest.errors import ScannerConfigError, nearest
from ingest.strategies import STRATEGIES
from lakehouse.paths import check_scanner_name

LAYER_FOLDERS = ("base", "presets", "scanners")
_APPENDING = {"filters_add": "filters", "columns_add": "columns"}
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

    Attributes
    ----------
    thresholds : mapping
        Thresholds of the strategy by name, as for a long; a short takes the mirror image (quant.md 5.1).
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

    @field_validator("name")
    @classmethod
    def _name_is_whitelisted(cls, value: str) -> str:
        return check_scanner_name(value)

    @model_validator(mode="after")
    def _strategy_reads_every_threshold(self) -> Scanner:
        if self.strategy not in STRATEGIES:
            raise ValueError(f"strategy {self.strategy!r} does not exist: {nearest(self.strategy, STRATEGIES)}")
        valid = {rule.threshold for rule in STRATEGIES[self.strategy]}
        for name in self.thresholds:
            if name not in valid:
                raise ValueError(f"strategy {self.strategy!r} has no threshold {name!r}: {nearest(name, valid)}")
        return self

    def threshold(self, name: str) -> float:
        """Return a threshold of the strategy: this scanner's, or the default of quant.md 5.1."""
        defaults = {rule.threshold: rule.default for rule in STRATEGIES[self.strategy]}
        return self.thresholds.get(name, defaults[name])


_KEYS = set(Scanner.model_fields) | {"extends"} | set(_APPENDING)


class _StrictLoader(yaml.SafeLoader):
    """Safe YAML in which a key may stand once."""


def _mapping_once(loader: _StrictLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node)
        if key in seen:
            raise yaml.constructor.ConstructorError(None, None, f"key {key!r} stands twice", key_node.start_mark)
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping_once)


def _read_layer(path: Path) -> dict[str, Any]:
    try:
        # The loader derives from SafeLoader, so it builds plain values only.
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=_StrictLoader)  # noqa: S506
    except FileNotFoundError as error:
        valid = (file.stem for file in path.parent.glob("*.yaml"))
        raise ScannerConfigError(f"{path}: no such layer: {nearest(path.stem, valid)}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ScannerConfigError(f"{path}: not readable as YAML: {error}") from error
    if not isinstance(data, dict):
        raise ScannerConfigError(f"{path}: a layer is a mapping, this is {type(data).__name__}")
    for key in data:
        if key not in _KEYS:
            raise ScannerConfigError(f"{path}: unknown key {key!r}: {nearest(str(key), _KEYS)}")
    return data


def _append(held: list[Any], more: Any, where: str) -> list[Any]:
    if not isinstance(more, list):
        raise ScannerConfigError(f"{where} must be a list")
    return held + [item for place, item in enumerate(more) if item not in held and item not in more[:place]]


def _merge(below: dict[str, Any], above: dict[str, Any], where: Path) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        if key == "extends" or key in _APPENDING:
            continue
        held = merged.get(key)
        merged[key] = {**held, **value} if isinstance(held, dict) and isinstance(value, dict) else value
    for key, target in _APPENDING.items():
        if key in above:
            merged[target] = _append(list(merged.get(target, [])), above[key], f"{where}: {key}")
    return merged


def _layer_path(configs: Path, reference: Any, where: Path) -> Path:
    parts = str(reference).split("/")
    if len(parts) != 2 or parts[0] not in LAYER_FOLDERS or not parts[1].replace("_", "").isalnum():
        raise ScannerConfigError(
            f"{where}: extends {reference!r} is refused: name a layer as FOLDER/NAME, "
            f"FOLDER one of {', '.join(LAYER_FOLDERS)}"
        )
    return configs / parts[0] / f"{parts[1]}.yaml"


def _layers(configs: Path, path: Path, above: tuple[Path, ...] = ()) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the layers of a file in the order in which they apply: what it extends first, itself last."""
    if path in above:
        raise ScannerConfigError(f"{path}: the layers extend each other in a loop")
    layer = _read_layer(path)
    extends = layer.get("extends", [])
    if not isinstance(extends, list):
        raise ScannerConfigError(f"{path}: extends must be a list of layers")
    for reference in extends:
        yield from _layers(configs, _layer_path(configs, reference, path), (*above, path))
    yield path, layer


def resolve_layers(configs: Path, path: Path) -> dict[str, Any]:
    """Return one file merged with all that it extends, in the order of its list.

    A layer that is reached twice applies once, at its first place: it must not undo what stands over it.

    Raises
    ------
    ScannerConfigError
        For an unknown key, a layer that does not exist, a loop, or a file that is no mapping.
    """
    merged: dict[str, Any] = {}
    applied: set[Path] = set()
    for file, layer in _layers(configs, path):
        if file not in applied:
            merged = _merge(merged, layer, file)
            applied.add(file)
    return merged


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


def load_scanners(configs: Path, names: tuple[str, ...] | None = None) -> tuple[Scanner, ...]:
    """Load the named scanners, or all of them, sorted by name."""
    known = scanner_names(configs)
    for name in names or ():
        if name not in known:
            raise ScannerConfigError(f"scanner {name!r} does not exist: {nearest(name, known)}")
    return tuple(load_scanner(configs, name) for name in sorted(set(names if names is not None else known)))
