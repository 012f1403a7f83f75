"""Lint the scanner table, the layer files and the scanners made of them, offline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from ingest.errors import LayerLoopError, ScannerConfigError, nearest
from ingest.reference.venues import Venues
from ingest.screening.layers import APPENDING, LAYER_FOLDERS, Layer, Layers, merged
from ingest.screening.scanner_checks import LintFinding, check_pairs, check_scanner
from ingest.screening.scanner_table import FILE_NAME, read_table
from ingest.screening.scanners import KEYS, Scanner, resolve_scanner
from ingest.screening.strategies import STRATEGIES
from lakehouse.errors import PathRefusedError


def lint(configs: Path, venues: Venues) -> tuple[LintFinding, ...]:
    """Check the table, every layer and every scanner of a `configs` folder.

    Returns
    -------
    tuple of LintFinding
        Sorted by layer and code. A scanner above a faulty layer has no findings of its own.
    """
    table = read_table(configs)
    layers = Layers(configs, table.layers)
    found = [LintFinding(f"{FILE_NAME}: {one.where}", "SCN010", one.message, one.fix) for one in table.problems]
    for name in layers.names():
        found += _layer_findings(layers, name)
    faulty = {one.where for one in found}
    scanners = []
    for name in layers.names("scanners"):
        if layers.reached_from(name) & faulty:
            continue
        loaded = _loaded(layers, name)
        if isinstance(loaded, LintFinding):
            found.append(loaded)
        else:
            scanners.append(loaded)
            found += [*check_scanner(loaded, venues), *_settings_without_effect(layers, loaded)]
    found += check_pairs(scanners)
    # A row that cannot be read hides which layers it extends.
    if not table.problems and not layers.defined_twice:
        found += _unused(layers)
    return tuple(sorted(set(found)))


def failures(findings: Iterable[LintFinding], *, strict: bool) -> tuple[LintFinding, ...]:
    """Return the findings that make the lint fail: errors, and with `strict` warnings too, but never notes."""
    failing = ("error", "warning") if strict else ("error",)
    return tuple(one for one in findings if one.severity in failing)


def _message(error: Exception, layer: Layer) -> str:
    # A message of the loader begins with a file or a row; a finding names the layer instead.
    return " ".join(str(error).removeprefix(f"{layer.origin}: ").split())


def _layer_findings(layers: Layers, name: str) -> Iterator[LintFinding]:
    """Yield the problems of one layer by itself."""
    if name in layers.defined_twice:
        message = f"{FILE_NAME} and a file both define this scanner"
        yield LintFinding(name, "SCN011", message, "rename the file, or take the scanner out of the table")
        return
    try:
        layer = layers.get(name)
    except ScannerConfigError as error:
        message = " ".join(str(error).partition(f"{name}.yaml: ")[2].split())
        yield LintFinding(name, "SCN001", message, "write one mapping with unique keys")
        return
    for key, value in layer.settings.items():
        if key not in KEYS:
            yield LintFinding(name, "SCN002", f"unknown key {key!r}", nearest(str(key), KEYS))
        elif key in ("extends", *APPENDING) and not isinstance(value, list):
            yield LintFinding(name, "SCN004", f"{key} must be a list", f"write {key}: [...]")
    extends = layer.settings.get("extends", [])
    for reference in extends if isinstance(extends, list) else ():
        try:
            layers.extended_by(Layer(name, layer.origin, {"extends": [reference]}))
        except ScannerConfigError as error:
            message, _, fix = _message(error, layer).partition(": ")
            yield LintFinding(name, "SCN003", message, fix)


def _loaded(layers: Layers, name: str) -> Scanner | LintFinding:
    layer = layers.get(name)
    try:
        return resolve_scanner(layers, name.removeprefix("scanners/"))
    except LayerLoopError as error:
        message = f"the layers {' and '.join(error.names)} extend each other in a loop"
        return LintFinding(name, "SCN003", message, "let one of them extend neither")
    except (ScannerConfigError, PathRefusedError) as error:
        return LintFinding(name, "SCN004", _message(error, layer), "give a value that the key can have")


def _settings_without_effect(layers: Layers, scanner: Scanner) -> Iterator[LintFinding]:
    """Yield a scanner's own settings that its layers, or the defaults of its strategy, give already."""
    name = f"scanners/{scanner.name}"
    *below, own = layers.stack(name, KEYS)
    inherited = merged(below)
    thresholds = inherited.get("thresholds", {})
    defaults = {rule.threshold: rule.default for rule in STRATEGIES[scanner.strategy]}
    for key, value in (own.settings.get("thresholds") or {}).items():
        if value == thresholds.get(key, defaults[key]):
            origin = "its layers give" if key in thresholds else "the strategy has"
            message = f"threshold {key} is {value}, which {origin} already"
            yield LintFinding(name, "SCN103", message, "leave it out")
    for key, value in own.settings.items():
        if key != "thresholds" and key in inherited and inherited[key] == value:
            yield LintFinding(name, "SCN103", f"{key} is what its layers give already", "leave it out")


def _unused(layers: Layers) -> Iterator[LintFinding]:
    """Yield the layers that no scanner extends, directly or through another layer."""
    reached = layers.reached_from(*layers.names("scanners"))
    for name in layers.names(*LAYER_FOLDERS):
        if name not in reached:
            yield LintFinding(name, "SCN101", "no scanner extends it", "delete it, or extend it")
