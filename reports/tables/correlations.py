"""Declare the report tables of the correlations between the winners.

Each declaration is followed by the columns of its printed tables.
"""

from __future__ import annotations

from reports.tables.declarations import ReportTable, columns, table
from reports.text.formats import code, date, number, percent, text, whole, word

_CORRELATION_SUMMARY_TABLE = table(
    "correlation_summary",
    "run_id stream",
    "stream desc",
    columns(
        text="run_id stream",
        whole="n_pairs",
        real="mean median minimum maximum share_above_half effective_number",
    ),
)
SUMMARY = (
    text("stream", "Returns", word),
    number("n_pairs", "Pairs", whole),
    number("mean", "Mean"),
    number("median", "Median"),
    number("minimum", "Lowest"),
    number("maximum", "Highest"),
    number("share_above_half", "Above 0.5", percent),
    number("effective_number", "Effective N"),
)

_CORRELATION_AVERAGES_TABLE = table(
    "correlation_averages",
    "run_id window_sessions session_date",
    "window_sessions, session_date",
    columns(text="run_id", whole="window_sessions", date="session_date", real="average_correlation"),
    may_be_empty=True,
)

_CORRELATION_LEVELS_TABLE = table(
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
)
LEVELS = (
    number("window_sessions", "Sessions", whole),
    number("last_correlation", "Last"),
    number("mean_correlation", "Mean"),
    number("lowest_correlation", "Lowest"),
    number("highest_correlation", "Highest"),
    date("first_session", "From"),
    date("last_session", "To"),
)

_CORRELATION_PAIRS_TABLE = table(
    "correlation_pairs",
    "run_id kind rank",
    "kind, rank",
    columns(
        text="run_id kind symbol name other_symbol other_name",
        whole="rank",
        real="correlation held_correlation",
        flag="is_one_cluster",
    ),
)
PAIRS = (
    number("rank", "#", whole),
    code("symbol", "Symbol"),
    text("name", "Name"),
    code("other_symbol", "With"),
    text("other_name", "Name"),
    number("correlation", "Physical"),
    number("held_correlation", "Held"),
    text("is_one_cluster", "", lambda value: "one cluster" if value else ""),
)

_CORRELATION_REDUNDANCY_TABLE = table(
    "correlation_redundancy",
    "run_id symbol",
    "n_redundant desc, held_correlation desc nulls last, symbol",
    columns(
        text="run_id symbol name nearest_symbol",
        whole="cluster_id n_redundant",
        real="held_correlation",
        flag="is_redundant",
    ),
)
REDUNDANCY = (
    code("symbol", "Symbol"),
    text("name", "Name"),
    text("cluster_id", "Cluster", whole),
    code("nearest_symbol", "Nearest"),
    number("held_correlation", "Held corr."),
    number("n_redundant", "At least 0.9", whole),
)


TABLES: tuple[ReportTable, ...] = (
    _CORRELATION_SUMMARY_TABLE,
    _CORRELATION_AVERAGES_TABLE,
    _CORRELATION_LEVELS_TABLE,
    _CORRELATION_PAIRS_TABLE,
    _CORRELATION_REDUNDANCY_TABLE,
)
