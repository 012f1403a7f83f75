"""Contracts of `results` about the run itself: its settings, steps, data health, regimes and audit checks.

See docs/architecture.md#lake, docs/method/11-audit.md.
"""

from __future__ import annotations

from lakehouse.schema.contracts import DATE, FLAG, FLOAT, INT, RUN, TEXT, TIME, Column, TableContract, key, many, table

RUN_RECORDS: tuple[TableContract, ...] = (
    table(
        "results",
        "steps",
        "run_id step attempt",
        RUN,
        key("step"),
        Column("number", INT),
        Column("attempt", INT, nullable=False, volatile=True),
        key("status"),
        Column("snapshot_read", INT, volatile=True),
        Column("snapshot_written", INT, volatile=True),
        Column("n_rows", INT),
        Column("inputs_sha256", TEXT, volatile=True),
        Column("outputs_sha256", TEXT, volatile=True),
        Column("error", TEXT),
        Column("started_at", TIME, nullable=False, volatile=True),
        Column("seconds", FLOAT, volatile=True),
    ),
    table(
        "results",
        "health",
        "run_id stage symbol",
        RUN,
        key("stage"),
        key("symbol"),
        key("status"),
        *many(INT, "n_expected n_present n_gaps n_quarantined"),
        Column("n_stale_sessions", INT),
        *many(DATE, "first_session last_session"),
        Column("is_judged", FLAG),
    ),
    table(
        "results",
        "regimes",
        "run_id stage session_date",
        RUN,
        key("stage"),
        key("session_date", DATE),
        key("regime"),
        Column("score", FLOAT),
        Column("deciding_component", TEXT),
        *many(
            FLOAT,
            "volatility_level volatility_ratio drawdown spectral_level permutation_entropy volatility_clustering "
            "average_correlation long_run_volatility prior_share",
        ),
    ),
    table(
        "results",
        "audit_checks",
        "run_id check risk_profile",
        RUN,
        key("check"),
        key("risk_profile"),
        *many(FLOAT, "value limit"),
        Column("passed", FLAG, nullable=False),
        Column("detail", TEXT),
    ),
)
