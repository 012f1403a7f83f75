"""Audit the currency pairs of a source: liquidity, health and clusters.

Every pair is one identity, whatever the venues that quote it (docs/method/05-discovery-selection.md#5.4); the pairs
of one quote currency are a block. A pair that is alone in its block cannot be compared with another and is left out,
unless it is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from analytics.clustering.factor_map import factor_map
from analytics.policy import SelectedInstruments, decide_clusters
from ingest.landing.backfill import calendars_of, gap_requests
from ingest.landing.bars import land_bars
from ingest.landing.reference import land_instruments
from ingest.reference.venues import Venues
from lakefolio.errors import LakefolioError
from lakefolio.runs.grid_returns import read_panel
from lakefolio.runs.run import Run
from lakefolio.steps.decision.instruments import read_instruments
from lakefolio.steps.decision.stored_clusters import describe_clusters
from lakefolio.steps.market.landing import days_before, land_calendars, landing_of, log_failures, repair
from lakefolio.steps.market.price_history import build_prices
from lakefolio.steps.setup import record_run
from reports.forex import render_forex

STAGE = "forex"
_USABLE = ("OK", "SHORT")
_LIQUIDITY = """
with listed as (
    select symbol, identity, base, quote, venue, venue_priority, value_traded_usd, first_session, last_session
    from marts.instruments where run_id = ? and asset_class = 'fx' and symbol in (select unnest(?))
), ranked as (
    select *, count(*) over (partition by identity) as n_venues,
        row_number() over (
            partition by identity order by value_traded_usd desc nulls last, venue_priority, symbol
        ) = 1 as is_representative
    from listed
)
select *, count(*) filter (is_representative) over (partition by quote) as n_in_block from ranked
order by quote, value_traded_usd desc nulls last, symbol
"""


@dataclass(frozen=True, slots=True)
class ForexOptions:
    """Options of the audit.

    Attributes
    ----------
    is_fast : bool
        Liquidity alone, on the light window.
    backfill, gap_fill : bool
        Whether the source is asked for history that is not held, and for the sessions that are missing in it.
    with_excluded : bool
        Whether pairs that are left out take part in health and clusters all the same.
    """

    is_fast: bool = False
    backfill: bool = True
    gap_fill: bool = True
    with_excluded: bool = False


def audit_forex(run: Run, options: ForexOptions) -> pl.DataFrame:
    """Audit the pairs of the run's source and write `forex/` in the run's folder; returns the liquidity report.

    The files are `liquidity.csv`, and unless fast `health.csv`, `clusters.json`, `clusters.html`; clusters are also stored
    in `results.clusters` under the stage `forex`.

    Raises
    ------
    LakefolioError
        The source has no pair, or none is left to be clustered.
    """
    run.folder.mkdir(parents=True, exist_ok=True)
    record_run(run)
    symbols = _land(run, options)
    window = 0 if options.is_fast else run.settings.data.full_sessions
    deeper = () if options.is_fast else ("tag:candidates", "tag:prices")
    build_prices(run, window, ("tag:columns", *deeper))
    liquidity = _with_reasons(run.query(_LIQUIDITY, run.run_id, symbols), run.settings.discovery.exclude_symbols)
    run.publish("forex/liquidity.csv", liquidity.write_csv())
    if options.is_fast:
        return liquidity
    audited = liquidity if options.with_excluded else liquidity.filter(~pl.col("is_excluded"))
    health = run.query(
        "select * from marts.data_health where run_id = ? and symbol in (select unnest(?)) order by symbol",
        run.run_id,
        audited["symbol"].to_list(),
    )
    run.publish("forex/health.csv", health.write_csv())
    usable = health.filter(pl.col("status").is_in(_USABLE))["symbol"].to_list()
    _publish_clusters(run, audited.filter(pl.col("symbol").is_in(usable)))
    return liquidity


def _land(run: Run, options: ForexOptions) -> list[str]:
    """Land the source's pairs as deep as the audit looks; returns their symbols."""
    pairs = run.source.instruments(as_of=run.as_of).filter(pl.col("asset_class") == "fx")
    if pairs.is_empty():
        raise LakefolioError(f"source {run.source_name!r} has no currency pair")
    symbols = pairs["symbol"].sort().to_list()
    depth = run.settings.data.light_sessions if options.is_fast else run.settings.data.full_sessions
    landing = landing_of(run, STAGE, symbols, days_before(run.as_of, depth))
    land_calendars(run, pairs, landing)
    land_instruments(run.lake, run.source, landing)
    if options.backfill:
        log_failures(run, land_bars(run.lake, run.source, Venues.of(run.paths), landing, is_selective=True))
    if options.gap_fill and not options.is_fast:
        requests = gap_requests(run.lake, run.source_name, calendars_of(symbols, Venues.of(run.paths)), landing)
        if requests:
            repair(run, requests)
    return symbols


def _with_reasons(liquidity: pl.DataFrame, excluded: dict[str, str]) -> pl.DataFrame:
    """Mark each listing that is left out, with the reason."""
    named = pl.col("symbol").replace_strict(excluded, default=None, return_dtype=pl.String)
    reason = (
        pl.when(named.is_not_null())
        .then(named)
        .when(~pl.col("is_representative"))
        .then(pl.lit("another listing of the pair is more liquid"))
        .when(pl.col("n_in_block") == 1)
        .then(pl.concat_str(pl.lit("alone in the block of "), pl.col("quote")))
        .otherwise(pl.lit(""))
    )
    return liquidity.with_columns(reason.alias("reason")).with_columns((pl.col("reason") != "").alias("is_excluded"))


def _publish_clusters(run: Run, pairs: pl.DataFrame) -> None:
    """Cluster the pairs as the winners of a run are clustered, and publish them as table, JSON and page."""
    ordered = pairs.sort("symbol")
    if ordered.height < 2:
        raise LakefolioError(
            f"{ordered.height} pairs are left to be clustered: see forex/health.csv and forex/liquidity.csv, "
            "or give --include-excluded"
        )
    chosen = SelectedInstruments(
        tuple(ordered["symbol"]), tuple(ordered["identity"]), ("fx",) * ordered.height, np.ones(ordered.height, dtype=np.int64)
    )  # fmt: skip
    panel = read_panel(run.lake, chosen.symbols, run.as_of).last(run.settings.data.full_sessions)
    clustering = decide_clusters(panel.returns, chosen, "NORMAL", run.settings)
    rows = describe_clusters(clustering, read_instruments(run.lake, run.run_id), STAGE, "NORMAL")
    run.store(STAGE, run.replace("results.clusters", rows, stage=STAGE))
    described = rows.join(ordered, on="symbol", how="left").join(
        factor_map(clustering).points.select("symbol", "x", "y"), on="symbol", how="left"
    )
    facts = {
        "run_id": run.run_id,
        "as_of": run.as_of_text,
        "source": run.source_name,
        "is_simulated": run.source.is_simulated,
    }
    document = {
        **facts,
        "clusters": _grouped(described, "cluster_id", ("label", "mean_correlation")),
        "blocks": _grouped(described, "quote", ("n_in_block",)),
    }
    run.publish("forex/clusters.json", json.dumps(document, indent=2, sort_keys=True, default=str) + "\n")
    run.publish("forex/clusters.html", render_forex(described, facts))


def _grouped(frame: pl.DataFrame, key: str, facts: Sequence[str]) -> list[dict[str, object]]:
    groups = frame.sort(key, "symbol").group_by(key, maintain_order=True)
    return [
        {key: value, **{name: rows[name][0] for name in facts}, "symbols": rows["symbol"].to_list()}
        for (value,), rows in groups
    ]
