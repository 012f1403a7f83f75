"""A lake of its own for each test; the extensions are copied out of their wheels once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lakehouse.catalog import Lake, LakeSettings
from lakehouse.paths import Paths

SETTINGS = LakeSettings(memory_limit="1GB", threads=1)


@pytest.fixture(scope="session")
def extensions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("extensions")


@pytest.fixture
def paths(tmp_path: Path, extensions: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    for name in ("LAKEFOLIO_HOME", "LAKEFOLIO_CATALOG", "LAKEFOLIO_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LAKEFOLIO_EXTENSIONS", str(extensions))
    return Paths.at(tmp_path / "home")


@pytest.fixture
def lake(paths: Paths) -> Iterator[Lake]:
    with Lake.open(paths, settings=SETTINGS) as opened:
        yield opened
