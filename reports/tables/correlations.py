"""Choose the columns of the printed tables of the correlations between the winners."""

from __future__ import annotations

from reports.tables.printed import PrintedTable

SUMMARY = PrintedTable(
    "rpt_correlation_summary",
    "stream n_pairs mean median minimum maximum share_above_half effective_number",
)
LEVELS = PrintedTable(
    "rpt_correlation_levels",
    "window_sessions last_correlation mean_correlation lowest_correlation highest_correlation first_session "
    "last_session",
)
PAIRS = PrintedTable(
    "rpt_correlation_pairs",
    "rank symbol name other_symbol other_name correlation held_correlation is_one_cluster",
)
REDUNDANCY = PrintedTable(
    "rpt_correlation_redundancy",
    "symbol name cluster_id nearest_symbol held_correlation n_redundant",
)
