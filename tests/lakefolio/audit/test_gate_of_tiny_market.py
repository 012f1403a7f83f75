"""Allocate a tiny market with the code as it stands and apply the audit gate to it: what `make gate` runs.

No dbt and no whole run: the marts are written by hand, the steps `optimize` and `audit` are the product's own.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl
import pytest

from analytics.allocation import Allocation
from analytics.policy import SelectedInstruments, decide_clusters, decide_weights
from ingest.sources.protocol import Source
from lakefolio.config.manifest import resolve
from lakefolio.errors import AuditGateError
from lakefolio.runs.progress import Reporter
from lakefolio.runs.run import Run
from lakefolio.steps import publish
from lakefolio.steps.decision import optimize as optimize_step
from lakefolio.steps.decision.stored_clusters import describe_clusters
from lakehouse.connection.catalog import Lake
from lakehouse.paths import Paths

ROOT = Path(__file__).resolve().parents[3]
RUN_ID = "20240101-gate-0a0b0c0d"
CAP = 0.25
"""The cap of the shipped manifest, said again here: the gate must not depend on the code that it checks."""
GROUPS, MEMBERS, T = 6, 3, 260
SYMBOLS = tuple(f"X:S{number:02d}" for number in range(GROUPS * MEMBERS))
DATES = tuple(date(2023, 1, 2) + timedelta(days=day) for day in range(T))
DIRECTIONS = np.array([-1 if number % 5 == 4 else 1 for number in range(len(SYMBOLS))])


def returns() -> np.ndarray:
    """Six groups of three; the first is so calm that every minimiser of risk would put nearly all into it."""
    rng = np.random.default_rng(20)
    factors = np.repeat(rng.normal(size=(T, GROUPS)), MEMBERS, axis=1)
    scale = np.repeat([0.001, 0.01, 0.011, 0.012, 0.013, 0.014], MEMBERS)
    return scale * (factors + 0.4 * rng.normal(size=(T, len(SYMBOLS)))) + 0.0003 * DIRECTIONS


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A run whose earlier steps have written what `optimize` and `audit` read."""
    settings = resolve(ROOT / "configs" / "manifest.json", "demo")
    made = Run(
        run_id=RUN_ID, profile="demo", settings=settings, paths=Paths.at(tmp_path_factory.mktemp("home")), as_of=DATES[-1],
        as_of_at=datetime.combine(DATES[-1], datetime.min.time()), source=cast("Source", TinySource()),
        reporter=Reporter(), ledger=None, logger=logging.getLogger("test"),
    )  # fmt: skip
    write_marts(made.lake)
    write_results(made)
    yield made
    made.close()


class TinySource:
    name = "tiny"


def instruments() -> pl.DataFrame:
    n = len(SYMBOLS)
    return pl.DataFrame({
        "symbol": SYMBOLS, "identity": [f"id{number:02d}" for number in range(n)], "name": SYMBOLS, "venue": ["X"] * n,
        "calendar": ["24/7"] * n, "asset_class": ["equity"] * n, "sector": ["Technology"] * n, "currency": ["USD"] * n,
        "lot_size": [1.0] * n, "value_traded_usd": [1e7] * n, "is_benchmark": [False] * n,
    })  # fmt: skip


def write_marts(lake: Lake) -> None:
    panel = returns()
    wide = pl.DataFrame({"session_date": DATES, **dict(zip(SYMBOLS, panel.T, strict=True))})
    long = wide.unpivot(index="session_date", variable_name="symbol", value_name="return")
    bars = long.with_columns(pl.lit(100.0).alias("close")).drop("return")
    tables = {
        "intermediate.int_session_grid": pl.DataFrame({"session_date": DATES, "sessions_per_year": [252] * T}),
        "intermediate.int_run": pl.DataFrame({"run_id": [RUN_ID], "source": [TinySource.name]}),
        "intermediate.int_returns_on_grid": long,
        "intermediate.int_bars_of_run": bars,
        "marts.instruments": instruments().with_columns(pl.lit(RUN_ID).alias("run_id")),
        "seeds.quote_currencies": pl.DataFrame({"currency": ["USD"], "is_usd_pegged": [True]}),
        "intermediate.int_usd_rates": pl.DataFrame(
            {"source": [TinySource.name], "currency": ["USD"], "session_date": [DATES[-1]], "usd_rate": [1.0]}
        ),
    }
    for name, frame in tables.items():
        lake.connection.register("incoming", frame)
        lake.connection.execute(f"create schema if not exists {name.partition('.')[0]}")
        lake.connection.execute(f"create table {name} as from incoming")


