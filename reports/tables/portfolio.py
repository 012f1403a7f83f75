"""Choose the columns of the printed tables of the portfolios: selection, weights, drift and orders."""

from __future__ import annotations

from reports.tables.printed import PrintedTable

CLUSTERS_SHOWN = 12
"""Clusters that a report draws per risk profile; results.cluster_weights holds all of them."""

SELECTION = PrintedTable(
    "rpt_selection",
    "is_selected symbol name asset_class cluster_id direction discovery_score momentum_rank stability_rank "
    "convexity_rank liquidity_rank score identity_rank passed_gate reason",
)
RISK_PROFILES = PrintedTable(
    "rpt_risk_profiles",
    "risk_profile n_holdings n_clusters total_weight long_weight short_weight cash_weight net_weight "
    "largest_weight effective_holdings status",
)
ASSET_CLASS_WEIGHTS = PrintedTable(
    "rpt_asset_classes",
    "risk_profile asset_class n_holdings weight long_weight short_weight",
)
CLUSTER_WEIGHTS = PrintedTable(
    "rpt_cluster_weights",
    "cluster_id label sleeve n_members weight cap cap_used risk_contribution purity mean_correlation",
)
HOLDINGS = PrintedTable(
    "rpt_holdings",
    "weight_rank symbol name asset_class cluster_label direction weight net_weight volatility_annual cvar95 "
    "fragility_level",
)
SLEEVES = PrintedTable("rpt_sleeves", "risk_profile sleeve n_holdings n_clusters weight net_weight mean_convexity")
SOLVES = PrintedTable(
    "rpt_solves",
    "risk_profile engine status solver iterations primal_residual dual_residual gap objective seconds binding message",
)
DRIFT = PrintedTable("rpt_drift", "risk_profile portfolio_action turnover largest_drift n_positions n_skipped n_orders")
ORDERS = PrintedTable("rpt_orders", "symbol name side weight_change target_weight notional last_price quantity")
