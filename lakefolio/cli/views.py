"""Tables of a run that the command line prints: where they are read, and which columns a person sees in 80 characters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lakefolio.cli.output import cell
from reports.text.formats import (
    MISSING,
    Field,
    cluster_label,
    code,
    date,
    general,
    money,
    number,
    outcome,
    percent,
    quantity,
    ratio,
    scientific,
    side,
    signed_percent,
    text,
    whole,
    word,
    yes_no,
)


@dataclass(frozen=True, slots=True)
class View:
    """One table of a run: its query, with a parameter for the run id, and the columns shown without `--wide`.

    `table` is the output of a step that the rows come from, `words` names the rows where the view's name does not.
    """

    query: str
    fields: Sequence[Field]
    table: str = ""
    words: str = ""


_DECIMAL = re.compile(r"-?\d+\.\d+(e[+-]?\d+)?")
_HASH = re.compile("[0-9a-f]{16}")


def _rounded(value: float | None) -> str:
    return MISSING if value is None else f"{value:,.0f}"


def _short(value: str | None) -> str:
    """Write a value of a comparison: six digits of a number with decimals, the beginning of a hash, all of other text."""
    if value is not None and _DECIMAL.fullmatch(value):
        return format(float(value), ".6g")
    return MISSING if not value else value[:8] if _HASH.fullmatch(value) else value


_DIRECTION = Field("direction", "Side", side)

VIEWS: dict[str, View] = {
    "clusters": View(
        "select symbol, cluster_id, subcluster_id, label, purity, mean_correlation from results.clusters "
        "where run_id = ? and stage = 'full' order by cluster_id, symbol",
        (
            code("symbol", "Symbol"), text("cluster_id", "Cluster", cell), text("subcluster_id", "Sub", cell),
            text("label", "Label", cluster_label), number("purity", "Purity", percent), number("mean_correlation", "Mean corr."),
        ),
        "results.clusters:full",
    ),
    "drift": View(
        "select * exclude (run_id) from results.drift where run_id = ? order by risk_profile, symbol",
        (
            text("risk_profile", "Risk profile", word), code("symbol", "Symbol"), number("held_weight", "Held", percent),
            number("target_weight", "Target", percent), number("drift", "Drift", percent), text("action", "Action"),
        ),
        "results.drift",
    ),
    "gate": View(
        "select * exclude (run_id) from results.audit_checks where run_id = ? order by passed, risk_profile, \"check\"",
        (
            text("passed", "Result", outcome), text("check", "Check"), text("risk_profile", "Risk profile", word),
            number("value", "Value", general), number("limit", "Limit", general),
        ),
        "results.audit_checks", "audit checks",
    ),
    "regime": View(
        "select * exclude (run_id, stage) from results.regimes where run_id = ? and stage = 'full' "
        "order by session_date desc limit 20",
        (
            date("session_date", "Session"), text("regime", "Regime"), number("score", "Score"),
            text("deciding_component", "Decided by", word), number("volatility_level", "Vol. level"),
            number("drawdown", "Drawdown", percent), number("spectral_level", "Spectral"),
            number("volatility_ratio", "Vol. ratio"), number("average_correlation", "Avg corr."),
        ),
        "results.regimes:full",
    ),
    "selection": View(
        "select * exclude (run_id) from results.selection where run_id = ? order by cluster_id, score desc",
        (
            code("symbol", "Symbol"), text("cluster_id", "Cl.", cell), _DIRECTION, number("momentum", "Mom.", percent),
            number("score", "Score"), text("is_selected", "Sel.", yes_no), text("reason", "Reason"),
        ),
        "results.selection",
    ),
    "solves": View(
        "select * exclude (run_id) from results.solves where run_id = ? order by risk_profile",
        (
            text("risk_profile", "Risk profile", word), text("status", "Status", word), text("solver", "Solver", word),
            number("iterations", "Iter.", whole), number("primal_residual", "Primal", scientific),
            number("dual_residual", "Dual", scientific), number("objective", "Objective", general),
        ),
        "results.solves",
    ),
    "sync": View("", (code("artifact", "Artifact"), number("bytes", "Bytes", whole))),
    "tournament": View(
        "select engine, risk_profile, simulator, status, metric, value from results.tournament_metrics "
        "where run_id = ? order by all",
        (
            text("engine", "Engine", word), text("risk_profile", "Risk profile", word), text("simulator", "Simulator"),
            number("sharpe", "Sharpe", ratio), number("cagr", "CAGR", percent),
            number("max_drawdown", "Drawdown", percent),
        ),
        "results.tournament_metrics", "tournament metrics",
    ),
    "weights": View(
        "select * exclude (run_id) from results.weights where run_id = ? order by risk_profile, weight desc",
        (
            text("risk_profile", "Risk profile", word), code("symbol", "Symbol"), text("cluster_id", "Cl.", cell),
            text("sleeve", "Sleeve"), _DIRECTION, number("weight", "Weight", percent),
            number("net_weight", "Net", signed_percent),
        ),
        "results.weights",
    ),
}  # fmt: skip
"""Tables that `show` prints."""

ORDERS = View(
    "select * exclude (run_id) from results.orders where run_id = ? and (? is null or risk_profile = ?) order by all",
    (
        text("risk_profile", "Risk profile", word), code("symbol", "Symbol"), text("side", "Side", word),
        number("notional", "USD", _rounded),
        number("quantity", "Quantity", quantity),
    ),
    "results.orders",
)  # fmt: skip

STATUS = View(
    "select runs.run_id, runs.profile, runs.parent_run_id, runs.source, runs.as_of, runs.is_simulated, "
    "arg_max(steps.step, steps.started_at) as last_step, arg_max(steps.status, steps.started_at) as status, "
    "sum(steps.seconds) as seconds, runs.started_at from scope.runs as runs "
    "left join results.steps as steps on runs.run_id = steps.run_id group by all order by runs.started_at desc",
    (
        code("run_id", "Run"), text("profile", "Profile"), text("parent_run_id", "Parent"), text("last_step", "Last step"),
        text("status", "Status"), date("as_of", "As of"), text("source", "Source"), number("seconds", "Seconds", _rounded),
    ),
)  # fmt: skip

STEPS = (text("number", "No.", cell), code("name", "Step"), text("description", "Description"))
DIFFERENCES = (
    text("what", "What"), text("name", "Name"), text("at", "Largest at", cell), text("left", "Left", _short),
    text("right", "Right", _short), number("difference", "Diff.", scientific),
)  # fmt: skip
DIAGNOSIS = (text("what", "Check"), text("is_fine", "Fine", yes_no), text("detail", "Detail"))
HASHES = (
    code("name", "Output"), text("is_equal", "Equal", yes_no), text("recorded", "Recorded", lambda value: value[:12]),
    text("reproduced", "Reproduced", lambda value: value[:12]),
)  # fmt: skip
SNAPSHOTS = (
    number("snapshot_id", "Snapshot", cell), text("committed_at", "Committed", cell), text("run_id", "Run", cell),
    text("step", "Step", cell), text("message", "Message", cell),
)  # fmt: skip
LAKE_STATUS: dict[str, Sequence[Field]] = {
    "Lake": (
        number("n_snapshots", "Snapshots", whole), number("n_pinned", "Pinned", whole), number("n_files", "Files", whole),
        number("n_bytes", "Bytes", whole), number("n_snapshots_expirable", "Expirable", whole),
        number("n_bytes_expirable", "Bytes freed", whole),
    ),
    "Tables": (
        text("table", "Table"), number("n_rows", "Rows", whole), number("n_files", "Files", whole),
        number("n_bytes", "Bytes", whole), number("n_inlined_rows", "In catalog", whole),
    ),
    "Pinned snapshots": (
        code("run_id", "Run"), number("snapshot_id", "Snapshot", cell), text("committed_at", "Committed", cell),
    ),
    "Changed by other programs": (text("table", "Table"), number("snapshot_id", "Snapshot", cell)),
}  # fmt: skip
LIQUIDITY = (
    code("symbol", "Symbol"), text("quote", "Quote"), number("value_traded_usd", "Value traded USD", money),
    number("n_venues", "Venues", whole), text("reason", "Excluded because"),
)  # fmt: skip

ANALYSIS: dict[str, Sequence[Field]] = {
    "clusters": (
        text("cluster_id", "Cl.", cell), text("label", "Label", cluster_label), number("n_members", "N", whole),
        number("purity", "Purity", percent), number("mean_correlation", "Corr."), text("members", "Members"),
    ),
    "left out": (code("symbol", "Symbol"), text("reason", "Reason")),
    "drift": (
        text("cluster_id", "Cl.", cell), number("n_members", "Members", whole), number("drift", "Drift", ratio),
        number("adjusted_rand", "Adj. Rand"), text("is_alert", "Alert", yes_no), text("message", "Message"),
    ),
    "hedge anchors": (
        text("reference", "Reference"), number("rank", "Rank", cell), code("symbol", "Symbol"),
        number("correlation", "Corr."), number("n_common", "Sessions", whole),
    ),
    "all pairs": (
        text("stream", "Stream"), number("n_pairs", "Pairs", whole), number("mean", "Mean"), number("median", "Median"),
        number("minimum", "Least"), number("maximum", "Largest"), number("share_above_half", "> 0.5", percent),
    ),
    "rolling averages": (
        date("session_date", "Session"), number("over_20_sessions", "20 sessions"),
        number("over_60_sessions", "60 sessions"), number("over_180_sessions", "180 sessions"),
    ),
    "top pairs": (
        text("kind", "Kind"), number("rank", "Rank", cell), code("symbol", "Symbol"), code("other_symbol", "Other"),
        number("correlation", "Corr."), number("held_correlation", "As held"),
    ),
    "redundancy": (
        code("symbol", "Symbol"), code("nearest_symbol", "Nearest"), number("held_correlation", "As held"),
        number("n_redundant", "Redundant", whole),
    ),
    "threshold sensitivity": (
        number("threshold", "Threshold"), number("n_clusters", "Clusters", whole),
        number("largest_share", "Largest", percent), number("mean_intra_correlation", "Corr. inside"),
        text("is_used", "Used", yes_no),
    ),
}  # fmt: skip
"""Columns of the tables of `analyze`, `correlations` and `sensitivity`, by title."""

HEALTH_COLUMNS: dict[str, tuple[str, ...]] = {
    "now": ("status", "symbol", "n_expected", "n_present", "n_gaps", "n_stale_sessions", "last_session"),
    "history": ("symbol", "stage", "run_id", "status", "movement"),
    "coverage": ("stage", "asset_class", "venue", "n_instruments", "ok_share", "n_gaps", "worst"),
}
"""Columns of the health tables that fit 80 characters."""
