"""Choose the columns of the printed tables of the clusters: members, sensitivity, drift and hedge anchors."""

from __future__ import annotations

from reports.tables.printed import PrintedTable

CLUSTERS = PrintedTable(
    "rpt_clusters",
    "cluster_id label n_members n_selected n_subclusters purity mean_correlation min_correlation",
)
CLUSTER_MEMBERS = PrintedTable(
    "rpt_cluster_members",
    "subcluster_id symbol name asset_class sector direction is_selected",
)
EXCLUDED_MEMBERS = PrintedTable("rpt_cluster_members", "symbol name reason")
SUBCLUSTERS = PrintedTable("rpt_subclusters", "cluster_id cluster_label subcluster_id n_members n_identities members")
SENSITIVITY = PrintedTable(
    "rpt_cluster_sensitivity",
    "threshold n_clusters largest_share mean_intra_correlation cophenetic_correlation is_used",
)
CLUSTER_DRIFT = PrintedTable("rpt_cluster_drift", "cluster_id cluster_label n_members drift is_alert")
HEDGE_ANCHORS = PrintedTable("rpt_hedge_anchors", "rank symbol name asset_class correlation n_common is_selected")
