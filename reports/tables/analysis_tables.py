"""Report tables that say how far the partition, the correlations and the tournament can be trusted."""

from __future__ import annotations

from reports.tables.declarations import ReportTable, columns, table

_PARTITION = (
    table(
        "cluster_sensitivity",
        "run_id threshold",
        "threshold",
        columns(
            text="run_id",
            real="threshold largest_share mean_intra_correlation cophenetic_correlation",
            whole="n_clusters",
            flag="is_used",
        ),
    ),
    table(
        "cluster_drift",
        "run_id cluster_id",
        "cluster_id",
        columns(
            text="run_id cluster_label message",
            whole="cluster_id n_members half_sessions",
            real="drift adjusted_rand",
            flag="is_alert",
        ),
    ),
    table(
        "subclusters",
        "run_id stage cluster_id subcluster_id",
        "stage = 'full' desc, stage, cluster_id, subcluster_id",
        columns(text="run_id stage cluster_label members", whole="cluster_id subcluster_id n_members n_identities"),
        may_be_empty=True,
    ),
    table(
        "factor_map",
        "run_id symbol",
        "cluster_id, symbol",
        columns(
            text="run_id symbol name asset_class label",
            whole="cluster_id direction",
            real="x y cluster_x cluster_y x_explained y_explained",
        ),
    ),
    table(
        "hedge_anchors",
        "run_id reference rank",
        "reference = 'market' desc, reference, rank",
        columns(
            text="run_id reference reference_symbol symbol name asset_class",
            whole="rank n_common",
            real="correlation",
            flag="is_selected",
        ),
    ),
)

# Only a rolling average may be absent: its window can be longer than the history.
_CORRELATIONS = (
    table(
        "correlation_averages",
        "run_id window_sessions session_date",
        "window_sessions, session_date",
        columns(text="run_id", whole="window_sessions", date="session_date", real="average_correlation"),
        may_be_empty=True,
    ),
    table(
        "correlation_levels",
        "run_id window_sessions",
        "window_sessions",
        columns(
            text="run_id",
            whole="window_sessions n_averages",
            date="first_session last_session",
            real="last_correlation mean_correlation lowest_correlation highest_correlation",
        ),
        may_be_empty=True,
    ),
    table(
        "correlation_pairs",
        "run_id kind rank",
        "kind, rank",
        columns(
            text="run_id kind symbol name other_symbol other_name",
            whole="rank",
            real="correlation held_correlation",
            flag="is_one_cluster",
        ),
    ),
    table(
        "correlation_redundancy",
        "run_id symbol",
        "n_redundant desc, held_correlation desc nulls last, symbol",
        columns(
            text="run_id symbol name nearest_symbol",
            whole="cluster_id n_redundant",
            real="held_correlation",
            flag="is_redundant",
        ),
    ),
    table(
        "correlation_summary",
        "run_id stream",
        "stream desc",
        columns(
            text="run_id stream",
            whole="n_pairs",
            real="mean median minimum maximum share_above_half effective_number",
        ),
    ),
)

# Only the house's own engine has promises and stages, and it need not play.
_VERDICTS = (
    table(
        "target_achievement",
        "run_id engine simulator risk_profile",
        "simulator desc, engine, risk_profile",
        columns(text="run_id engine simulator risk_profile target verdict message"),
        may_be_empty=True,
    ),
    table(
        "target_comparisons",
        "run_id engine simulator risk_profile figure lower_risk_profile upper_risk_profile",
        "simulator desc, engine, risk_profile, p_value desc, lower_risk_profile, upper_risk_profile",
        columns(
            text="run_id engine simulator risk_profile figure lower_risk_profile upper_risk_profile",
            real="lower_value upper_value p_value p_opposite",
            flag="is_kept",
        ),
        may_be_empty=True,
    ),
    table(
        "alpha_isolation",
        "run_id engine simulator risk_profile metric",
        "simulator desc, engine, metric, risk_profile",
        columns(
            text="run_id engine simulator risk_profile metric message",
            real="raw_pool selected optimised selection_alpha selection_lower selection_upper optimisation_alpha "
            "optimisation_lower optimisation_upper",
        ),
        may_be_empty=True,
    ),
)

FINDINGS: tuple[ReportTable, ...] = _PARTITION + _CORRELATIONS + _VERDICTS
