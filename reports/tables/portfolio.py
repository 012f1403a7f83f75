"""Declare the report tables of the portfolios: selection, weights, solver certificates, drift and orders.

Each declaration is followed by the columns of its printed tables.
"""

from __future__ import annotations

from reports.tables.declarations import ReportTable, columns, table
from reports.text.formats import (
    ASSET_CLASSES,
    Field,
    cluster_label,
    code,
    general,
    money,
    number,
    percent,
    plain,
    quantity,
    scientific,
    score,
    seconds,
    side,
    signed_percent,
    status,
    text,
    whole,
    word,
    yes_no,
)

CLUSTERS_SHOWN = 12
"""Clusters that a report draws per risk profile; results.cluster_weights holds all of them."""

_SELECTION_TABLE = table(
    "selection",
    "run_id symbol",
    "is_selected desc, cluster_id nulls last, direction desc, score desc nulls last, symbol",
    columns(
        text="run_id symbol identity name asset_class sector scanners reason",
        whole="cluster_id direction n_venues identity_rank",
        real="discovery_score momentum momentum_rank stability_rank convexity_rank liquidity_rank score",
        flag="passed_gate is_recent_listing is_selected",
    ),
)
SELECTION = (
    text("is_selected", "Selected", yes_no),
    code("symbol", "Symbol"),
    text("name", "Name"),
    text("asset_class", "Class", word),
    text("cluster_id", "Cluster", whole),
    Field("direction", "Direction", side, "direction"),
    number("discovery_score", "Discovery", score),
    number("momentum_rank", "Momentum", score),
    number("stability_rank", "Stability", score),
    number("convexity_rank", "Convexity", score),
    number("liquidity_rank", "Liquidity", score),
    number("score", "Score", score),
    number("identity_rank", "Identity rank", whole),
    text("passed_gate", "Momentum rule", yes_no),
    text("reason", "Reason"),
)

_RISK_PROFILES_TABLE = table(
    "risk_profiles",
    "run_id risk_profile",
    "risk_profile",
    columns(
        text="run_id risk_profile status",
        whole="n_holdings n_clusters",
        real="total_weight long_weight short_weight cash_weight net_weight largest_weight effective_holdings",
    ),
)
RISK_PROFILES = (
    text("risk_profile", "Risk profile", word),
    number("n_holdings", "Holdings", whole),
    number("n_clusters", "Clusters", whole),
    number("total_weight", "Total", percent),
    number("long_weight", "Long", percent),
    number("short_weight", "Short", percent),
    number("cash_weight", "Cash", percent),
    number("net_weight", "Net", percent),
    number("largest_weight", "Largest", percent),
    number("effective_holdings", "Effective N"),
    status("status", "Solver", word),
)

_ASSET_CLASSES_TABLE = table(
    "asset_classes",
    "run_id risk_profile asset_class",
    f"risk_profile, list_position({list(ASSET_CLASSES)}, asset_class) nulls last, asset_class",
    columns(text="run_id risk_profile asset_class", whole="n_holdings", real="weight long_weight short_weight"),
)
ASSET_CLASS_WEIGHTS = (
    text("risk_profile", "Risk profile", word),
    text("asset_class", "Class", word),
    number("n_holdings", "Holdings", whole),
    number("weight", "Weight", percent),
    number("long_weight", "Long", percent),
    number("short_weight", "Short", percent),
)

_CLUSTER_WEIGHTS_TABLE = table(
    "cluster_weights",
    "run_id risk_profile cluster_id sleeve",
    "risk_profile, weight desc, cluster_id, sleeve",
    columns(
        text="run_id risk_profile sleeve label",
        whole="cluster_id n_members",
        real="weight cap cap_used risk_contribution purity mean_correlation",
        flag="is_at_cap",
    ),
)
CLUSTER_WEIGHTS = (
    text("cluster_id", "Cluster", whole),
    text("label", "Label", cluster_label),
    text("sleeve", "Sleeve"),
    number("n_members", "Held", whole),
    number("weight", "Weight", percent),
    number("cap", "Cap", percent),
    number("cap_used", "Of cap", percent),
    number("risk_contribution", "Risk share", percent),
    number("purity", "Purity", percent),
    number("mean_correlation", "Mean corr."),
)

