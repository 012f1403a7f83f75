"""Mark the slow tests, and share the suite between processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# A deadline for each example would measure how busy the machine is.
settings.register_profile("without deadline", deadline=None)
settings.load_profile("without deadline")

TOGETHER = {
    "tests/story/test_dataflow.py": "small", "tests/story/test_determinism.py": "small",
    "tests/story/test_resume.py": "small", "tests/story/test_tampering.py": "small",
    "tests/dbt_project/": "dbt_project",
}  # fmt: skip
"""Files that read the same whole run or the same built models; a process makes those once."""

FIRST = (
    "small", "tests/story/test_real_data.py", "tests/story/test_demo.py", "tests/story/test_live.py", "dbt_project",
    "tests/story/test_bad_input.py", "tests/test_packaging.py", "tests/analytics/regime/test_real_markets.py",
    "tests/ingest/live/test_fault_matrix.py", "tests/lakehouse/dbt/test_runner.py", "tests/lakehouse/maintenance/test_tasks.py",
)  # fmt: skip
"""The longest parts, longest first: the processes begin with them, and the short ones fill up what is left."""

SLOW = (
    "tests/story/", "tests/test_packaging.py", "tests/dbt_project/", "tests/lakehouse/dbt/", "tests/lakehouse/maintenance/",
    "tests/lakehouse/storage/test_concurrency.py", "tests/benchmarks/", "tests/docs/test_snippets.py", "tests/ingest/live/",
    "tests/test_servers/", "tests/ingest/cli/test_landing.py", "tests/ingest/cli/test_scan.py",
    "tests/ingest/landing/test_backfill.py",
    "tests/analytics/regime/test_detection.py::test_noise", "tests/analytics/regime/test_real_markets.py",
)  # fmt: skip
"""Whole runs, dbt builds, packaging, simulations and many processes: `make test-fast` leaves them out."""


@pytest.fixture(scope="session", autouse=True)
def extensions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One folder of DuckDB extensions for all homes of this process; copying 68 MB for each home would take longer."""
    folder = tmp_path_factory.mktemp("extensions")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAKEFOLIO_EXTENSIONS", str(folder))
        yield folder


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Import no slow file when its tests are left out: importing dbt alone takes seconds."""
    if config.option.markexpr != "not slow":
        return None
    name = collection_path.relative_to(config.rootpath).as_posix()
    return True if name in SLOW or f"{name}/" in SLOW else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of a slow folder, so that a new one there needs no mark of its own, and put the longest first."""
    for item in items:
        if item.nodeid.startswith(SLOW):
            item.add_marker(pytest.mark.slow)
    order = {part: number for number, part in enumerate(FIRST)}
    items.sort(key=lambda item: order.get(part_of(item.nodeid), len(order)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each file to one process, so that what its tests share is made once; the longest parts go first."""
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415 - there only where the suite is shared

    class LongestFirst(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return part_of(nodeid)

    if config.getvalue("dist") != "loadgroup":
        return None
    # By default the parts with most tests would go first; the tests are in order already.
    config.option.loadscopereorder = False
    return LongestFirst(config, log)


def part_of(nodeid: str) -> str:
    """The part of the suite to which a test belongs: a group of `TOGETHER`, else its file."""
    file = nodeid.partition("::")[0]
    return next((part for prefix, part in TOGETHER.items() if file.startswith(prefix)), file)
