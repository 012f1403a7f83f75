"""`make scan-audit`: what is wrong with the files of the scanners, offline.

See docs/architecture.md#configuration.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ingest.errors import ScannerConfigError, nearest
from ingest.reference.venues import Venues
from ingest.screening.layers import LAYER_FOLDERS, layer_path, layers_of, merged, read_mapping
from ingest.screening.scanner_checks import LintFinding, check_pairs, check_scanner
from ingest.screening.scanners import KEYS, Scanner, load_scanner, scanner_names
from ingest.screening.strategies import STRATEGIES
from lakehouse.errors import PathRefusedError


def lint(configs: Path, venues: Venues) -> tuple[LintFinding, ...]:
    """Judge every layer and every scanner below `configs`, sorted by file and code.

    A scanner above a broken layer is not judged for itself: the finding stands at the layer.
    """
    layers: dict[Path, dict[Any, Any]] = {}
    found: list[LintFinding] = []
    for path in _files(configs):
        try:
            layers[path] = read_mapping(path)
        except ScannerConfigError as error:
            found.append(LintFinding(_name(path), "SCN001", _said(error, path), "write one mapping, each key once"))
    for path, layer in layers.items():
        found += [*_keys(path, layer), *_references(configs, path, layer)]
    scanners = []
    broken = {one.where for one in found}
    for name in scanner_names(configs):
        loaded = _loaded(configs, name, broken)
        if isinstance(loaded, Scanner):
            scanners.append(loaded)
            found += [*check_scanner(loaded, venues), *_idle(configs, loaded)]
        elif loaded is not None:
            found.append(loaded)
    found += [*check_pairs(scanners), *_unused(configs, layers)]
    return tuple(sorted(set(found)))


def failures(findings: Iterable[LintFinding], *, strict: bool) -> tuple[LintFinding, ...]:
    """Return what makes the audit fail: errors, and with `strict` warnings too; notes never."""
    failing = ("error", "warning") if strict else ("error",)
    return tuple(one for one in findings if one.severity in failing)


def _files(configs: Path) -> Iterator[Path]:
    for folder in LAYER_FOLDERS:
        yield from sorted((configs / folder).glob("*.yaml"))


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def _said(error: Exception, path: Path) -> str:
    # A message of the loader begins with the whole path; a finding says the layer in `where`.
    return " ".join(str(error).removeprefix(f"{path}: ").split())


def _keys(path: Path, layer: dict[Any, Any]) -> Iterator[LintFinding]:
    for key in layer:
        if key not in KEYS:
            yield LintFinding(_name(path), "SCN002", f"unknown key {key!r}", nearest(str(key), KEYS))


def _references(configs: Path, path: Path, layer: dict[Any, Any]) -> Iterator[LintFinding]:
    extends = layer.get("extends", [])
    for reference in extends if isinstance(extends, list) else ():
        try:
            file = layer_path(configs, reference, path)
        except ScannerConfigError as error:
            yield LintFinding(_name(path), "SCN003", _said(error, path), "name a layer as base/NAME or presets/NAME")
            continue
        if not file.is_file():
            valid = [_name(one) for one in _files(configs)]
            yield LintFinding(_name(path), "SCN003", f"no layer {reference}", nearest(str(reference), valid))


def _loaded(configs: Path, name: str, broken: set[str]) -> Scanner | LintFinding | None:
    """Load one scanner: it, or what is wrong with it; None where that stands at a layer already."""
    path = configs / "scanners" / f"{name}.yaml"
    try:
        return load_scanner(configs, name)
    except (ScannerConfigError, PathRefusedError) as error:
        if any(f"{where}.yaml: " in str(error) for where in broken) or _name(path) in broken:
            return None
        is_loop = "in a loop" in str(error)
        fix = "let one of them extend neither" if is_loop else "give a value that the key can have"
        return LintFinding(_name(path), "SCN003" if is_loop else "SCN004", _said(error, path), fix)


def _idle(configs: Path, scanner: Scanner) -> Iterator[LintFinding]:
    """Settings of a scanner's own file that its layers, or the strategy's defaults, already give."""
    path = configs / "scanners" / f"{scanner.name}.yaml"
    *below, (_, own) = layers_of(configs, path, KEYS)
    given = merged(below)
    told = given.get("thresholds", {})
    defaults = {rule.threshold: rule.default for rule in STRATEGIES[scanner.strategy]}
    for key, value in (own.get("thresholds") or {}).items():
        if value == told.get(key, defaults[key]):
            origin = "its layers give" if key in told else "the strategy has"
            message = f"threshold {key} is {value}, which {origin} already"
            yield LintFinding(_name(path), "SCN103", message, "leave it out")
    for key, value in own.items():
        if key != "thresholds" and key in given and given[key] == value:
            yield LintFinding(_name(path), "SCN103", f"{key} is what its layers give already", "leave it out")


def _unused(configs: Path, layers: dict[Path, dict[Any, Any]]) -> Iterator[LintFinding]:
    """Layers that no scanner reaches, directly or through another layer."""
    reached: set[Path] = set()
    waiting = [path for path in _files(configs) if path.parent.name == "scanners"]
    while waiting:
        path = waiting.pop()
        if path in reached:
            continue
        reached.add(path)
        extends = layers.get(path, {}).get("extends", [])
        for reference in extends if isinstance(extends, list) else ():
            folder, _, name = str(reference).partition("/")
            waiting.append(configs / folder / f"{name}.yaml")
    for path in _files(configs):
        if path not in reached:
            yield LintFinding(_name(path), "SCN101", "no scanner extends it", "delete it, or extend it")
