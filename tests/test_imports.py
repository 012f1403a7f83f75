"""Imports run one way between packages and sub-packages, and only `ingest` uses the network."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {
    "lakefolio": {"lakefolio", "ingest", "lakehouse", "analytics", "reports"},
    "ingest": {"ingest", "lakehouse"},
    "lakehouse": {"lakehouse"},
    "analytics": {"analytics"},
    "reports": {"reports", "lakehouse"},
}
"""Packages and what each may import."""

LAYERS = {
    "analytics": (
        "errors", "_typing", "arrays", "panel", "settings", "indicators", "estimation", "clustering", "selection",
        "regime", "allocation", "holdings", "policy", "evaluation", "tournament",
    ),
    "ingest": ("errors", "reference", "transport", "screening", "sources", "landing", "cli", "__main__"),
    "lakehouse": ("errors", "interrupts", "paths", "schema", "connection", "storage", "dbt", "maintenance"),
    "reports": ("errors", "text", "tables", "drawing", "reader", "render", "terminal", "forex"),
    "lakefolio": ("errors", "config", "audit", "runs", "state", "steps", "pipeline", "cli", "__main__"),
}  # fmt: skip
"""Modules and sub-packages of each package, lowest first: each imports only from itself and from what stands before it."""

NETWORK = {"httpx", "websockets", "urllib", "urllib3", "requests", "socket", "http", "aiohttp"}
IMPURE = NETWORK | {"os", "pathlib", "shutil", "subprocess", "time", "duckdb", "tempfile", "random", "io", "logging"}


def imported_modules(path: Path) -> set[str]:
    """Dotted names of the modules that a file imports, those inside functions included."""
    modules: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            modules |= {f"{node.module}.{alias.name}" for alias in node.names}
    return modules


def imported_packages(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported_modules(path)}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_what_it_may(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files, f"{package} has no modules"
    for path in files:
        beyond = (imported_packages(path) & set(PACKAGES)) - PACKAGES[package]
        assert not beyond, f"{path.relative_to(ROOT)} imports {sorted(beyond)}"


@pytest.mark.parametrize("package", PACKAGES)
def test_sub_packages_import_one_way(package: str) -> None:
    layers = LAYERS[package]
    for path in sorted((ROOT / package).rglob("*.py")):
        layer = path.relative_to(ROOT / package).parts[0].removesuffix(".py")
        if layer == "__init__":
            continue
        assert layer in layers, f"{package}/{layer} has no place in LAYERS: say what it may import"
        for name in imported_modules(path):
            parts = name.split(".")
            if parts[0] == package and len(parts) > 1 and parts[1] in layers:
                is_below = layers.index(parts[1]) <= layers.index(layer)
                assert is_below, f"{path.relative_to(ROOT)} imports {name}, which stands above {layer}"


def test_a_folder_can_be_seen_at_once() -> None:
    for package in PACKAGES:
        for folder in [ROOT / package, *(path for path in (ROOT / package).rglob("*") if path.is_dir())]:
            modules = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
            assert len(modules) <= 16, f"{folder.relative_to(ROOT)} holds {len(modules)} modules side by side"


def test_a_class_name_stands_once() -> None:
    where: dict[str, str] = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef):
                    assert node.name not in where, (
                        f"class {node.name} in {path.relative_to(ROOT)} and {where[node.name]}"
                    )
                    where[node.name] = str(path.relative_to(ROOT))


@pytest.mark.parametrize("package", [package for package in PACKAGES if package != "ingest"])
def test_only_ingest_uses_the_network(package: str) -> None:
    for path in sorted((ROOT / package).rglob("*.py")):
        beyond = imported_packages(path) & NETWORK
        assert not beyond, f"{path.relative_to(ROOT)} imports {sorted(beyond)}"


def test_analytics_has_no_clock_disk_or_environment() -> None:
    for path in sorted((ROOT / "analytics").rglob("*.py")):
        beyond = imported_packages(path) & IMPURE
        assert not beyond, f"{path.relative_to(ROOT)} imports {sorted(beyond)}"
