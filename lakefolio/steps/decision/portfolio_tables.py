"""Turn one allocation into tables: published weights, cluster weights, solver certificate, drift and orders.

Small trades are left out cluster by cluster (docs/method/08-allocation.md#8.4): what a skipped trade leaves over goes to
its own cluster, so that no cap can be broken.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from analytics.allocation import Allocation
from analytics.holdings import DriftReport, OrderTerms, make_orders, measure_drift
from lakefolio.config.manifest import Profile
from lakefolio.state.held_portfolios import HeldPortfolio
from lakehouse.schema.tables import CONTRACTS

PORTFOLIO_TABLES = ("weights", "cluster_weights", "solves", "drift", "orders")
CASH = "CASH:USD"
CASH_TOLERANCE = 1e-12
"""Below this, cash is what rounding left of a sum."""


@dataclass(frozen=True, slots=True, eq=False)
class PortfolioInputs:
    """Inputs that all portfolios of a run share.

    Attributes
    ----------
    clusters, selection
        Rows of `results.clusters` (stage full) and of `results.selection`.
    terms
        Columns symbol, venue, lot_size, last_price, usd_per_quote.
    """

    clusters: pl.DataFrame
    selection: pl.DataFrame
    terms: pl.DataFrame


def portfolio_tables(
    settings: Profile,
    allocation: Allocation,
    inputs: PortfolioInputs,
    held: HeldPortfolio,
    seconds: float,
) -> dict[str, pl.DataFrame]:
    """Rows of every table in `PORTFOLIO_TABLES`, without run id."""
    chosen = pl.DataFrame(
        {
            "symbol": allocation.symbols,
            "sleeve": allocation.sleeves,
        }
    ).join(inputs.clusters.select("symbol", "cluster_id", "label"), on="symbol", how="left", maintain_order="left")
    report = measure_drift(
        held.net_weights,
        dict(zip(allocation.symbols, allocation.net_weights.tolist(), strict=True)),
        partial_rebalance=settings.flags.feat_partial_rebalance,
        groups=dict(
            zip(chosen["symbol"], chosen.select(pl.concat_str("cluster_id", "sleeve")).to_series(), strict=True)
        ),
        instrument_cap=allocation.instrument_cap,
    )
    weights = _weights(chosen, report, allocation.cash, inputs)
    frames = {
        "weights": weights,
        "cluster_weights": _cluster_weights(weights, allocation, chosen, settings.allocation.cap),
        "solves": _solve(allocation, seconds),
        "drift": report.frame(),
        "orders": make_orders(
            report, _terms(inputs.terms), portfolio_value_usd=settings.allocation.portfolio_value_usd
        ),
    }
    return {name: _in_contract(name, frame, allocation.risk_profile) for name, frame in frames.items()}


def _weights(chosen: pl.DataFrame, report: DriftReport, cash: float, inputs: PortfolioInputs) -> pl.DataFrame:
    """Published weights by symbol; cash is a row of its own."""
    published = pl.DataFrame({"symbol": list(report.symbols), "net_weight": report.published}).filter(
        pl.col("net_weight") != 0
    )
    described = inputs.selection.select("symbol", "identity", "asset_class", "direction", "is_recent_listing")
    venues = inputs.terms.select("symbol", "venue")
    rows = (
        published.join(chosen.select("symbol", "cluster_id", "sleeve"), on="symbol", how="left")
        .join(described, on="symbol", how="left")
        .join(venues, on="symbol", how="left")
        .with_columns(pl.col("net_weight").abs().alias("weight"))
        .sort("symbol")
    )
    if cash <= CASH_TOLERANCE:
        return rows
    row = {
        "symbol": CASH, "net_weight": cash, "weight": cash, "cluster_id": 0, "sleeve": "cash", "direction": 1,
        "identity": CASH, "asset_class": "cash", "venue": None, "is_recent_listing": False,
    }  # fmt: skip
    return pl.concat([rows, pl.DataFrame([row], schema=rows.schema)])


def _cluster_weights(weights: pl.DataFrame, allocation: Allocation, chosen: pl.DataFrame, cap: float) -> pl.DataFrame:
    """Weight of each cluster, recomputed from the published weights."""
    risk = pl.DataFrame({"cluster_id": allocation.cluster_ids, "risk_contribution": allocation.risk_contributions})
    labels = chosen.select("cluster_id", "label").unique("cluster_id")
    return (
        weights.filter(pl.col("sleeve") != "cash")
        .group_by("cluster_id", "sleeve")
        .agg(pl.col("weight").sum(), pl.len().alias("n_members"))
        .join(risk.with_columns(pl.col("risk_contribution").fill_nan(None)), on="cluster_id", how="left")
        .join(labels, on="cluster_id", how="left")
        .with_columns(pl.lit(cap).alias("cap"))
        .sort("cluster_id", "sleeve")
    )


def _solve(allocation: Allocation, seconds: float) -> pl.DataFrame:
    solution = allocation.solution
    known = {
        name: value if math.isfinite(value) else None
        for name, value in (
            ("primal_residual", solution.primal_residual), ("dual_residual", solution.dual_residual),
            ("gap", solution.gap), ("objective", solution.objective),
        )
    }  # fmt: skip
    row: Mapping[str, object] = {
        "engine": "ours", "status": solution.status, "solver": solution.solver, "iterations": solution.iterations, **known,
        "binding": ", ".join(solution.binding), "covariance": allocation.estimator,
        "message": solution.message, "seconds": seconds,
    }  # fmt: skip
    return pl.DataFrame([row])


def _terms(terms: pl.DataFrame) -> dict[str, OrderTerms]:
    return {
        row["symbol"]: OrderTerms(row["venue"], row["last_price"], row["lot_size"], row["usd_per_quote"])
        for row in terms.to_dicts()
    }


def _in_contract(name: str, frame: pl.DataFrame, risk_profile: str) -> pl.DataFrame:
    """The contract's columns and types, run id left out."""
    contract = CONTRACTS[f"results.{name}"]
    kinds = {"VARCHAR": pl.String, "DOUBLE": pl.Float64, "BIGINT": pl.Int64, "BOOLEAN": pl.Boolean}
    keyed = frame.with_columns(pl.lit(risk_profile).alias("risk_profile"))
    return keyed.select(pl.col(c.name).cast(kinds[c.type]) for c in contract.columns if c.name != "run_id")
