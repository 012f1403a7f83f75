"""Declare the report tables of the clusters: members, sensitivity, drift, map and hedge anchors.

Each declaration is followed by the columns of its printed tables.
"""

from __future__ import annotations

from reports.tables.declarations import ReportTable, columns, table
from reports.text.formats import (
    Field,
    cluster_label,
    code,
    number,
    percent,
    ratio,
    score,
    side,
    text,
    whole,
    word,
    yes_no,
)

_CLUSTERS_TABLE = table(
    "clusters",
    "run_id stage cluster_id",
    "stage = 'full' desc, stage, cluster_id",
    columns(
        text="run_id stage label linkage regime members",
        whole="cluster_id n_members n_selected n_subclusters",
        real="purity threshold min_correlation mean_correlation",
    ),
)
CLUSTERS = (
    text("cluster_id", "Cluster", whole),
    text("label", "Label", cluster_label),
    number("n_members", "Members", whole),
    number("n_selected", "Selected", whole),
    number("n_subclusters", "Sub-clusters", whole),
    number("purity", "Purity", percent),
    number("mean_correlation", "Mean corr."),
    number("min_correlation", "Min corr."),
)

_CLUSTER_MEMBERS_TABLE = table(
    "cluster_members",
    "run_id stage symbol",
    "stage = 'full' desc, stage, cluster_id nulls last, subcluster_id nulls last, leaf_order nulls last, symbol",
    columns(
        text="run_id stage symbol label name asset_class sector reason",
        whole="cluster_id subcluster_id leaf_order direction",
        flag="is_selected",
    ),
)
CLUSTER_MEMBERS = (
    text("subcluster_id", "Sub-cluster", whole),
    code("symbol", "Symbol"),
    text("name", "Name"),
    text("asset_class", "Class", word),
    text("sector", "Sector"),
    Field("direction", "Direction", side, "direction"),
    text("is_selected", "Selected", yes_no),
)
EXCLUDED_MEMBERS = (code("symbol", "Symbol"), text("name", "Name"), text("reason", "Reason"))

_SUBCLUSTERS_TABLE = table(
    "subclusters",
    "run_id stage cluster_id subcluster_id",
    "stage = 'full' desc, stage, cluster_id, subcluster_id",
    columns(text="run_id stage cluster_label members", whole="cluster_id subcluster_id n_members n_identities"),
    may_be_empty=True,
)
SUBCLUSTERS = (
    text("cluster_id", "Cluster", whole),
    text("cluster_label", "Label"),
    text("subcluster_id", "Sub-cluster", whole),
    number("n_members", "Members", whole),
    number("n_identities", "Identities", whole),
    text("members", "Instruments"),
)

_CLUSTER_SENSITIVITY_TABLE = table(
    "cluster_sensitivity",
    "run_id threshold",
    "threshold",
    columns(
        text="run_id",
        real="threshold largest_share mean_intra_correlation cophenetic_correlation",
        whole="n_clusters",
        flag="is_used",
    ),
)
SENSITIVITY = (
    number("threshold", "Cut at", ratio),
    number("n_clusters", "Clusters", whole),
    number("largest_share", "Largest share", percent),
    number("mean_intra_correlation", "Mean corr. within"),
    number("cophenetic_correlation", "Cophenetic corr."),
    text("is_used", "", lambda value: "in use" if value else ""),
)

_CLUSTER_DRIFT_TABLE = table(
    "cluster_drift",
    "run_id cluster_id",
    "cluster_id",
    columns(
        text="run_id cluster_label message",
        whole="cluster_id n_members half_sessions",
        real="drift adjusted_rand",
        flag="is_alert",
    ),
)
CLUSTER_DRIFT = (
    text("cluster_id", "Cluster", whole),
    text("cluster_label", "Label"),
    number("n_members", "Members", whole),
    number("drift", "Drift", score),
    text("is_alert", "Alert", lambda value: "above 0.3" if value else ""),
)

_FACTOR_MAP_TABLE = table(
    "factor_map",
    "run_id symbol",
    "cluster_id, symbol",
    columns(
        text="run_id symbol name asset_class label",
        whole="cluster_id direction",
        real="x y cluster_x cluster_y x_explained y_explained",
    ),
)

_HEDGE_ANCHORS_TABLE = table(
    "hedge_anchors",
    "run_id reference rank",
    "reference = 'market' desc, reference, rank",
    columns(
        text="run_id reference reference_symbol symbol name asset_class",
        whole="rank n_common",
        real="correlation",
        flag="is_selected",
    ),
)
HEDGE_ANCHORS = (
    number("rank", "#", whole),
    code("symbol", "Symbol"),
    text("name", "Name"),
    text("asset_class", "Class", word),
    number("correlation", "Corr."),
    number("n_common", "Sessions", whole),
    text("is_selected", "", lambda value: "selected" if value else ""),
)


TABLES: tuple[ReportTable, ...] = (
    _CLUSTERS_TABLE,
    _CLUSTER_MEMBERS_TABLE,
    _SUBCLUSTERS_TABLE,
    _CLUSTER_SENSITIVITY_TABLE,
    _CLUSTER_DRIFT_TABLE,
    _FACTOR_MAP_TABLE,
    _HEDGE_ANCHORS_TABLE,
)
