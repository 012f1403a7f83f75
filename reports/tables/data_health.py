"""Choose the columns of the printed tables of the data health."""

from __future__ import annotations

from reports.tables.printed import PrintedTable

HEALTH = PrintedTable(
    "rpt_health",
    "status symbol name asset_class n_expected n_present n_gaps n_quarantined n_stale_sessions first_session "
    "last_session is_judged",
)
HEALTH_SUMMARY = PrintedTable("rpt_health_summary", "stage status n_instruments n_judged n_gaps n_quarantined")
HEALTH_HISTORY = PrintedTable(
    "rpt_health_history",
    "symbol stage run_id as_of status movement previous_status n_runs_in_status n_gaps n_quarantined "
    "n_stale_sessions last_session",
)
HEALTH_COVERAGE = PrintedTable(
    "rpt_health_coverage",
    "stage asset_class venue n_instruments ok_share n_missing n_invalid n_stale n_with_gaps n_short n_ok n_gaps "
    "n_gaps_worst worst",
)
GAPS = PrintedTable("rpt_gaps", "symbol n_gaps first_gap last_gap first_ten_gaps")
QUARANTINE = PrintedTable("rpt_quarantine", "symbol reason n_bars first_session last_session")
