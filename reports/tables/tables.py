"""The `rpt_*` tables that reports read: their columns, their order, and which may be empty.

This is the door between the kitchen and the window. A test holds it equal to the YAML beside the models, so that a
column renamed in SQL is found before a report is.
"""

from __future__ import annotations

from reports.tables.analysis_tables import FINDINGS
from reports.tables.declarations import SCHEMA, ReportTable
from reports.tables.declarations import columns as _columns
from reports.tables.declarations import table as _table

__all__ = ["ASSET_CLASSES", "SCHEMA", "TABLES", "ReportTable"]

# The order in which asset classes are stacked and listed.
ASSET_CLASSES = ("equity", "etf", "bond", "crypto", "fx", "future", "cfd", "index", "cash")

_METRICS = (
    "total_return cagr volatility_annual sharpe sharpe_lower95 sharpe_upper95 probabilistic_sharpe deflated_sharpe "
    "sortino max_drawdown cvar95 turnover_annual cost_drag beta alpha information_ratio"
)

_RUN = (
    _table(
        "summary",
        "run_id",
        "run_id",
        _columns(
            text="run_id profile source benchmark excluded_symbols manifest_sha256",
            date="as_of",
            whole="light_sessions full_sessions min_history_sessions n_candidates n_selected n_risk_profiles n_checks "
            "n_checks_passed",
            flag="strict_health is_simulated",
            time="as_of_at started_at",
        ),
    ),
    _table(
        "steps",
        "run_id step",
        "number, step",
        _columns(
            text="run_id step status inputs_sha256 outputs_sha256",
            whole="number attempt snapshot_read snapshot_written n_rows",
            real="seconds",
            time="started_at",
        ),
    ),
    _table(
        "gate",
        "run_id check risk_profile",
        'passed, "check", risk_profile',
        _columns(text="run_id check risk_profile detail", real="value limit", flag="passed"),
    ),
)

_MARKET = (
    _table(
        "regime",
        "run_id",
        "run_id",
        _columns(
            text="run_id stage regime calibration",
            date="session_date",
            real="score volatility_ratio volatility_ratio_percentile dwt_turbulence dwt_turbulence_percentile "
            "volatility_clustering volatility_clustering_percentile permutation_entropy "
            "permutation_entropy_percentile drawdown drawdown_percentile average_correlation "
            "average_correlation_percentile",
        ),
    ),
    _table(
        "regime_history",
        "run_id session_date",
        "session_date",
        _columns(text="run_id stage regime", date="session_date", real="score"),
    ),
    _table(
        "health",
        "run_id stage symbol",
        "stage = 'full' desc, stage, status_rank, symbol",
        _columns(
            text="run_id stage symbol name asset_class status",
            whole="status_rank n_expected n_present n_gaps n_quarantined n_stale_sessions",
            date="first_session last_session",
            flag="is_judged",
        ),
    ),
    _table(
        "health_summary",
        "run_id stage status",
        "stage = 'full' desc, stage, status_rank",
        _columns(
            text="run_id stage status",
            whole="status_rank n_instruments n_judged n_gaps n_quarantined",
            flag="is_passing",
        ),
    ),
    _table(
        "health_history",
        "run_id stage symbol",
        "stage = 'full' desc, stage, status_rank, symbol",
        _columns(
            text="run_id stage symbol source asset_class status previous_run_id previous_status movement",
            whole="status_rank n_runs_in_status n_gaps n_quarantined n_stale_sessions",
            date="as_of last_session",
            flag="is_judged",
            time="started_at",
        ),
    ),
    _table(
        "health_coverage",
        "run_id stage asset_class venue",
        "stage = 'full' desc, stage, ok_share, asset_class, venue",
        _columns(
            text="run_id stage asset_class venue worst",
            whole="n_instruments n_missing n_invalid n_stale n_with_gaps n_short n_ok n_expected n_present n_gaps "
            "n_gaps_worst",
            real="ok_share present_share",
        ),
    ),
    _table(
        "gaps",
        "run_id symbol",
        "n_gaps desc, symbol",
        _columns(text="run_id symbol first_ten_gaps", whole="n_gaps", date="first_gap last_gap"),
        may_be_empty=True,
    ),
    _table(
        "quarantine",
        "run_id symbol reason",
        "n_bars desc, symbol, reason",
        _columns(text="run_id symbol reason", whole="n_bars", date="first_session last_session"),
        may_be_empty=True,
    ),
)

_SELECTION = (
    _table(
        "selection",
        "run_id symbol",
        "is_selected desc, cluster_id nulls last, direction desc, score desc nulls last, symbol",
        _columns(
            text="run_id symbol identity name asset_class sector scanners reason",
            whole="cluster_id direction n_venues identity_rank",
            real="discovery_score momentum momentum_rank stability_rank convexity_rank liquidity_rank score",
            flag="passed_gate is_recent_listing is_selected",
        ),
    ),
    _table(
        "clusters",
        "run_id stage cluster_id",
        "stage = 'full' desc, stage, cluster_id",
        _columns(
            text="run_id stage label linkage regime members",
            whole="cluster_id n_members n_selected n_subclusters",
            real="purity threshold min_correlation mean_correlation",
        ),
    ),
    _table(
        "cluster_members",
        "run_id stage symbol",
        "stage = 'full' desc, stage, cluster_id nulls last, subcluster_id nulls last, leaf_order nulls last, symbol",
        _columns(
            text="run_id stage symbol label name asset_class sector reason",
            whole="cluster_id subcluster_id leaf_order direction",
            flag="is_selected",
        ),
    ),
)

