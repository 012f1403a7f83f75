"""Declare the report tables of a run: summary, steps, audit checks and regime.

Each declaration is followed by the columns of its printed tables.
"""

from __future__ import annotations

from reports.tables.declarations import ReportTable, columns, table
from reports.text.formats import (
    code,
    digest,
    general,
    number,
    outcome,
    percent,
    ratio,
    seconds,
    status,
    text,
    whole,
    word,
)

_SUMMARY_TABLE = table(
    "summary",
    "run_id",
    "run_id",
    columns(
        text="run_id profile source benchmark excluded_symbols manifest_sha256",
        date="as_of",
        whole="light_sessions full_sessions min_history_sessions n_candidates n_selected n_risk_profiles n_checks "
        "n_checks_passed",
        flag="strict_health is_simulated",
        time="as_of_at started_at",
    ),
)

_STEPS_TABLE = table(
    "steps",
    "run_id step",
    "number, step",
    columns(
        text="run_id step status inputs_sha256 outputs_sha256",
        whole="number attempt snapshot_read snapshot_written n_rows",
        real="seconds",
        time="started_at",
    ),
)
STEPS = (
    number("number", "#", whole),
    text("step", "Step"),
    status("status", "Status"),
    number("attempt", "Attempt", whole),
    number("snapshot_read", "Snapshot read", whole),
    number("snapshot_written", "Snapshot written", whole),
    number("n_rows", "Rows", whole),
    number("seconds", "Time", seconds),
    code("inputs_sha256", "Inputs", digest),
    code("outputs_sha256", "Outputs", digest),
)

_GATE_TABLE = table(
    "gate",
    "run_id check risk_profile",
    'passed, "check", risk_profile',
    columns(text="run_id check risk_profile detail", real="value limit", flag="passed"),
)
AUDIT_CHECKS = (
    status("passed", "Outcome", outcome),
    text("check", "Check", word),
    text("risk_profile", "Risk profile", word),
    number("value", "Value", general),
    number("limit", "Limit", general),
    text("detail", "Detail"),
)

_REGIME_TABLE = table(
    "regime",
    "run_id",
    "run_id",
    columns(
        text="run_id stage regime calibration",
        date="session_date",
        real="score volatility_ratio volatility_ratio_percentile dwt_turbulence dwt_turbulence_percentile "
        "volatility_clustering volatility_clustering_percentile permutation_entropy "
        "permutation_entropy_percentile drawdown drawdown_percentile average_correlation "
        "average_correlation_percentile",
    ),
)
REGIME_COMPONENTS = (
    ("volatility_ratio", "Volatility ratio, 10 to 200 sessions", ratio),
    ("dwt_turbulence", "Wavelet turbulence", ratio),
    ("volatility_clustering", "Volatility clustering", ratio),
    ("permutation_entropy", "Permutation entropy", ratio),
    ("drawdown", "Drawdown from the 252-session high", percent),
    ("average_correlation", "Average pairwise correlation", ratio),
)

_REGIME_HISTORY_TABLE = table(
    "regime_history",
    "run_id session_date",
    "session_date",
    columns(text="run_id stage regime", date="session_date", real="score"),
)


LIMITS = (
    (
        "Survivorship bias: the universe is what the source knows. An instrument that was delisted before the source was "
        "first read is missing from every window, so past returns are biased upward."
    ),
    (
        "Out-of-sample returns are simulated, not a record of trades; taxes, funding and market impact beyond the stated "
        "costs are not included."
    ),
    "The weights follow from the stated rules and data. They are not investment advice.",
)
"""Limits of every run, printed at the end of the portfolio report."""


TABLES: tuple[ReportTable, ...] = (_SUMMARY_TABLE, _STEPS_TABLE, _GATE_TABLE, _REGIME_TABLE, _REGIME_HISTORY_TABLE)
