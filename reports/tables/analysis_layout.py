"""Columns of the printed tables of `reports.tables.analysis_tables`."""

from __future__ import annotations

from reports.text.formats import (
    Field,
    code,
    date,
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

SENSITIVITY = (
    number("threshold", "Cut at", ratio),
    number("n_clusters", "Clusters", whole),
    number("largest_share", "Largest share", percent),
    number("mean_intra_correlation", "Mean corr. inside"),
    number("cophenetic_correlation", "Cophenetic corr."),
    text("is_used", "", lambda value: "in use" if value else ""),
)
DRIFT = (
    text("cluster_id", "Cluster", whole),
    text("cluster_label", "Label"),
    number("n_members", "Members", whole),
    number("drift", "Drift", score),
    text("is_alert", "Alert", lambda value: "above 0.3" if value else ""),
)
SUBCLUSTERS = (
    text("cluster_id", "Cluster", whole),
    text("cluster_label", "Label"),
    text("subcluster_id", "Sub-cluster", whole),
    number("n_members", "Members", whole),
    number("n_identities", "Identities", whole),
    text("members", "Instruments"),
)
ANCHORS = (
    number("rank", "#", whole),
    code("symbol", "Symbol"),
    text("name", "Name"),
    text("asset_class", "Class", word),
    number("correlation", "Corr."),
    number("n_common", "Sessions", whole),
    text("is_selected", "", lambda value: "selected" if value else ""),
)
CORRELATION_SUMMARY = (
    text("stream", "Stream", word),
    number("n_pairs", "Pairs", whole),
    number("mean", "Mean"),
    number("median", "Median"),
    number("minimum", "Lowest"),
    number("maximum", "Highest"),
    number("share_above_half", "Above 0.5", percent),
    number("effective_number", "Effective N"),
)
CORRELATION_LEVELS = (
    number("window_sessions", "Sessions", whole),
    number("last_correlation", "Last"),
    number("mean_correlation", "Mean"),
    number("lowest_correlation", "Lowest"),
    number("highest_correlation", "Highest"),
    date("first_session", "From"),
    date("last_session", "To"),
)
CORRELATION_PAIRS = (
    number("rank", "#", whole),
    code("symbol", "Symbol"),
    text("name", "Name"),
    code("other_symbol", "With"),
    text("other_name", "Name"),
    number("correlation", "Physical"),
    number("held_correlation", "Held"),
    text("is_one_cluster", "", lambda value: "one cluster" if value else ""),
)
REDUNDANCY = (
    code("symbol", "Symbol"),
    text("name", "Name"),
    text("cluster_id", "Cluster", whole),
    code("nearest_symbol", "Nearest"),
    number("held_correlation", "Held corr."),
    number("n_redundant", "From 0.9 up", whole),
)
TARGETS = (
    text("risk_profile", "Profile", word),
    text("target", "Promise"),
    status("verdict", "Verdict"),
    text("message", "What it rests on"),
)
COMPARISONS = (
    text("risk_profile", "Promise of", word),
    text("figure", "Figure", word),
    text("lower_risk_profile", "Should be lower", word),
    number("lower_value", "Value", score),
    text("upper_risk_profile", "Should be higher", word),
    number("upper_value", "Value", score),
    text("is_kept", "In sample", lambda value: "kept" if value else "broken"),
    number("p_value", "p", score),
    number("p_opposite", "p of the opposite", score),
)
_STAGES = (
    ("raw_pool", "Raw pool"),
    ("selected", "Selected"),
    ("optimised", "Optimised"),
)
ISOLATION = (
    text("risk_profile", "Profile", word),
    *(number(name, head, percent) for name, head in _STAGES),
    number("selection_alpha", "Selection alpha", signed_percent),
    number("selection_lower", "95 % from", signed_percent),
    number("selection_upper", "to", signed_percent),
    number("optimisation_alpha", "Optimisation alpha", signed_percent),
    number("optimisation_lower", "95 % from", signed_percent),
    number("optimisation_upper", "to", signed_percent),
    text("message", "Note"),
)
ISOLATION_SHARPE = (
    text("risk_profile", "Profile", word),
    *(number(name, head, ratio) for name, head in _STAGES),
    number("selection_alpha", "From selection"),
    number("optimisation_alpha", "From optimisation"),
)
ISOLATION_FRACTIONS = (
    text("metric", "Figure", word),
    text("risk_profile", "Profile", word),
    *(number(name, head, percent) for name, head in _STAGES),
    number("selection_alpha", "From selection", signed_percent),
    number("optimisation_alpha", "From optimisation", signed_percent),
)
ISOLATION_IN_BRIEF: tuple[Field, ...] = tuple(field for field in ISOLATION if field.name != "message")
