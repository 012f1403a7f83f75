"""Declare the report tables of the tournament: engines, windows, overfitting and tests of the risk profiles.

Each declaration is followed by the columns of its printed tables.
"""

from __future__ import annotations

from reports.tables.declarations import ReportTable, columns, table
from reports.text.formats import (
    Field,
    date,
    general,
    number,
    percent,
    ratio,
    score,
    signed_percent,
    status,
    text,
    whole,
    word,
)

_ENGINE_METRICS = (
    "total_return cagr volatility_annual sharpe sharpe_lower95 sharpe_upper95 probabilistic_sharpe deflated_sharpe "
    "sortino max_drawdown cvar95 turnover_annual cost_drag beta alpha information_ratio"
)

_ENGINES_TABLE = table(
    "engines",
    "run_id engine risk_profile simulator",
    "simulator desc, sharpe desc nulls last, engine, risk_profile",
    columns(text="run_id engine risk_profile simulator status message", real=_ENGINE_METRICS),
)
ENGINES = (
    text("engine", "Engine", word),
    text("risk_profile", "Risk profile", word),
    status("status", "Status", word),
    number("total_return", "Return", percent),
    number("cagr", "CAGR", percent),
    number("volatility_annual", "Volatility", percent),
    number("sharpe", "Sharpe"),
    number("sharpe_lower95", "95 % from"),
    number("sharpe_upper95", "to"),
    number("deflated_sharpe", "Deflated Sharpe", percent),
    number("sortino", "Sortino"),
    number("max_drawdown", "Max drawdown", percent),
    number("cvar95", "CVaR 95", percent),
    number("turnover_annual", "Turnover/yr", percent),
    number("beta", "Beta"),
    number("information_ratio", "Info. ratio"),
)
ENGINES_IN_BRIEF = (
    text("risk_profile", "Risk profile", word),
    text("engine", "Engine", word),
    status("status", "Status", word),
    number("total_return", "Return", percent),
    number("cagr", "CAGR", percent),
    number("volatility_annual", "Volatility", percent),
    number("max_drawdown", "Drawdown", percent),
    number("turnover_annual", "Turnover/yr", percent),
    number("sharpe", "Sharpe"),
    number("sharpe_lower95", "95 % from"),
    number("sharpe_upper95", "to"),
    number("deflated_sharpe", "Deflated", percent),
)
CELLS_WITHOUT_RESULT = (
    text("engine", "Engine", word),
    text("risk_profile", "Risk profile", word),
    text("simulator", "Simulator"),
    status("status", "Status", word),
    text("message", "Reason"),
)

_METRICS_TABLE = table(
    "metrics",
    "run_id engine risk_profile simulator metric",
    "engine, risk_profile, simulator, metric",
    columns(text="run_id engine risk_profile simulator metric status message", real="value"),
)
METRICS = (
    text("engine", "Engine", word),
    text("risk_profile", "Risk profile", word),
    text("simulator", "Simulator"),
    text("metric", "Metric", word),
    number("value", "Value", general),
    text("message", "Note"),
)

_OVERFITTING_TABLE = table(
    "overfitting",
    "run_id simulator metric",
    "simulator desc, metric",
    columns(text="run_id simulator metric message", real="value"),
    may_be_empty=True,
)
OVERFITTING = (
    text("simulator", "Simulator"),
    text("metric", "Figure", word),
    number("value", "Value", general),
    text("message", "Note"),
)

_DECAY_TABLE = table(
    "decay",
    "run_id engine risk_profile",
    "engine, risk_profile",
    columns(
        text="run_id engine risk_profile",
        real="idealized_total_return realized_total_return decay_total_return idealized_cagr realized_cagr "
        "decay_cagr idealized_sharpe realized_sharpe decay_sharpe idealized_max_drawdown "
        "realized_max_drawdown turnover_annual cost_drag",
    ),
)
DECAY = (
    text("engine", "Engine", word),
    text("risk_profile", "Risk profile", word),
    number("idealized_total_return", "Idealized", percent),
    number("realized_total_return", "Realized", percent),
    number("decay_total_return", "Decay", percent),
    number("decay_cagr", "Decay/yr", percent),
    number("idealized_sharpe", "Sharpe ideal."),
    number("realized_sharpe", "Sharpe real."),
    number("decay_sharpe", "Decay Sharpe"),
    number("turnover_annual", "Turnover/yr", percent),
    number("cost_drag", "Cost drag", percent),
)

_WINDOWS_TABLE = table(
    "windows",
    "run_id window",
    '"window"',
    columns(
        text="run_id regime realised_regime message",
        whole="window n_candidates n_selected n_clusters",
        date="train_start train_end test_start test_end",
    ),
)
WINDOWS = (
    number("window", "Window", whole),
    date("train_start", "Train from"),
    date("train_end", "Train to"),
    date("test_start", "Test from"),
    date("test_end", "Test to"),
    status("regime", "Decision regime"),
    status("realised_regime", "Realised"),
    number("n_candidates", "Candidates", whole),
    number("n_selected", "Selected", whole),
    number("n_clusters", "Clusters", whole),
    text("message", "Note"),
)

