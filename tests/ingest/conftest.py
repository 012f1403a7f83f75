from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ingest.reference.venues import Venues
from ingest.sources.sample.source import SampleSource
from lakehouse.connection.catalog import Lake, LakeSettings
from lakehouse.paths import Paths

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def venues() -> Venues:
    return Venues.read(ROOT / "dbt_project" / "seeds" / "venues.csv")


@pytest.fixture(scope="session")
def configs() -> Path:
    return ROOT / "configs"


@pytest.fixture(scope="session")
def sample(venues: Venues) -> SampleSource:
    return SampleSource(venues)


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    with Lake.open(Paths.at(tmp_path / "home"), settings=LakeSettings(memory_limit="1GiB", threads=1)) as opened:
        yield opened


@pytest.fixture(scope="module")
def new_lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Lake]]:
    """Opens lakes that several tests of a module read, each a new one; making a lake takes half a second."""
    with ExitStack() as opened:
        yield lambda: opened.enter_context(
            Lake.open(Paths.at(tmp_path_factory.mktemp("home")), settings=LakeSettings(memory_limit="1GiB", threads=1))
        )


@pytest.fixture(scope="session")
def market() -> Path:
    folder = Path(os.environ.get("LAKEFOLIO_REAL_DATA", ROOT.parent / "shared" / "data"))
    file = folder / "market.parquet"
    if not file.is_file():
        pytest.skip(f"no market data at {file}: set LAKEFOLIO_REAL_DATA to the folder that holds it")
    return file