_HOLDINGS_TABLE = table(
    "holdings",
    "run_id risk_profile symbol",
    "risk_profile, weight_rank",
    columns(
        text="run_id risk_profile symbol identity name asset_class sector cluster_label sleeve fragility_level",
        whole="weight_rank cluster_id direction",
        real="weight net_weight volatility_annual cvar95 fragility",
        flag="is_recent_listing",
    ),
)
HOLDINGS = (
    number("weight_rank", "#", whole),
    code("symbol", "Symbol"),
    text("name", "Name"),
    text("asset_class", "Class", word),
    text("cluster_label", "Cluster"),
    Field("direction", "Direction", side, "direction"),
    number("weight", "Weight", percent),
    number("net_weight", "Net", signed_percent),
    number("volatility_annual", "Volatility", percent),
    number("cvar95", "CVaR 95", percent),
    Field("fragility_level", "Fragility", plain, "level"),
)

_SLEEVES_TABLE = table(
    "sleeves",
    "run_id risk_profile sleeve",
    "risk_profile, sleeve",
    columns(
        text="run_id risk_profile sleeve members",
        whole="n_holdings n_clusters",
        real="weight net_weight mean_convexity",
    ),
    may_be_empty=True,
)
SLEEVES = (
    text("risk_profile", "Risk profile", word),
    text("sleeve", "Sleeve"),
    number("n_holdings", "Holdings", whole),
    number("n_clusters", "Clusters", whole),
    number("weight", "Weight", percent),
    number("net_weight", "Net", signed_percent),
    number("mean_convexity", "Mean convexity", score),
)

_SOLVES_TABLE = table(
    "solves",
    "run_id risk_profile engine",
    "risk_profile, engine",
    columns(
        text="run_id risk_profile engine status solver covariance binding message",
        whole="iterations",
        real="primal_residual dual_residual gap objective seconds",
    ),
)
SOLVES = (
    text("risk_profile", "Risk profile", word),
    text("engine", "Engine", word),
    status("status", "Status", word),
    text("solver", "Solver"),
    number("iterations", "Iterations", whole),
    number("primal_residual", "Primal res.", scientific),
    number("dual_residual", "Dual res.", scientific),
    number("gap", "Gap", scientific),
    number("objective", "Objective", general),
    number("seconds", "Time", seconds),
    text("binding", "Binding"),
    text("message", "Message"),
)

_DRIFT_TABLE = table(
    "drift",
    "run_id risk_profile",
    "risk_profile",
    columns(
        text="run_id risk_profile portfolio_action",
        real="turnover largest_drift",
        whole="n_positions n_skipped n_orders",
    ),
    may_be_empty=True,
)
DRIFT = (
    text("risk_profile", "Risk profile", word),
    status("portfolio_action", "Action"),
    number("turnover", "Turnover", percent),
    number("largest_drift", "Largest drift", percent),
    number("n_positions", "Positions", whole),
    number("n_skipped", "Skipped", whole),
    number("n_orders", "Orders", whole),
)

_ORDERS_TABLE = table(
    "orders",
    "run_id risk_profile symbol side",
    "risk_profile, abs(weight_change) desc, symbol, side",
    columns(
        text="run_id risk_profile symbol side name venue",
        real="weight_change target_weight notional last_price quantity",
    ),
    may_be_empty=True,
)
ORDERS = (
    code("symbol", "Symbol"),
    text("name", "Name"),
    text("side", "Side", word),
    number("weight_change", "Change", signed_percent),
    number("target_weight", "Target", percent),
    number("notional", "Notional", money),
    number("last_price", "Last price", general),
    number("quantity", "Quantity", quantity),
)


TABLES: tuple[ReportTable, ...] = (
    _SELECTION_TABLE,
    _RISK_PROFILES_TABLE,
    _ASSET_CLASSES_TABLE,
    _CLUSTER_WEIGHTS_TABLE,
    _HOLDINGS_TABLE,
    _SLEEVES_TABLE,
    _SOLVES_TABLE,
    _DRIFT_TABLE,
    _ORDERS_TABLE,
)
