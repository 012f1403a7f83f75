"""The same bars give the same bits; another bar gives others; a later bar gives nothing.

See docs/method/09-tournament.md#9.1, docs/method/11-audit.md#11.4.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from ingest.sources.sample.universe import SAMPLE_AS_OF
from tests.story.conftest import SMALL
from tests.story.home import Home

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("story")]

PRICES = ("open", "high", "low", "close", "adj_close")
# Nothing of them depends on any price.
PRICELESS = {("env-check", "results.runs"), ("enrichment", "marts.instruments")}


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


@pytest.fixture(scope="module")
def noisy(market: pl.DataFrame, new_home: Callable[..., Home]) -> Home:
    """The same run in a lake of its own, with another future."""
    home = new_home("noisy", with_future_noise(market, SAMPLE_AS_OF))
    home.run(*SMALL, "--run-id", "one").ended(0)
    return home


def test_the_noise_is_where_it_should_be(market: pl.DataFrame) -> None:
    changed = with_future_noise(market, SAMPLE_AS_OF)
    is_past = pl.col("session_date") <= SAMPLE_AS_OF
    assert changed.filter(is_past).equals(market.filter(is_past))
    later = market.filter(~is_past)
    assert later.height > 1000
    assert (changed.filter(~is_past).head(later.height)["close"] / later["close"]).log().std() > 0.3


def test_another_future_leaves_every_output_bit_identical(small: Home, noisy: Home) -> None:
    """Decisions, tournament and published weights among them."""
    assert noisy.hashes("one") == small.hashes("one")
    assert noisy.windows("one") == small.windows("one")
    for risk_profile, weights in small.weights("one").items():
        assert weights.equals(noisy.weights("one")[risk_profile]), risk_profile


def test_a_billionth_of_one_close_changes_every_hash_that_rests_on_it(
    small: Home, noisy: Home, market: pl.DataFrame
) -> None:
    winner = small.weights("one")["min_variance"].sort("weight", descending=True)["symbol"][0]
    inside = (pl.col("close") < pl.col("high") - 1e-6) & (pl.col("close") > pl.col("low") + 1e-6)
    bars = market.filter((pl.col("symbol") == winner) & (pl.col("session_date") <= SAMPLE_AS_OF) & inside)
    session = bars["session_date"].sort()[-20]
    here = (pl.col("symbol") == winner) & (pl.col("session_date") == session)
    moved = market.with_columns(
        pl.when(here).then(pl.col(name) + 1e-9).otherwise(name).alias(name) for name in ("close", "adj_close")
    )
    moved.write_parquet(noisy.work / "market.parquet")
    noisy.run(*SMALL, "--run-id", "moved", "--stop-step", "optimize").ended(0)
    before, after = small.hashes("one"), noisy.hashes("moved")
    same = {key for key, sha256 in after.items() if before[key] == sha256}
    assert {name for _, name in same} & {"raw.bars"} == set()
    assert {name for _, name in same} & {"results.selection", "results.risk:full", "results.weights"} == set()
    assert same >= PRICELESS
    # It is a billionth: the same winners, in the same clusters.
    assert noisy.query("select count(*) as n from results.weights where run_id = 'moved'")["n"][0] == sum(
        weights.height for weights in small.weights("one").values()
    )


def test_a_run_is_reproduced_from_what_it_recorded(small: Home) -> None:
    compared = small.run("reproduce", "one", "--json").ended(0).document
    assert {row["name"] for row in compared} == {name for _, name in small.hashes("one")}
    assert all(row["is_equal"] for row in compared)
