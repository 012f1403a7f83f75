"""Layers of YAML that a scanner is made of.

See docs/architecture.md#configuration.

A file may extend a list of layers. Mappings merge, lists replace, and `filters_add` and `columns_add` append to what
the layers before gave, without duplicates. A key that nobody reads is an error with the nearest valid name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from pathlib import Path
from typing import Any

import yaml

from ingest.errors import ScannerConfigError, nearest

LAYER_FOLDERS = ("base", "presets", "scanners")
APPENDING = {"filters_add": "filters", "columns_add": "columns"}


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


def read_mapping(path: Path) -> dict[Any, Any]:
    """Read one layer as it stands, whatever its keys.

    Raises
    ------
    ScannerConfigError
        When there is no such file, or it is no YAML mapping in which a key stands once.
    """
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
    return data


def _append(held: list[Any], more: Any, where: str) -> list[Any]:
    if not isinstance(more, list):
        raise ScannerConfigError(f"{where} must be a list")
    return held + [item for place, item in enumerate(more) if item not in held and item not in more[:place]]


def _merge(below: dict[str, Any], above: dict[str, Any], where: Path) -> dict[str, Any]:
    found = dict(below)
    for key, value in above.items():
        if key == "extends" or key in APPENDING:
            continue
        held = found.get(key)
        found[key] = {**held, **value} if isinstance(held, dict) and isinstance(value, dict) else value
    for key, target in APPENDING.items():
        if key in above:
            found[target] = _append(list(found.get(target, [])), above[key], f"{where}: {key}")
    return found


def layer_path(configs: Path, reference: Any, where: Path) -> Path:
    """Return the file that an entry of `extends` names; one outside the folders of layers is refused."""
    parts = str(reference).split("/")
    if len(parts) != 2 or parts[0] not in LAYER_FOLDERS or not parts[1].replace("_", "").isalnum():
        raise ScannerConfigError(
            f"{where}: extends {reference!r} is refused: name a layer as FOLDER/NAME, "
            f"FOLDER one of {', '.join(LAYER_FOLDERS)}"
        )
    return configs / parts[0] / f"{parts[1]}.yaml"


def layers_of(
    configs: Path, path: Path, keys: Set[str], above: tuple[Path, ...] = ()
) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the layers of a file in the order in which they apply: what it extends first, itself last.

    Raises
    ------
    ScannerConfigError
        For a key that is none of `keys`, a layer that does not exist, a loop, or a file that is no mapping.
    """
    if path in above:
        raise ScannerConfigError(f"{path}: the layers extend each other in a loop")
    layer = read_mapping(path)
    for key in layer:
        if key not in keys:
            raise ScannerConfigError(f"{path}: unknown key {key!r}: {nearest(str(key), keys)}")
    extends = layer.get("extends", [])
    if not isinstance(extends, list):
        raise ScannerConfigError(f"{path}: extends must be a list of layers")
    for reference in extends:
        yield from layers_of(configs, layer_path(configs, reference, path), keys, (*above, path))
    yield path, layer


def merged(layers: Iterable[tuple[Path, dict[str, Any]]]) -> dict[str, Any]:
    """Merge layers in their order.

    A layer that is reached twice applies once, at its first place: it must not undo what stands over it.
    """
    found: dict[str, Any] = {}
    applied: set[Path] = set()
    for file, layer in layers:
        if file not in applied:
            found = _merge(found, layer, file)
            applied.add(file)
    return found


def resolve(configs: Path, path: Path, keys: Set[str]) -> dict[str, Any]:
    """Return one file merged with all that it extends, in the order of its list; errors are those of `layers_of`."""
    return merged(layers_of(configs, path, keys))