_WINDOW_RETURNS_TABLE = table(
    "window_returns",
    "run_id engine risk_profile window",
    'engine, risk_profile, "window"',
    columns(text="run_id engine risk_profile", whole="window", real="idealized_return realized_return decay"),
)
WINDOW_RETURNS = (
    text("engine", "Engine", word),
    text("risk_profile", "Risk profile", word),
    number("window", "Window", whole),
    number("idealized_return", "Idealized", percent),
    number("realized_return", "Realized", percent),
    number("decay", "Decay", percent),
)

_WEIGHTS_TABLE = table(
    "tournament_weights",
    "run_id engine risk_profile symbol",
    "engine, risk_profile, weight desc, symbol",
    columns(
        text="run_id engine risk_profile symbol name asset_class",
        whole="window direction",
        date="train_end",
        real="weight net_weight previous_net_weight",
    ),
    may_be_empty=True,
)

_WEALTH_TABLE = table(
    "wealth",
    "run_id engine risk_profile simulator session_date",
    "engine, risk_profile, simulator, session_date",
    columns(text="run_id engine risk_profile simulator", date="session_date", real="wealth"),
)

_TARGET_ACHIEVEMENT_TABLE = table(
    "target_achievement",
    "run_id engine simulator risk_profile",
    "simulator desc, engine, risk_profile",
    columns(text="run_id engine simulator risk_profile target outcome message"),
    may_be_empty=True,
)
TARGET_ACHIEVEMENT = (
    text("risk_profile", "Risk profile", word),
    text("target", "Target"),
    status("outcome", "Outcome"),
    text("message", "Reason"),
)

_TARGET_COMPARISONS_TABLE = table(
    "target_comparisons",
    "run_id engine simulator risk_profile figure lower_risk_profile upper_risk_profile",
    "simulator desc, engine, risk_profile, p_value desc, lower_risk_profile, upper_risk_profile",
    columns(
        text="run_id engine simulator risk_profile figure lower_risk_profile upper_risk_profile",
        real="lower_value upper_value p_value p_opposite",
        flag="is_kept",
    ),
    may_be_empty=True,
)
TARGET_COMPARISONS = (
    text("risk_profile", "Target of", word),
    text("figure", "Figure", word),
    text("lower_risk_profile", "Should be lower", word),
    number("lower_value", "Value", score),
    text("upper_risk_profile", "Should be higher", word),
    number("upper_value", "Value", score),
    text("is_kept", "In sample", lambda value: "as expected" if value else "reversed"),
    number("p_value", "p", score),
    number("p_opposite", "p of the opposite", score),
)

_ALPHA_ISOLATION_TABLE = table(
    "alpha_isolation",
    "run_id engine simulator risk_profile metric",
    "simulator desc, engine, metric, risk_profile",
    columns(
        text="run_id engine simulator risk_profile metric message",
        real="raw_pool selected optimised selection_alpha selection_lower selection_upper optimisation_alpha "
        "optimisation_lower optimisation_upper",
    ),
    may_be_empty=True,
)
_STAGES = (
    ("raw_pool", "Raw pool"),
    ("selected", "Selected"),
    ("optimised", "Optimised"),
)
ALPHA_ISOLATION = (
    text("risk_profile", "Risk profile", word),
    *(number(name, heading, percent) for name, heading in _STAGES),
    number("selection_alpha", "Selection alpha", signed_percent),
    number("selection_lower", "95 % from", signed_percent),
    number("selection_upper", "to", signed_percent),
    number("optimisation_alpha", "Optimisation alpha", signed_percent),
    number("optimisation_lower", "95 % from", signed_percent),
    number("optimisation_upper", "to", signed_percent),
    text("message", "Note"),
)
ALPHA_ISOLATION_SHARPE = (
    text("risk_profile", "Risk profile", word),
    *(number(name, heading, ratio) for name, heading in _STAGES),
    number("selection_alpha", "From selection"),
    number("optimisation_alpha", "From optimisation"),
)
ALPHA_ISOLATION_FRACTIONS = (
    text("metric", "Figure", word),
    text("risk_profile", "Risk profile", word),
    *(number(name, heading, percent) for name, heading in _STAGES),
    number("selection_alpha", "From selection", signed_percent),
    number("optimisation_alpha", "From optimisation", signed_percent),
)
ALPHA_ISOLATION_IN_BRIEF: tuple[Field, ...] = tuple(field for field in ALPHA_ISOLATION if field.name != "message")


TABLES: tuple[ReportTable, ...] = (
    _ENGINES_TABLE,
    _METRICS_TABLE,
    _OVERFITTING_TABLE,
    _DECAY_TABLE,
    _WINDOWS_TABLE,
    _WINDOW_RETURNS_TABLE,
    _WEIGHTS_TABLE,
    _WEALTH_TABLE,
    _TARGET_ACHIEVEMENT_TABLE,
    _TARGET_COMPARISONS_TABLE,
    _ALPHA_ISOLATION_TABLE,
)
