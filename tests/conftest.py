"""Which tests stay together when several processes share the suite."""

from __future__ import annotations

from typing import Any

import pytest

# Tests that read the same whole runs; each of these is made once, in the process that has the group.
TOGETHER = {"tests/story/test_real_data.py": "story_real", "tests/story/": "story"}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep groups together by their place: the marks of pytest-xdist 3.8 have no effect under pytest 9.2."""
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415 - there only where the suite is shared

    class ByPlace(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return next((group for place, group in TOGETHER.items() if nodeid.startswith(place)), nodeid)

    return ByPlace(config, log) if config.getvalue("dist") == "loadgroup" else None
