"""Choose the columns of the printed tables of the tournament: engines, windows, overfitting and targets."""

from __future__ import annotations

from reports.tables.printed import PrintedTable

ENGINES = PrintedTable(
    "rpt_engines",
    "engine risk_profile status total_return cagr volatility_annual sharpe sharpe_lower95 sharpe_upper95 "
    "deflated_sharpe sortino max_drawdown cvar95 turnover_annual beta information_ratio",
)
ENGINES_IN_BRIEF = PrintedTable(
    "rpt_engines",
    "risk_profile engine status total_return cagr volatility_annual max_drawdown turnover_annual sharpe "
    "sharpe_lower95 sharpe_upper95 deflated_sharpe",
)
CELLS_WITHOUT_RESULT = PrintedTable("rpt_engines", "engine risk_profile simulator status message")
METRICS = PrintedTable("rpt_metrics", "engine risk_profile simulator metric value message")
OVERFITTING = PrintedTable("rpt_overfitting", "simulator metric value message")
DECAY = PrintedTable(
    "rpt_decay",
    "engine risk_profile idealized_total_return realized_total_return decay_total_return decay_cagr "
    "idealized_sharpe realized_sharpe decay_sharpe turnover_annual cost_drag",
)
WINDOWS = PrintedTable(
    "rpt_windows",
    "window train_start train_end test_start test_end regime realised_regime n_candidates n_selected n_clusters "
    "message",
)
WINDOW_RETURNS = PrintedTable("rpt_window_returns", "engine risk_profile window idealized_return realized_return decay")
TARGET_ACHIEVEMENT = PrintedTable("rpt_target_achievement", "risk_profile target outcome message")
TARGET_COMPARISONS = PrintedTable(
    "rpt_target_comparisons",
    "risk_profile figure lower_risk_profile lower_value upper_risk_profile upper_value is_kept p_value p_opposite",
)
ALPHA_ISOLATION = PrintedTable(
    "rpt_alpha_isolation",
    "risk_profile raw_pool selected optimised selection_alpha selection_lower selection_upper optimisation_alpha "
    "optimisation_lower optimisation_upper message",
)
ALPHA_ISOLATION_SHARPE = PrintedTable(
    "rpt_alpha_isolation",
    "risk_profile raw_pool:ratio selected:ratio optimised:ratio selection_alpha:ratio optimisation_alpha:ratio",
)
ALPHA_ISOLATION_FRACTIONS = PrintedTable(
    "rpt_alpha_isolation",
    "metric risk_profile raw_pool selected optimised selection_alpha optimisation_alpha",
)
ALPHA_ISOLATION_IN_BRIEF = PrintedTable(
    "rpt_alpha_isolation",
    "risk_profile raw_pool selected optimised selection_alpha selection_lower selection_upper optimisation_alpha "
    "optimisation_lower optimisation_upper",
)
