from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from tests.servers.exchange import Exchange
from tests.servers.market import Market, made_market

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def market() -> Market:
    return made_market()


@pytest.fixture(scope="session")
def shared_exchange(market: Market) -> Iterator[Exchange]:
    with Exchange(market.bars, market.instruments, market.columns) as running:
        yield running


@pytest.fixture
def exchange(shared_exchange: Exchange) -> Iterator[Exchange]:
    shared_exchange.requests.clear()
    yield shared_exchange
    shared_exchange.faults.clear()


@pytest.fixture(scope="session")
def field_catalogue() -> pl.DataFrame:
    folder = Path(os.environ.get("LAKEFOLIO_REAL_DATA", ROOT.parent / "shared" / "data"))
    file = folder / "scanner" / "field_catalogue.csv"
    if not file.is_file():
        pytest.skip(f"no field catalogue at {file}: set LAKEFOLIO_REAL_DATA to the folder that holds it")
    return pl.read_csv(file, infer_schema=False)
