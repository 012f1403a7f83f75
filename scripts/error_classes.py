"""Read the error classes of the packages from their source, with the exit code that each ends with."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("analytics", "ingest", "lakefolio", "lakehouse", "reports")
FAILED = 1
#: Tuple of the command line that names the errors of other packages that end as usage.
USAGE_ERRORS = "UNUSABLE_INPUT"
USAGE = 2


@dataclass(frozen=True, slots=True)
class ErrorClass:
    """One error class; `meaning` is the first paragraph of its docstring."""

    package: str
    name: str
    parent: str
    meaning: str
    exit_code: int


def error_classes(root: Path) -> list[ErrorClass]:
    """Every class that descends from Exception, parents before children within a package."""
    modules = {path: ast.parse(path.read_text(encoding="utf-8")) for package in PACKAGES
               for path in sorted((root / package).rglob("*.py"))}  # fmt: skip
    classes = {
        node.name: (path.relative_to(root).parts[0], node)
        for path, tree in modules.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    codes = dict(pair for tree in modules.values() for pair in _constants(tree))
    usage = {name for tree in modules.values() for name in _usage_errors(tree)}
    found = [
        ErrorClass(package, name, _parent(node), _meaning(node), _exit_code(name, classes, codes, usage))
        for name, (package, node) in classes.items()
        if _is_error(name, classes)
    ]
    return sorted(found, key=lambda one: (one.package, _lineage(one.name, classes)))


def _parent(node: ast.ClassDef) -> str:
    return next((base.id for base in node.bases if isinstance(base, ast.Name)), "object")


def _lineage(name: str, classes: Mapping[str, tuple[str, ast.ClassDef]]) -> tuple[str, ...]:
    """Names from the root of the tree down to the class."""
    above = _lineage(_parent(classes[name][1]), classes) if name in classes else ()
    return (*above, name)


def _is_error(name: str, classes: Mapping[str, tuple[str, ast.ClassDef]]) -> bool:
    root = _lineage(name, classes)[0]
    return root in ("Exception", "ValueError", "RuntimeError", "BaseException")


def _meaning(node: ast.ClassDef) -> str:
    return " ".join((ast.get_docstring(node) or "").partition("\n\n")[0].split())


def _exit_code(
    name: str, classes: Mapping[str, tuple[str, ast.ClassDef]], codes: Mapping[str, int], usage: set[str]
) -> int:
    """The code of the nearest class above that states one; usage errors of other packages end with 2, the rest with 1."""
    for ancestor in reversed(_lineage(name, classes)):
        if ancestor in usage:
            return USAGE
        if ancestor not in classes:
            continue
        for statement in classes[ancestor][1].body:
            if isinstance(statement, ast.Assign) and _targets(statement) == ["exit_code"]:
                value = statement.value
                return codes[value.id] if isinstance(value, ast.Name) else int(ast.literal_eval(value))
    return FAILED


def _constants(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Module constants EXIT_* and their values."""
    for statement in tree.body:
        if not isinstance(statement, ast.Assign):
            continue
        target, value = statement.targets[0], statement.value
        names = (
            [one.id for one in target.elts if isinstance(one, ast.Name)]
            if isinstance(target, ast.Tuple)
            else _targets(statement)
        )
        values = value.elts if isinstance(value, ast.Tuple) else [value]
        for name, one in zip(names, values, strict=False):
            if name.startswith("EXIT_") and isinstance(one, ast.Constant) and isinstance(one.value, int):
                yield name, one.value


def _usage_errors(tree: ast.Module) -> Iterator[str]:
    for statement in tree.body:
        if (
            isinstance(statement, ast.Assign)
            and _targets(statement) == [USAGE_ERRORS]
            and isinstance(statement.value, ast.Tuple)
        ):
            yield from (one.id for one in statement.value.elts if isinstance(one, ast.Name))


def _targets(statement: ast.Assign) -> list[str]:
    return [target.id for target in statement.targets if isinstance(target, ast.Name)]
