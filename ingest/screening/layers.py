"""Merge the layers of settings that a scanner extends.

A layer is a YAML file below `configs`, or a scanner of the table `scanners.csv`. Where one layer stands over another,
mappings merge and lists replace; `filters_add` and `columns_add` append to the lists below them, without duplicates.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ingest.errors import LayerLoopError, ScannerConfigError, nearest

LAYER_FOLDERS = ("base", "presets", "scanners")
APPENDING = {"filters_add": "filters", "columns_add": "columns"}


class _StrictLoader(yaml.SafeLoader):
    """Safe YAML loader that refuses a mapping with the same key twice."""


def _mapping_with_unique_keys(loader: _StrictLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node)
        if key in seen:
            raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is given twice", key_node.start_mark)
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping_with_unique_keys)


@dataclass(frozen=True, slots=True)
class Layer:
    """Settings of one layer, before it is merged with the layers that it extends.

    Attributes
    ----------
    name : str
        FOLDER/NAME, such as `base/etf` or `scanners/equity_trend_long`.
    origin : str
        File, or line of the scanner table, that error messages begin with.
    settings : dict
        Keys and values as written, whatever the keys are.
    """

    name: str
    origin: str
    settings: dict[Any, Any]


def read_layer(path: Path) -> Layer:
    """Read one layer file without checking its keys.

    Raises
    ------
    ScannerConfigError
        When the file does not exist, or is not a YAML mapping with unique keys.
    """
    try:
        # The loader derives from SafeLoader, so it builds plain values only.
        settings = yaml.load(path.read_text(encoding="utf-8"), Loader=_StrictLoader)  # noqa: S506
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ScannerConfigError(f"{path}: not readable as YAML: {error}") from error
    except OSError as error:
        raise ScannerConfigError(f"{path}: not readable: {error.strerror}") from error
    if not isinstance(settings, dict):
        raise ScannerConfigError(f"{path}: a layer is a mapping, this is {type(settings).__name__}")
    return Layer(f"{path.parent.name}/{path.stem}", str(path), settings)


class Layers:
    """All layers of one `configs` folder by name; a file is read when it is first needed, and once.

    Parameters
    ----------
    configs : Path
        Folder that holds the folders `base`, `presets` and `scanners`.
    table : mapping of str to Layer
        Scanners of the table, by layer name.
    """

    def __init__(self, configs: Path, table: Mapping[str, Layer]) -> None:
        self._table = table
        self._files = {
            f"{folder}/{path.stem}": path
            for folder in LAYER_FOLDERS
            for path in sorted((configs / folder).glob("*.yaml"))
        }
        self._read: dict[str, Layer] = {}

    def names(self, *folders: str) -> tuple[str, ...]:
        """Return the names of the layers in these folders, or in all, folder by folder and sorted within each."""
        order = folders or LAYER_FOLDERS
        known = {name for name in {*self._files, *self._table} if name.split("/")[0] in order}
        return tuple(sorted(known, key=lambda name: (order.index(name.split("/")[0]), name)))

    @property
    def defined_twice(self) -> frozenset[str]:
        """Names of the scanners that are defined by a file and by the table."""
        return frozenset(self._files.keys() & self._table.keys())

    def get(self, name: str) -> Layer:
        """Return one layer by its name.

        Raises
        ------
        ScannerConfigError
            When there is no such layer, when it cannot be read, or when a file and the table both define it.
        """
        if name in self.defined_twice:
            raise ScannerConfigError(
                f"{self._files[name]}: {self._table[name].origin} defines the same scanner: "
                "rename the file, or take the scanner out of the table"
            )
        if name in self._table:
            return self._table[name]
        if name not in self._read:
            if name not in self._files:
                raise ScannerConfigError(f"no layer {name!r}: {nearest(name, self.names())}")
            self._read[name] = read_layer(self._files[name])
        return self._read[name]

    def extended_by(self, layer: Layer) -> tuple[str, ...]:
        """Return the names of the layers that a layer extends, in order.

        Raises
        ------
        ScannerConfigError
            When `extends` is not a list of FOLDER/NAME, or names a layer that does not exist.
        """
        extends = layer.settings.get("extends", [])
        if not isinstance(extends, list):
            raise ScannerConfigError(f"{layer.origin}: extends must be a list of layers")
        for reference in extends:
            parts = str(reference).split("/")
            if len(parts) != 2 or parts[0] not in LAYER_FOLDERS or not parts[1].replace("_", "").isalnum():
                raise ScannerConfigError(
                    f"{layer.origin}: extends {reference!r} is refused: name a layer as FOLDER/NAME, "
                    f"FOLDER one of {', '.join(LAYER_FOLDERS)}"
                )
            if reference not in self._files and reference not in self._table:
                raise ScannerConfigError(f"{layer.origin}: no layer {reference!r}: {nearest(reference, self.names())}")
        return tuple(extends)

    def stack(self, name: str, keys: Set[str], above: tuple[str, ...] = ()) -> Iterator[Layer]:
        """Yield a layer and all that it extends in the order in which they apply: the layer itself last.

        Parameters
        ----------
        name : str
            Layer to begin with.
        keys : set of str
            Keys that a layer may have.
        above : tuple of str
            Layers that led here, to find loops.

        Raises
        ------
        LayerLoopError
            When layers extend each other.
        ScannerConfigError
            For an unknown key, or a layer that does not exist or cannot be read.
        """
        layer = self.get(name)
        if name in above:
            raise LayerLoopError(layer.origin, above[above.index(name) :])
        for key in layer.settings:
            if key not in keys:
                raise ScannerConfigError(f"{layer.origin}: unknown key {key!r}: {nearest(str(key), keys)}")
        for reference in self.extended_by(layer):
            yield from self.stack(reference, keys, (*above, name))
        yield layer

    def reached_from(self, *names: str) -> frozenset[str]:
        """Return these layers and all that they extend, directly or through others; faulty references are skipped."""
        reached: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name in reached:
                continue
            reached.add(name)
            try:
                waiting += self.extended_by(self.get(name))
            except ScannerConfigError:
                continue
        return frozenset(reached)


def merged(stack: Iterable[Layer]) -> dict[str, Any]:
    """Merge layers in their order.

    A layer that is reached twice applies once, at its first position, so that it does not undo a layer over it.

    Raises
    ------
    ScannerConfigError
        When `filters_add` or `columns_add` is not a list.
    """
    settings: dict[str, Any] = {}
    applied: set[str] = set()
    for layer in stack:
        if layer.name not in applied:
            settings = _merge(settings, layer)
            applied.add(layer.name)
    return settings


def _merge(below: dict[str, Any], layer: Layer) -> dict[str, Any]:
    settings = dict(below)
    for key, value in layer.settings.items():
        if key == "extends" or key in APPENDING:
            continue
        before = settings.get(key)
        settings[key] = {**before, **value} if isinstance(before, dict) and isinstance(value, dict) else value
    for key, target in APPENDING.items():
        if key in layer.settings:
            settings[target] = _append(list(settings.get(target, [])), layer.settings[key], f"{layer.origin}: {key}")
    return settings


def _append(items: list[Any], more: Any, where: str) -> list[Any]:
    if not isinstance(more, list):
        raise ScannerConfigError(f"{where} must be a list")
    return items + [item for index, item in enumerate(more) if item not in items and item not in more[:index]]
