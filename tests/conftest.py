"""Which tests are slow, and which stay together when several processes share the suite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

TOGETHER = {"tests/story/test_real_data.py": "story_real", "tests/story/": "story"}
"""Tests that read the same whole runs: each run is made once, in the process that has the group."""

SLOW = (
    "tests/story/", "tests/test_packaging.py", "tests/dbt_project/", "tests/lakehouse/dbt/", "tests/lakehouse/maintenance/",
    "tests/lakehouse/storage/test_concurrency.py", "tests/benchmarks/", "tests/docs/test_snippets.py", "tests/ingest/live/",
    "tests/test_servers/", "tests/ingest/cli/test_landing.py", "tests/ingest/cli/test_scan.py",
    "tests/ingest/landing/test_backfill.py",
    "tests/analytics/regime/test_detection.py::test_noise",
    "tests/analytics/regime/test_detection.py::test_a_fourfold",
)  # fmt: skip
"""Whole runs, dbt builds, packaging, simulations and many processes: `make test-fast` leaves them out."""


@pytest.fixture(scope="session", autouse=True)
def extensions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One folder of DuckDB extensions for all homes of this process; copying 68 MB for each home would take longer."""
    folder = tmp_path_factory.mktemp("extensions")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAKEFOLIO_EXTENSIONS", str(folder))
        yield folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of a slow folder, so that a new one there needs no mark of its own."""
    for item in items:
        if item.nodeid.startswith(SLOW):
            item.add_marker(pytest.mark.slow)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep groups together by their folder: the marks of pytest-xdist 3.8 have no effect under pytest 9.2."""
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415 - there only where the suite is shared

    class ByFolder(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return next((group for folder, group in TOGETHER.items() if nodeid.startswith(folder)), nodeid)

    return ByFolder(config, log) if config.getvalue("dist") == "loadgroup" else None
