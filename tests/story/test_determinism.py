"""The same bars give the same bits, and another bar gives others; that a later bar gives nothing is in test_resume.py.

See docs/method/09-tournament.md#9.1, docs/method/11-audit.md#11.4.
"""

from __future__ import annotations

import polars as pl
import pytest

from ingest.sources.sample.universe import SAMPLE_AS_OF
from tests.story.conftest import SMALL, CopyHome, with_future_noise
from tests.story.home import Home

pytestmark = pytest.mark.slow

# Nothing of them depends on any price.
PRICELESS = {("env-check", "scope.runs"), ("enrichment", "marts.instruments")}


def test_the_noise_is_where_it_should_be(market: pl.DataFrame) -> None:
    changed = with_future_noise(market, SAMPLE_AS_OF)
    is_past = pl.col("session_date") <= SAMPLE_AS_OF
    assert changed.filter(is_past).equals(market.filter(is_past))
    later = market.filter(~is_past)
    assert later.height > 1000
    assert (changed.filter(~is_past).head(later.height)["close"] / later["close"]).log().std() > 0.3


def test_a_billionth_of_one_close_changes_every_hash_that_rests_on_it(
    small: Home, copy_of_small: CopyHome, market: pl.DataFrame
) -> None:
    winner = small.weights("one")["min_variance"].sort("weight", descending=True)["symbol"][0]
    inside = (pl.col("close") < pl.col("high") - 1e-6) & (pl.col("close") > pl.col("low") + 1e-6)
    bars = market.filter((pl.col("symbol") == winner) & (pl.col("session_date") <= SAMPLE_AS_OF) & inside)
    session = bars["session_date"].sort()[-20]
    here = (pl.col("symbol") == winner) & (pl.col("session_date") == session)
    moved = market.with_columns(
        pl.when(here).then(pl.col(name) + 1e-9).otherwise(name).alias(name) for name in ("close", "adj_close")
    )
    home = copy_of_small("moved")
    moved.write_parquet(home.work / "market.parquet")
    home.run(*SMALL, "--run-id", "moved", "--stop-step", "optimize").ended(0)
    before, after = small.hashes("one"), home.hashes("moved")
    same = {key for key, sha256 in after.items() if before[key] == sha256}
    assert {name for _, name in same} & {"raw.bars"} == set()
    assert {name for _, name in same} & {"results.selection", "results.risk:full", "results.weights"} == set()
    assert same >= PRICELESS
    # It is a billionth: the same winners, in the same clusters.
    assert home.query("select count(*) as n from results.weights where run_id = 'moved'")["n"][0] == sum(
        weights.height for weights in small.weights("one").values()
    )


def test_a_run_is_reproduced_from_what_it_recorded(small: Home) -> None:
    compared = small.run("reproduce", "one", "--json").ended(0).document
    assert {row["name"] for row in compared} == {name for _, name in small.hashes("one")}
    assert all(row["is_equal"] for row in compared)
