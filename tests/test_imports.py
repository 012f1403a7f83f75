"""The rooms import only through their doors.

See docs/architecture.md#packages.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("lakefolio", "ingest", "lakehouse", "analytics", "reports")
DOORS = {
    "lakefolio": set(ROOMS),
    "ingest": {"ingest", "lakehouse"},
    "lakehouse": {"lakehouse"},
    "analytics": {"analytics"},
    "reports": {"reports", "lakehouse"},
}
NETWORK = {"httpx", "websockets", "urllib", "urllib3", "requests", "socket", "http", "aiohttp"}
IMPURE = NETWORK | {"os", "pathlib", "shutil", "subprocess", "time", "duckdb", "tempfile", "random", "io", "logging"}


def imported_names(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_the_rooms_behind_its_doors(room: str) -> None:
    files = sorted((ROOT / room).rglob("*.py"))
    assert files, f"{room} has no modules"
    for path in files:
        beyond = (imported_names(path) & set(ROOMS)) - DOORS[room]
        assert not beyond, f"{path.relative_to(ROOT)} imports {sorted(beyond)}"


@pytest.mark.parametrize("room", [room for room in ROOMS if room != "ingest"])
def test_only_the_gate_speaks_to_the_network(room: str) -> None:
    for path in sorted((ROOT / room).rglob("*.py")):
        beyond = imported_names(path) & NETWORK
        assert not beyond, f"{path.relative_to(ROOT)} imports {sorted(beyond)}"


def test_the_study_has_no_clock_disk_or_environment() -> None:
    for path in sorted((ROOT / "analytics").rglob("*.py")):
        beyond = imported_names(path) & IMPURE
        assert not beyond, f"{path.relative_to(ROOT)} imports {sorted(beyond)}"
