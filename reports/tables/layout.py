"""Which columns each printed table shows, under which head, in which form.

Markdown and HTML print the same tables, so they cannot drift apart.
"""

from __future__ import annotations

from reports.text.formats import (
    Field,
    code,
    date,
    digest,
    general,
    money,
    number,
    percent,
    plain,
    quantity,
    ratio,
    scientific,
    score,
    seconds,
    side,
    signed_percent,
    status,
    text,
    verdict,
    whole,
    word,
    yes_no,
)

BARS_SHOWN = 12
"""Clusters that a portfolio report draws per risk profile; all of them stand in results.cluster_weights."""

CLUSTERS = (
    text("cluster_id", "Cluster", whole),
    text("label", "Label"),
    number("n_members", "Members", whole),
    number("n_selected", "Selected", whole),
    number("n_subclusters", "Sub-clusters", whole),
    number("purity", "Purity", percent),
    number("mean_correlation", "Mean corr."),
    number("min_correlation", "Min corr."),
)
CLUSTER_MEMBERS = (
    text("subcluster_id", "Sub-cluster", whole),
    code("symbol", "Symbol"),
    text("name", "Name"),
    text("asset_class", "Class", word),
    text("sector", "Sector"),
    Field("direction", "Direction", side, "direction"),
    text("is_selected", "Selected", yes_no),
)
EXCLUDED_MEMBERS = (code("symbol", "Symbol"), text("name", "Name"), text("reason", "Why it left the matrix"))
CLUSTER_WEIGHTS = (
    text("cluster_id", "Cluster", whole),
    text("label", "Label"),
    text("sleeve", "Sleeve"),
    number("n_members", "Held", whole),
    number("weight", "Weight", percent),
    number("cap", "Cap", percent),
    number("cap_used", "Of cap", percent),
    number("risk_contribution", "Risk share", percent),
    number("purity", "Purity", percent),
    number("mean_correlation", "Mean corr."),
)
PROFILES = (
    text("risk_profile", "Profile", word),
    number("n_holdings", "Holdings", whole),
    number("n_clusters", "Clusters", whole),
    number("total_weight", "Total", percent),
    number("long_weight", "Long", percent),
    number("short_weight", "Short", percent),
    number("cash_weight", "Cash", percent),
    number("net_weight", "Net", percent),
    number("largest_weight", "Largest", percent),
    number("effective_holdings", "Effective N"),
    status("status", "Solver", word),
)
ASSET_CLASSES = (
    text("risk_profile", "Profile", word),
    text("asset_class", "Class", word),
    number("n_holdings", "Holdings", whole),
    number("weight", "Weight", percent),
    number("long_weight", "Long", percent),
    number("short_weight", "Short", percent),
)
HOLDINGS = (
    number("weight_rank", "#", whole),
    code("symbol", "Symbol"),
    text("name", "Name"),
    text("asset_class", "Class", word),
    text("cluster_label", "Cluster"),
    Field("direction", "Direction", side, "direction"),
    number("weight", "Weight", percent),
    number("net_weight", "Net", signed_percent),
    number("volatility_annual", "Volatility", percent),
    number("cvar95", "CVaR 95", percent),
    Field("fragility_level", "Fragility", plain, "level"),
)
SLEEVES = (
    text("risk_profile", "Profile", word),
    text("sleeve", "Sleeve"),
    number("n_holdings", "Holdings", whole),
    number("n_clusters", "Clusters", whole),
    number("weight", "Weight", percent),
    number("net_weight", "Net", signed_percent),
    number("mean_convexity", "Mean convexity", score),
)
HEALTH_SUMMARY = (
    text("stage", "Window", word),
    status("status", "Status"),
    number("n_instruments", "Instruments", whole),
    number("n_judged", "Judged by the gate", whole),
    number("n_gaps", "Gaps", whole),
    number("n_quarantined", "Quarantined bars", whole),
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
    text("is_judged", "Judged", yes_no),
)
HEALTH_HISTORY = (
    code("symbol", "Symbol"),
    text("stage", "Window", word),
    code("run_id", "Run"),
    date("as_of", "As of"),
    status("status", "Status"),
    text("movement", "Change", word),
    text("previous_status", "Before"),
    number("n_runs_in_status", "Runs so", whole),
    number("n_gaps", "Gaps", whole),
    number("n_quarantined", "Quarantined", whole),
    number("n_stale_sessions", "Stale", whole),
    date("last_session", "Last"),
)
HEALTH_COVERAGE = (
    text("stage", "Window", word),
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
GAPS = (
    code("symbol", "Symbol"),
    number("n_gaps", "Gaps", whole),
    date("first_gap", "First"),
    date("last_gap", "Last"),
    text("first_ten_gaps", "Sessions (at most ten)"),
)
QUARANTINE = (
    code("symbol", "Symbol"),
    text("reason", "Reason", word),
    number("n_bars", "Bars", whole),
    date("first_session", "First"),
    date("last_session", "Last"),
)
GATE = (
    status("passed", "Outcome", verdict),
    text("check", "Check", word),
    text("risk_profile", "Profile", word),
    number("value", "Value", general),
    number("limit", "Limit", general),
    text("detail", "Detail"),
)
SOLVES = (
    text("risk_profile", "Profile", word),
    text("engine", "Engine", word),
    status("status", "Status", word),
    text("solver", "Solver"),
    number("iterations", "Iterations", whole),
    number("primal_residual", "Primal res.", scientific),
    number("dual_residual", "Dual res.", scientific),
    number("gap", "Gap", scientific),
    number("objective", "Objective", general),
    number("seconds", "Time", seconds),
    text("binding", "Binding"),
    text("message", "Message"),
)
ENGINES = (
    text("engine", "Engine", word),
    text("risk_profile", "Profile", word),
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
    text("risk_profile", "Profile", word),
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
UNANSWERED = (
    text("engine", "Engine", word),
    text("risk_profile", "Profile", word),
    text("simulator", "Simulator"),
    status("status", "Status", word),
    text("message", "Why"),
)
OVERFITTING = (
    text("simulator", "Simulator"),
    text("metric", "Figure of the whole table", word),
    number("value", "Value", general),
    text("message", "Note"),
)
METRICS = (
    text("engine", "Engine", word),
    text("risk_profile", "Profile", word),
    text("simulator", "Simulator"),
    text("metric", "Metric", word),
    number("value", "Value", general),
    text("message", "Note"),
)
DECAY = (
    text("engine", "Engine", word),
    text("risk_profile", "Profile", word),
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
WINDOW_RETURNS = (
    text("engine", "Engine", word),
    text("risk_profile", "Profile", word),
    number("window", "Window", whole),
    number("idealized_return", "Idealized", percent),
    number("realized_return", "Realized", percent),
    number("decay", "Decay", percent),
)
DRIFT = (
    text("risk_profile", "Profile", word),
    status("portfolio_action", "Action"),
    number("turnover", "Turnover", percent),
    number("largest_drift", "Largest drift", percent),
    number("n_positions", "Positions", whole),
    number("n_skipped", "Skipped", whole),
    number("n_orders", "Orders", whole),
)
ORDERS = (
    code("symbol", "Symbol"),
    text("name", "Name"),
    text("side", "Side", word),
    number("weight_change", "Change", signed_percent),
    number("target_weight", "Target", percent),
    number("notional", "Notional", money),
    number("last_price", "Last price", general),
    number("quantity", "Quantity", quantity),
)
SELECTION = (
    text("is_selected", "Selected", yes_no),
    code("symbol", "Symbol"),
    text("name", "Name"),
    text("asset_class", "Class", word),
    text("cluster_id", "Cluster", whole),
    Field("direction", "Direction", side, "direction"),
    number("discovery_score", "Discovery", score),
    number("momentum_rank", "Momentum", score),
    number("stability_rank", "Stability", score),
    number("convexity_rank", "Convexity", score),
    number("liquidity_rank", "Liquidity", score),
    number("score", "Score", score),
    number("identity_rank", "Identity rank", whole),
    text("passed_gate", "Gate", yes_no),
    text("reason", "Reason"),
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

REGIME_COMPONENTS = (
    ("volatility_ratio", "Volatility ratio, 10 to 200 sessions", ratio),
    ("dwt_turbulence", "Wavelet turbulence", ratio),
    ("volatility_clustering", "Volatility clustering", ratio),
    ("permutation_entropy", "Permutation entropy", ratio),
    ("drawdown", "Drawdown from the 252-session high", percent),
    ("average_correlation", "Average pairwise correlation", ratio),
)

LIMITS = (
    (
        "Survivorship: the universe is what the source knows. An instrument that vanished before the source was first "
        "read is absent from every window, so past returns are biased upward."
    ),
    (
        "Returns out of sample are a simulation of decisions, not a record of trades; taxes, funding and market impact "
        "beyond the stated costs are not in them."
    ),
    "The weights are the output of stated rules on stated data. They are not advice.",
)
