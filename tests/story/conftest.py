"""The runs that the stories tell of: each is made once, by the command line, and read by many tests."""

from __future__ import annotations

import datetime as dt
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ingest.reference.venues import Venues
from ingest.sources.protocol import BarRequest
from ingest.sources.sample.source import SampleSource
from ingest.sources.sample.universe import BENCHMARK, SAMPLE_AS_OF, planted_clusters
from tests.story.home import ROOT, Home

DEMO = "demo-story"
MEMBERS_PER_CLUSTER = 4
FIRST_BAR = dt.date(2024, 4, 1)
LAST_BAR = dt.date(2026, 1, 30)
SMALL = (
    "run", "--profile", "demo", "--source", "files", "--path", "market.parquet", "--as-of", SAMPLE_AS_OF.isoformat(),
    "--set", "data.full_sessions=200", "--set", "tournament.train_sessions=100",
    "--set", "tournament.bootstrap_samples=20",
    "--set", 'allocation.risk_profiles=["min_variance","barbell","equal_weight"]',
)  # fmt: skip
"""A small run: a part of the simulated market as a file of bars, shorter windows, three risk profiles."""

PRICES = ("open", "high", "low", "close", "adj_close")

NewHome = Callable[..., Home]
CopyHome = Callable[[str], Home]


@pytest.fixture(scope="session")
def new_home(tmp_path_factory: pytest.TempPathFactory, extensions: Path) -> Iterator[NewHome]:
    """Makes homes; all share the extensions, which are copied out of their wheels once."""
    made: list[Home] = []

    def make(name: str, market: pl.DataFrame | None = None) -> Home:
        base = tmp_path_factory.mktemp(name)
        (base / "work").mkdir()
        if market is not None:
            market.write_parquet(base / "work" / "market.parquet")
        made.append(Home(base / "home", base / "work", extensions))
        return made[-1]

    yield make
    for home in made:
        home.end_all()


@pytest.fixture(scope="session")
def demo(new_home: NewHome) -> Home:
    """The demo, to its end."""
    home = new_home("demo")
    home.run("run", "--profile", "demo", "--run-id", DEMO, "--json").ended(0)
    return home


@pytest.fixture(scope="session")
def market() -> pl.DataFrame:
    """Some members of every planted cluster, with bars beyond the session that runs stand on."""
    source = SampleSource(Venues.read(ROOT / "dbt_project" / "seeds" / "venues.csv"))
    taken: Counter[str] = Counter()
    symbols = [BENCHMARK]
    for symbol, cluster in planted_clusters().items():
        taken[cluster] += 1
        if taken[cluster] <= MEMBERS_PER_CLUSTER:
            symbols.append(symbol)
    moment = dt.datetime.combine(LAST_BAR + dt.timedelta(days=2), dt.time())
    (batch,) = source.bars(BarRequest(tuple(sorted(symbols)), FIRST_BAR, LAST_BAR, moment, moment))
    told = source.instruments(as_of=SAMPLE_AS_OF).drop("venue", "ticker", "isin", "is_close_only", "first_session")
    return batch.bars.drop("row_number").join(told, on="symbol", maintain_order="left")


def with_future_noise(market: pl.DataFrame, after: dt.date) -> pl.DataFrame:
    """Every bar after `after` replaced by one of an unrelated path that is a valid bar, and some listed late."""
    rng = np.random.default_rng(7)
    noise = pl.Series(np.exp(rng.normal(0.0, 0.5, market.height)))
    is_later = pl.col("session_date") > after
    changed = market.with_columns(
        pl.when(is_later).then(pl.col(name) * noise).otherwise(name).alias(name) for name in (*PRICES, "volume")
    )
    stranger = changed.filter(is_later & (pl.col("symbol") == "SIMX:TEC01")).with_columns(
        pl.lit("SIMX:NEW01").alias("symbol")
    )
    return pl.concat([changed, stranger])


@pytest.fixture(scope="session")
def small(new_home: NewHome, market: pl.DataFrame) -> Home:
    """The small run `one`, to its end, undisturbed; its output is what each step used, see watched_run.py."""
    home = new_home("small", market)
    home.run(*SMALL, "--run-id", "one", module="tests.story.watched_run").ended(0)
    return home


@pytest.fixture(scope="session")
def copy_of_small(small: Home, new_home: NewHome) -> CopyHome:
    """Makes copies of the small home as it is then, `one` in it."""

    def make(name: str) -> Home:
        home = new_home(name)
        shutil.copytree(small.root, home.root, symlinks=True)
        shutil.copytree(small.work, home.work, dirs_exist_ok=True)
        return home

    return make


@pytest.fixture(scope="session")
def copied(copy_of_small: CopyHome) -> Home:
    """A copy of the small home, to be damaged; each test restores what it damaged."""
    return copy_of_small("copied")