_PORTFOLIO = (
    _table(
        "risk_profiles",
        "run_id risk_profile",
        "risk_profile",
        _columns(
            text="run_id risk_profile status",
            whole="n_holdings n_clusters",
            real="total_weight long_weight short_weight cash_weight net_weight largest_weight effective_holdings",
        ),
    ),
    _table(
        "asset_classes",
        "run_id risk_profile asset_class",
        f"risk_profile, list_position({list(ASSET_CLASSES)}, asset_class) nulls last, asset_class",
        _columns(text="run_id risk_profile asset_class", whole="n_holdings", real="weight long_weight short_weight"),
    ),
    _table(
        "cluster_weights",
        "run_id risk_profile cluster_id sleeve",
        "risk_profile, weight desc, cluster_id, sleeve",
        _columns(
            text="run_id risk_profile sleeve label",
            whole="cluster_id n_members",
            real="weight cap cap_used risk_contribution purity mean_correlation",
            flag="is_at_cap",
        ),
    ),
    _table(
        "holdings",
        "run_id risk_profile symbol",
        "risk_profile, weight_rank",
        _columns(
            text="run_id risk_profile symbol identity name asset_class sector cluster_label sleeve fragility_level",
            whole="weight_rank cluster_id direction",
            real="weight net_weight volatility_annual cvar95 fragility",
            flag="is_recent_listing",
        ),
    ),
    _table(
        "sleeves",
        "run_id risk_profile sleeve",
        "risk_profile, sleeve",
        _columns(
            text="run_id risk_profile sleeve members",
            whole="n_holdings n_clusters",
            real="weight net_weight mean_convexity",
        ),
        may_be_empty=True,
    ),
    _table(
        "solves",
        "run_id risk_profile engine",
        "risk_profile, engine",
        _columns(
            text="run_id risk_profile engine status solver covariance binding message",
            whole="iterations",
            real="primal_residual dual_residual gap objective seconds",
        ),
    ),
    _table(
        "drift",
        "run_id risk_profile",
        "risk_profile",
        _columns(
            text="run_id risk_profile portfolio_action",
            real="turnover largest_drift",
            whole="n_positions n_skipped n_orders",
        ),
        may_be_empty=True,
    ),
    _table(
        "orders",
        "run_id risk_profile symbol side",
        "risk_profile, abs(weight_change) desc, symbol, side",
        _columns(
            text="run_id risk_profile symbol side name venue",
            real="weight_change target_weight notional last_price quantity",
        ),
        may_be_empty=True,
    ),
)

_TOURNAMENT = (
    _table(
        "engines",
        "run_id engine risk_profile simulator",
        "simulator desc, sharpe desc nulls last, engine, risk_profile",
        _columns(text="run_id engine risk_profile simulator status message", real=_METRICS),
    ),
    _table(
        "overfitting",
        "run_id simulator metric",
        "simulator desc, metric",
        _columns(text="run_id simulator metric message", real="value"),
        may_be_empty=True,
    ),
    _table(
        "metrics",
        "run_id engine risk_profile simulator metric",
        "engine, risk_profile, simulator, metric",
        _columns(text="run_id engine risk_profile simulator metric status message", real="value"),
    ),
    _table(
        "decay",
        "run_id engine risk_profile",
        "engine, risk_profile",
        _columns(
            text="run_id engine risk_profile",
            real="idealized_total_return realized_total_return decay_total_return idealized_cagr realized_cagr "
            "decay_cagr idealized_sharpe realized_sharpe decay_sharpe idealized_max_drawdown "
            "realized_max_drawdown turnover_annual cost_drag",
        ),
    ),
    _table(
        "windows",
        "run_id window",
        '"window"',
        _columns(
            text="run_id regime realised_regime message",
            whole="window n_candidates n_selected n_clusters",
            date="train_start train_end test_start test_end",
        ),
    ),
    _table(
        "window_returns",
        "run_id engine risk_profile window",
        'engine, risk_profile, "window"',
        _columns(text="run_id engine risk_profile", whole="window", real="idealized_return realized_return decay"),
    ),
    _table(
        "wealth",
        "run_id engine risk_profile simulator session_date",
        "engine, risk_profile, simulator, session_date",
        _columns(text="run_id engine risk_profile simulator", date="session_date", real="wealth"),
    ),
)

TABLES: dict[str, ReportTable] = {
    table.name: table for table in _RUN + _MARKET + _SELECTION + _PORTFOLIO + _TOURNAMENT + FINDINGS
}
