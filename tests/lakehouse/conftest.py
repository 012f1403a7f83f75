"""Give each test its own lake, copied from one that is created once."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from lakehouse.connection.catalog import Lake, LakeSettings
from lakehouse.paths import Paths

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = LakeSettings(memory_limit="1GB", threads=1)
NOW = datetime(2024, 6, 1, 12, 0, 0)  # noqa: DTZ001 - the lake's timestamps are naive UTC

Bars = Callable[..., pl.DataFrame]


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    for name in ("LAKEFOLIO_HOME", "LAKEFOLIO_CATALOG", "LAKEFOLIO_DATA"):
        monkeypatch.delenv(name, raising=False)
    return Paths.at(tmp_path / "home")


@pytest.fixture
def settings() -> LakeSettings:
    return SETTINGS


@pytest.fixture(scope="session")
def copy_home() -> Callable[[Paths, Paths], None]:
    """Copy the lake of one home to another home."""

    def copy(source: Paths, target: Paths) -> None:
        shutil.copytree(source.root / "data" / "lakehouse", target.root / "data" / "lakehouse")
        assert target.catalog_file is not None
        assert target.data_dir is not None
        target.data_dir.mkdir(exist_ok=True)

    return copy


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Paths:
    """A lake with all contract tables and no rows; tests copy it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("LAKEFOLIO_HOME", "LAKEFOLIO_CATALOG", "LAKEFOLIO_DATA"):
            patch.delenv(name, raising=False)
        paths = Paths.at(tmp_path_factory.mktemp("empty"))
    Lake.open(paths, settings=SETTINGS).close()
    return paths


@pytest.fixture
def lake(paths: Paths, empty_home: Paths, copy_home: Callable[[Paths, Paths], None]) -> Iterator[Lake]:
    copy_home(empty_home, paths)
    with Lake.open(paths, settings=SETTINGS) as opened:
        yield opened


@pytest.fixture(scope="session")
def bars() -> Bars:
    """Make frames of `raw.bars`: `n` sessions of one symbol from 2024-01-01."""

    def make(
        n: int = 20, symbol: str = "TEST:AAA", *, close: float = 1.0, seen: datetime = NOW, first: int = 0
    ) -> pl.DataFrame:
        days = [date(2024, 1, 1) + timedelta(days=first + i) for i in range(n)]
        return pl.DataFrame(
            {
                "symbol": [symbol] * n,
                "interval": ["1d"] * n,
                "session_date": days,
                "source": ["files"] * n,
                **{name: [close] * n for name in ("open", "high", "low", "close")},
                "volume": [None] * n,
                "adj_close": [None] * n,
                "is_close_only": [False] * n,
                "is_final": [True] * n,
                "fetch_id": [None] * n,
                "fetched_at": [seen] * n,
                "first_seen_at": [seen] * n,
            },
            schema_overrides={
                "volume": pl.Float64,
                "adj_close": pl.Float64,
                "fetch_id": pl.String,
                "session_date": pl.Date,
            },
        )

    return make


@pytest.fixture(scope="session")
def clusters() -> Callable[..., pl.DataFrame]:
    """Make frames of `results.cluster_links`: `n` links of one run and stage."""

    def make(n: int, run_id: str = "run-a", stage: str = "full", height: float = 0.5) -> pl.DataFrame:
        return pl.DataFrame(
            {
                "run_id": [run_id] * n,
                "stage": [stage] * n,
                "link": list(range(n)),
                "left_node": [0] * n,
                "right_node": [1] * n,
                "height": [height] * n,
                "size": [2] * n,
            }
        )

    return make


@pytest.fixture
def start(paths: Paths, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start `processes/<name>.py` on the home of the test; processes that still run afterwards are killed."""
    running: list[subprocess.Popen[str]] = []

    def begin(name: str, *args: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "tests" / "lakehouse" / "processes" / f"{name}.py"), str(paths.root), *args],
            cwd=tmp_path,
            env={
                "PYTHONPATH": str(ROOT),
                "LAKEFOLIO_EXTENSIONS": str(paths.extensions),
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()
