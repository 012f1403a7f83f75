"""Contracts of `results` about the tournament: windows, weights, trades, sessions, metrics and the tests made on them.

See docs/architecture.md#lake, docs/method/09-tournament.md.
"""

from __future__ import annotations

from lakehouse.schema.contracts import DATE, FLOAT, INT, RUN, TEXT, Column, TableContract, key, many, table

TOURNAMENT: tuple[TableContract, ...] = (
    table(
        "results",
        "tournament_windows",
        "run_id window",
        RUN,
        Column("window", INT, nullable=False),
        *many(DATE, "train_start train_end test_start test_end"),
        Column("regime", TEXT),
        Column("realised_regime", TEXT),
        *many(INT, "n_candidates n_selected n_clusters"),
        Column("message", TEXT),
    ),
    table(
        "results",
        "tournament_weights",
        "run_id engine risk_profile window symbol",
        RUN,
        key("engine"),
        key("risk_profile"),
        key("window", INT),
        key("symbol"),
        key("direction", INT),
        key("weight", FLOAT),
        key("net_weight", FLOAT),
    ),
    table(
        "results",
        "tournament_trades",
        "run_id engine risk_profile simulator session_date symbol",
        RUN,
        key("engine"),
        key("risk_profile"),
        key("simulator"),
        key("window", INT),
        key("session_date", DATE),
        key("symbol"),
        key("traded_weight", FLOAT),
        key("slippage", FLOAT),
        key("commission", FLOAT),
    ),
    table(
        "results",
        "tournament_sessions",
        "run_id engine risk_profile simulator session_date",
        RUN,
        key("engine"),
        key("risk_profile"),
        key("simulator"),
        key("window", INT),
        key("session_date", DATE),
        *(
            key(name, FLOAT)
            for name in (
                "gross_return",
                "cost",
                "borrow",
                "net_return",
                "gross_exposure",
                "net_exposure",
                "turnover",
                "wealth",
            )
        ),
    ),
    table(
        "results",
        "tournament_metrics",
        "run_id engine risk_profile simulator metric",
        RUN,
        key("engine"),
        key("risk_profile"),
        key("simulator"),
        key("status"),
        key("metric"),
        Column("value", FLOAT),
        Column("message", TEXT),
    ),
    table(
        "results",
        "target_achievement",
        "run_id engine simulator risk_profile",
        RUN,
        key("engine"),
        key("simulator"),
        key("risk_profile"),
        key("target"),
        key("outcome"),
        key("message"),
    ),
    table(
        "results",
        "target_comparisons",
        "run_id engine simulator risk_profile figure lower_risk_profile upper_risk_profile",
        RUN,
        key("engine"),
        key("simulator"),
        key("risk_profile"),
        key("figure"),
        key("lower_risk_profile"),
        key("upper_risk_profile"),
        *many(FLOAT, "lower_value upper_value p_value p_opposite"),
    ),
    table(
        "results",
        "alpha_isolation",
        "run_id engine simulator risk_profile metric",
        RUN,
        key("engine"),
        key("simulator"),
        key("risk_profile"),
        key("metric"),
        *many(
            FLOAT,
            "raw_pool selected optimised selection_alpha optimisation_alpha selection_lower selection_upper "
            "optimisation_lower optimisation_upper",
        ),
        Column("message", TEXT),
    ),
)