def write_results(run: Run) -> None:
    described = instruments()
    chosen = SelectedInstruments(SYMBOLS, tuple(described["identity"]), tuple(described["asset_class"]), DIRECTIONS)
    clustering = decide_clusters(returns(), chosen, "NORMAL", run.settings)
    selection = described.select("symbol", "identity", "asset_class", "sector").with_columns(
        pl.Series("direction", DIRECTIONS), pl.lit(True).alias("is_selected"), pl.lit("selected").alias("reason"),
        pl.lit(None, pl.Int64).alias("cluster_id"), pl.lit(None, pl.Int64).alias("identity_rank"),
        pl.lit(True).alias("passed_gate"), pl.lit(False).alias("is_recent_listing"),
        *(pl.lit(0.5).alias(name) for name in (
            "momentum", "volatility_annual", "convexity", "liquidity", "momentum_rank", "stability_rank",
            "convexity_rank", "liquidity_rank", "score",
        )),
    )  # fmt: skip
    health = pl.DataFrame({"symbol": SYMBOLS}).with_columns(
        pl.lit("OK").alias("status"), *(pl.lit(T).alias(name) for name in ("n_expected", "n_present")),
        *(pl.lit(0).alias(name) for name in ("n_gaps", "n_quarantined", "n_stale_sessions")),
        pl.lit(DATES[0]).alias("first_session"), pl.lit(DATES[-1]).alias("last_session"), pl.lit(True).alias("is_judged"),
    )  # fmt: skip
    run.store(
        "regime",
        run.replace("results.selection", selection),
        run.replace("results.health", health, stage="full"),
        run.replace("results.clusters", describe_clusters(clustering, described, "full", "NORMAL"), stage="full"),
    )
    run.lake.connection.execute(
        "insert into results.regimes (run_id, stage, session_date, regime) values (?, 'full', ?, 'NORMAL')",
        [RUN_ID, DATES[-1]],
    )


def largest_clusters(run: Run) -> dict[str, float]:
    """The largest cluster weight of each risk profile, summed from the published weights alone."""
    rows = run.lake.rows(
        "select risk_profile, max(total) from (select risk_profile, cluster_id, sum(weight) as total "
        "from results.weights where run_id = ? and sleeve <> 'cash' group by all) group by all",
        [RUN_ID],
    )
    return {str(name): float(weight) for name, weight in rows}


def test_the_code_allocates_within_the_cap_and_passes_the_gate(run: Run) -> None:
    optimize_step.optimize(run)
    publish.audit(run)
    largest = largest_clusters(run)
    assert set(largest) == set(run.settings.allocation.risk_profiles)
    assert max(largest.values()) <= CAP + 1e-9
    assert largest["min_variance"] == pytest.approx(CAP, abs=1e-6), "the cap must bind, or this test proves nothing"


def test_a_cap_hard_coded_in_the_allocation_does_not_pass(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def with_a_wrong_cap(*arguments: Any, **options: Any) -> Allocation:
        *before, settings, held = arguments
        return decide_weights(*before, settings.changed({"allocation": {"cap": 0.9}}), held, **options)

    monkeypatch.setattr(optimize_step, "decide_weights", with_a_wrong_cap)
    optimize_step.optimize(run)
    with pytest.raises(AuditGateError, match="cluster_cap"):
        publish.audit(run)


def test_an_instrument_above_its_cap_does_not_pass(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_the_instrument_cap(*arguments: Any, **options: Any) -> Allocation:
        *before, settings, held = arguments
        changes = {"allocation": {"instrument_cap": None, "cap": 0.9}}
        return decide_weights(*before, settings.changed(changes), held, **options)

    monkeypatch.setattr(optimize_step, "decide_weights", without_the_instrument_cap)
    optimize_step.optimize(run)
    with pytest.raises(AuditGateError, match="instrument_cap"):
        publish.audit(run)
