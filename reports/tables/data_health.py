"""Declare the report tables of data health: health by instrument, gaps and quarantined bars.

Each declaration is followed by the columns of its printed tables.
"""

from __future__ import annotations

from reports.tables.declarations import ReportTable, columns, table
from reports.text.formats import code, date, number, percent, status, text, whole, word, yes_no

_HEALTH_TABLE = table(
    "health",
    "run_id stage symbol",
    "stage = 'full' desc, stage, status_rank, symbol",
    columns(
        text="run_id stage symbol name asset_class status",
        whole="status_rank n_expected n_present n_gaps n_quarantined n_stale_sessions",
        date="first_session last_session",
        flag="is_judged",
    ),
)
HEALTH = (
    status("status", "Status"),
    code("symbol", "Symbol"),
    text("name", "Name"),
    text("asset_class", "Class", word),
    number("n_expected", "Expected", whole),
    number("n_present", "Present", whole),
    number("n_gaps", "Gaps", whole),
    number("n_quarantined", "Quarantined", whole),
    number("n_stale_sessions", "Stale", whole),
    date("first_session", "First"),
    date("last_session", "Last"),
    text("is_judged", "In health gate", yes_no),
)

_HEALTH_SUMMARY_TABLE = table(
    "health_summary",
    "run_id stage status",
    "stage = 'full' desc, stage, status_rank",
    columns(
        text="run_id stage status",
        whole="status_rank n_instruments n_judged n_gaps n_quarantined",
        flag="is_passing",
    ),
)
HEALTH_SUMMARY = (
    text("stage", "Stage", word),
    status("status", "Status"),
    number("n_instruments", "Instruments", whole),
    number("n_judged", "In health gate", whole),
    number("n_gaps", "Gaps", whole),
    number("n_quarantined", "Quarantined bars", whole),
)

_HEALTH_HISTORY_TABLE = table(
    "health_history",
    "run_id stage symbol",
    "stage = 'full' desc, stage, status_rank, symbol",
    columns(
        text="run_id stage symbol source asset_class status previous_run_id previous_status movement",
        whole="status_rank n_runs_in_status n_gaps n_quarantined n_stale_sessions",
        date="as_of last_session",
        flag="is_judged",
        time="started_at",
    ),
)
HEALTH_HISTORY = (
    code("symbol", "Symbol"),
    text("stage", "Stage", word),
    code("run_id", "Run"),
    date("as_of", "As of"),
    status("status", "Status"),
    text("movement", "Change", word),
    text("previous_status", "Before"),
    number("n_runs_in_status", "Runs with status", whole),
    number("n_gaps", "Gaps", whole),
    number("n_quarantined", "Quarantined", whole),
    number("n_stale_sessions", "Stale", whole),
    date("last_session", "Last"),
)

_HEALTH_COVERAGE_TABLE = table(
    "health_coverage",
    "run_id stage asset_class venue",
    "stage = 'full' desc, stage, ok_share, asset_class, venue",
    columns(
        text="run_id stage asset_class venue worst",
        whole="n_instruments n_missing n_invalid n_stale n_with_gaps n_short n_ok n_expected n_present n_gaps "
        "n_gaps_worst",
        real="ok_share present_share",
    ),
)
HEALTH_COVERAGE = (
    text("stage", "Stage", word),
    text("asset_class", "Class", word),
    code("venue", "Venue"),
    number("n_instruments", "Instruments", whole),
    number("ok_share", "OK share", percent),
    number("n_missing", "Missing", whole),
    number("n_invalid", "Invalid", whole),
    number("n_stale", "Stale", whole),
    number("n_with_gaps", "Gaps", whole),
    number("n_short", "Short", whole),
    number("n_ok", "OK", whole),
    number("n_gaps", "Missing sessions", whole),
    number("n_gaps_worst", "Most in one", whole),
    text("worst", "Worst"),
)

_GAPS_TABLE = table(
    "gaps",
    "run_id symbol",
    "n_gaps desc, symbol",
    columns(text="run_id symbol first_ten_gaps", whole="n_gaps", date="first_gap last_gap"),
    may_be_empty=True,
)
GAPS = (
    code("symbol", "Symbol"),
    number("n_gaps", "Gaps", whole),
    date("first_gap", "First"),
    date("last_gap", "Last"),
    text("first_ten_gaps", "Sessions (at most ten)"),
)

_QUARANTINE_TABLE = table(
    "quarantine",
    "run_id symbol reason",
    "n_bars desc, symbol, reason",
    columns(text="run_id symbol reason", whole="n_bars", date="first_session last_session"),
    may_be_empty=True,
)
QUARANTINE = (
    code("symbol", "Symbol"),
    text("reason", "Reason", word),
    number("n_bars", "Bars", whole),
    date("first_session", "First"),
    date("last_session", "Last"),
)


TABLES: tuple[ReportTable, ...] = (
    _HEALTH_TABLE,
    _HEALTH_SUMMARY_TABLE,
    _HEALTH_HISTORY_TABLE,
    _HEALTH_COVERAGE_TABLE,
    _GAPS_TABLE,
    _QUARANTINE_TABLE,
)
