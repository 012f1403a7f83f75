"""The forex audit on a part of the simulated market: liquidity, health, clusters, and who is left out."""

from __future__ import annotations

import json

import polars as pl
import pytest

from ingest.sources.sample.universe import SAMPLE_AS_OF
from tests.story.conftest import NewHome
from tests.story.home import Finished, Home

AUDIT = "forex-story"
WORDS = ("forex", "--profile", "demo", "--source", "files", "--path", "market.parquet", "--as-of", SAMPLE_AS_OF.isoformat(),
         "--set", "data.full_sessions=200")  # fmt: skip


@pytest.fixture(scope="module")
def home(new_home: NewHome, market: pl.DataFrame) -> Home:
    of_others = market.filter(pl.col("asset_class").is_in(["fx", "etf"]))
    return new_home("forex", of_others)


@pytest.fixture(scope="module")
def audited(home: Home) -> Finished:
    return home.run(*WORDS, "--run-id", AUDIT, "--include-excluded").ended(0)


def test_every_pair_of_the_market_is_in_the_liquidity_report_with_its_reason(
    audited: Finished, home: Home, market: pl.DataFrame
) -> None:
    liquidity = pl.read_csv(home.folder(AUDIT) / "forex" / "liquidity.csv")
    pairs = market.filter((pl.col("asset_class") == "fx") & (pl.col("session_date") <= SAMPLE_AS_OF))
    assert sorted(liquidity["symbol"]) == sorted(pairs["symbol"].unique())
    one = liquidity.filter(pl.col("is_representative"))
    assert one["identity"].n_unique() == one.height == liquidity["identity"].n_unique()
    alone = one.group_by("quote").len().filter(pl.col("len") == 1)["quote"].to_list()
    told = one.filter(pl.col("is_excluded"))
    assert alone
    assert sorted(told["quote"]) == sorted(alone)
    assert told["reason"].to_list() == [f"alone in the block of {quote}" for quote in told["quote"]]
    assert "SIMFX_A" in audited.out


def test_health_and_clusters_of_the_pairs(audited: Finished, home: Home) -> None:
    assert audited.code == 0
    folder = home.folder(AUDIT) / "forex"
    health = pl.read_csv(folder / "health.csv")
    usable = sorted(health.filter(pl.col("status").is_in(["OK", "SHORT"]))["symbol"])
    document = json.loads((folder / "clusters.json").read_text(encoding="utf-8"))
    assert sorted(symbol for cluster in document["clusters"] for symbol in cluster["symbols"]) == usable
    assert sorted(symbol for block in document["blocks"] for symbol in block["symbols"]) == usable
    stored = home.query("select symbol, cluster_id from results.clusters where run_id = ? and stage = 'forex'", AUDIT)
    assert dict(stored.iter_rows()) == {s: one["cluster_id"] for one in document["clusters"] for s in one["symbols"]}
    page = (folder / "clusters.html").read_text(encoding="utf-8")
    assert all(symbol in page for symbol in usable)
    assert "http" not in page.replace("http://www.w3.org", "")
