"""Select the best longs and shorts of every cluster and give each candidate one reason.

See docs/method/05-discovery-selection.md#5.5 to 5.9.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from analytics._typing import BoolVector, FloatVector, IntVector
from analytics.clustering.clusters import Clustering
from analytics.errors import InputError
from analytics.panel import Panel, check_panel, unusable_columns
from analytics.selection.candidate_pool import check_candidates, class_quotas, identity_ranks
from analytics.selection.execution_score import (
    CandidateFigures,
    combine_ranks,
    cumulative_return,
    measure_figures,
    rank_figures,
)
from analytics.settings import DecisionSettings, QuotaSettings

# A market's longest closure on a business grid: a first return this early does not tell a holiday from a listing.
LONGEST_CLOSURE_SESSIONS = 5


class SelectionReason(StrEnum):
    """Reason for which a candidate was kept or dropped; of several that apply, the first in this order is given.

    See docs/method/05-discovery-selection.md#5.9.
    """

    HEALTH_MISSING = "health_missing"
    HEALTH_INVALID = "health_invalid"
    HEALTH_STALE = "health_stale"
    HEALTH_GAPS = "health_gaps"
    IDENTITY_DUPLICATE = "identity_duplicate"
    SHORT_HISTORY = "short_history"
    NO_VARIATION = "no_variation"
    SPARSE_OVERLAP = "sparse_overlap"
    CLASS_QUOTA = "class_quota"
    MOMENTUM_GATE = "momentum_gate"
    BELOW_TOP_N = "below_top_n"
    SELECTED = "selected"


_HEALTH_REASONS = {
    "MISSING": SelectionReason.HEALTH_MISSING,
    "INVALID": SelectionReason.HEALTH_INVALID,
    "STALE": SelectionReason.HEALTH_STALE,
    "GAPS": SelectionReason.HEALTH_GAPS,
}


@dataclass(frozen=True, slots=True)
class _AssessedPool:
    """Candidates with the facts of each that need no comparison with others; arrays are (N,)."""

    table: pl.DataFrame
    cluster_ids: IntVector
    directions: FloatVector
    identity_rank: IntVector
    is_short: BoolVector
    is_constant: BoolVector
    is_recent: BoolVector


def select_instruments(
    past_returns: ArrayLike,
    candidates: pl.DataFrame,
    clustering: Clustering,
    settings: DecisionSettings,
    *,
    periods_per_year: float,
) -> pl.DataFrame:
    """Select the instruments of the portfolio and give the reason for every candidate.

    See docs/method/05-discovery-selection.md#5.5 to 5.9.

    Parameters
    ----------
    past_returns : (T, N)
        Physical simple returns as fractions, the last row the most recent; NaN for NULL.
    candidates : polars.DataFrame
        One row per column of the returns, in their order: symbol, identity, asset_class, sector, direction (+1, -1),
        value_traded_usd, close, atr, discovery_score, health_status.
    clustering : Clustering
        Of the same symbols, in any order.
    settings : DecisionSettings
        `data`, `dependence`, `discovery`, `selection` and `flags` are used.
    periods_per_year : float
        252 on the business grid, 365 on the 24/7 grid.

    Returns
    -------
    polars.DataFrame
        One row per candidate in their order, the columns of results.selection without run_id; reason is a
        `SelectionReason`.

    Raises
    ------
    InputError
        Candidates that break their contract, do not match the columns or were not clustered; infinite returns.
    ShortHistoryError
        Fewer than two sessions.

    Examples
    --------
    Two instruments of one cluster compete for one long.

    >>> import numpy as np
    >>> import polars as pl
    >>> from analytics.clustering.clusters import cluster_instruments
    >>> from analytics.selection.natural_selection import select_instruments
    >>> from analytics.settings import DecisionSettings, SelectionSettings
    >>> rng = np.random.default_rng(0)
    >>> returns = [0.002, 0.0] + 0.01 * (rng.normal(size=(60, 1)) + 0.1 * rng.normal(size=(60, 2)))
    >>> candidates = pl.DataFrame(
    ...     {
    ...         "symbol": ["X:A", "X:B"], "identity": ["A", "B"], "asset_class": ["equity"] * 2,
    ...         "sector": ["Energy"] * 2, "direction": [1, 1], "value_traded_usd": [1e8, 1e7],
    ...         "close": [100.0, 100.0], "atr": [2.0, 2.0], "discovery_score": [0.6, 0.5],
    ...         "health_status": ["OK", "OK"],
    ...     }
    ... )
    >>> clustering = cluster_instruments(returns, ["X:A", "X:B"], [1, 1], threshold=0.4)
    >>> settings = DecisionSettings(selection=SelectionSettings(top_n=1, min_momentum=-1.0))
    >>> table = select_instruments(returns, candidates, clustering, settings, periods_per_year=252)
    >>> table.select("symbol", "cluster_id", "reason").rows()
    [('X:A', 1, 'selected'), ('X:B', 1, 'below_top_n')]
    """
    table = check_candidates(candidates)
    panel = check_panel(past_returns, table["symbol"].to_list())
    pool = _assess_histories(table, panel, clustering, settings)
    held = panel.returns * pool.directions
    figures = measure_figures(held, ~pool.is_short & ~pool.is_constant, table, periods_per_year)
    ranks = rank_figures(figures, pool.cluster_ids, across_pool=settings.flags.feat_xs_momentum)
    score = combine_ranks(ranks)
    passed_gate = cumulative_return(held, settings.selection.momentum_sessions) >= settings.selection.min_momentum
    passed_gate &= ~pool.is_short
    reasons = _apply_quotas(_reasons_before_comparison(pool), table, settings.discovery)
    for index, reason in enumerate(reasons):
        if reason is None and not passed_gate[index]:
            reasons[index] = SelectionReason.MOMENTUM_GATE
    final_reasons = _select_best(reasons, pool, score, cluster_limits(clustering, settings))
    return (
        _describe(pool, figures)
        .with_columns(
            *(pl.Series(f"{name}_rank", values) for name, values in ranks.items()),
            pl.Series("score", score),
            pl.Series("identity_rank", pool.identity_rank),
            pl.Series("passed_gate", passed_gate),
            pl.Series("is_recent_listing", pool.is_recent),
            pl.Series("is_selected", [reason is SelectionReason.SELECTED for reason in final_reasons]),
            pl.Series("reason", [reason.value for reason in final_reasons]),
        )
        .with_columns(pl.col(pl.Float64).fill_nan(None))
    )


def cluster_limits(clustering: Clustering, settings: DecisionSettings) -> IntVector:
    """Compute the longs, and shorts, selected of each cluster: max(1, round(top_n * (1 - mean rho) + 0.5)).

    See docs/method/05-discovery-selection.md#5.7.

    `round` is Python's: a half goes to the even neighbour. A cluster without a known pair has the limit 1.

    Parameters
    ----------
    clustering : Clustering
        K clusters.
    settings : DecisionSettings
        Without `feat_dynamic_selection` every limit is `selection.top_n`.

    Returns
    -------
    (K,)
        At least 1.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.clustering.clusters import cluster_instruments
    >>> from analytics.selection.natural_selection import cluster_limits
    >>> from analytics.settings import DecisionSettings, Flags, SelectionSettings
    >>> rng = np.random.default_rng(0)
    >>> returns = 0.01 * (rng.normal(size=(60, 1)) + 1.5 * rng.normal(size=(60, 4)))
    >>> clustering = cluster_instruments(returns, list("ABCD"), np.ones(4), threshold=2.0)
    >>> settings = DecisionSettings(
    ...     selection=SelectionSettings(top_n=5), flags=Flags(feat_dynamic_selection=True)
    ... )
    >>> cluster_limits(clustering, settings)
    array([4])
    """
    top_n = settings.selection.top_n
    if not settings.flags.feat_dynamic_selection:
        return np.full(clustering.n_clusters, top_n, dtype=np.int64)
    means = np.where(np.isnan(clustering.mean_correlation), 1.0, clustering.mean_correlation)
    return np.asarray([max(1, round(top_n * (1.0 - float(mean)) + 0.5)) for mean in means], dtype=np.int64)


def _assess_histories(
    table: pl.DataFrame, panel: Panel, clustering: Clustering, settings: DecisionSettings
) -> _AssessedPool:
    """Mark candidates whose history is too short or constant to compare, and recent listings that stay.

    See docs/method/02-returns.md#2.4.
    """
    by_symbol = dict(zip(clustering.symbols, clustering.cluster_ids.tolist(), strict=True))
    unclustered = [symbol for symbol in panel.symbols if symbol not in by_symbol]
    if unclustered:
        raise InputError(f"Candidate {unclustered[0]} was not clustered; cluster the whole pool before selecting.")
    known = np.isfinite(panel.returns)
    n_sessions = known.shape[0]
    first = np.where(known.any(axis=0), known.argmax(axis=0), n_sessions)
    is_late = first > LONGEST_CLOSURE_SESSIONS
    is_short = is_late & (n_sessions - first < settings.data.min_history_sessions)
    is_short |= known.sum(axis=0) < settings.dependence.min_overlap_sessions
    is_constant = np.zeros(first.size, dtype=bool)
    is_constant[list(unusable_columns(panel))] = True
    return _AssessedPool(
        table=table,
        cluster_ids=np.asarray([by_symbol[symbol] for symbol in panel.symbols], dtype=np.int64),
        directions=table["direction"].to_numpy().astype(np.float64),
        identity_rank=np.asarray(identity_ranks(table), dtype=np.int64),
        is_short=is_short,
        is_constant=is_constant,
        is_recent=~is_short & (is_late | (table["health_status"] == "SHORT").to_numpy()),
    )


def _reasons_before_comparison(pool: _AssessedPool) -> list[SelectionReason | None]:
    """Reason of each candidate that is out before any comparison of scores; None for the others."""
    exclusions = (
        (pool.identity_rank > 1, SelectionReason.IDENTITY_DUPLICATE),
        (pool.is_short, SelectionReason.SHORT_HISTORY),
        (pool.is_constant, SelectionReason.NO_VARIATION),
        (pool.cluster_ids == 0, SelectionReason.SPARSE_OVERLAP),
    )
    reasons = [_HEALTH_REASONS.get(health) for health in pool.table["health_status"].to_list()]
    return [
        reason or next((exclusion for applies, exclusion in exclusions if applies[index]), None)
        for index, reason in enumerate(reasons)
    ]


def _apply_quotas(
    reasons: list[SelectionReason | None], table: pl.DataFrame, quota: QuotaSettings
) -> list[SelectionReason | None]:
    """Keep the best discovery scores of each class; candidates that are out already do not count."""
    quotas = class_quotas(table, quota.max_candidates, quota.quota_min, quota.quota_max)
    final_reasons = list(reasons)
    n_seen: dict[str, int] = defaultdict(int)
    rows = list(table.select("asset_class", "discovery_score", "symbol").iter_rows())
    for index in sorted(range(len(rows)), key=lambda row: (-rows[row][1], rows[row][2])):
        asset_class = rows[index][0]
        if final_reasons[index] is None:
            n_seen[asset_class] += 1
            if n_seen[asset_class] > quotas[asset_class]:
                final_reasons[index] = SelectionReason.CLASS_QUOTA
    return final_reasons


def _select_best(
    reasons: list[SelectionReason | None], pool: _AssessedPool, score: FloatVector, limits: IntVector
) -> list[SelectionReason]:
    """Select the best scores of each cluster and direction up to the limit of the cluster."""
    symbols = pool.table["symbol"].to_list()
    remaining = [index for index, reason in enumerate(reasons) if reason is None]
    n_seen: dict[tuple[int, float], int] = defaultdict(int)
    final_reasons = [reason or SelectionReason.BELOW_TOP_N for reason in reasons]
    for index in sorted(remaining, key=lambda row: (-score[row], symbols[row])):
        side = (int(pool.cluster_ids[index]), float(pool.directions[index]))
        n_seen[side] += 1
        if n_seen[side] <= limits[side[0] - 1]:
            final_reasons[index] = SelectionReason.SELECTED
    return final_reasons


def _describe(pool: _AssessedPool, figures: CandidateFigures) -> pl.DataFrame:
    """Columns of the table that describe the candidates."""
    return pool.table.select(
        "symbol",
        "identity",
        pl.Series("cluster_id", pool.cluster_ids),
        "direction",
        "asset_class",
        "sector",
        pl.Series("momentum", figures.momentum),
        pl.Series("volatility_annual", figures.volatility_annual),
        pl.Series("convexity", figures.convexity),
        pl.Series("liquidity", figures.liquidity),
    )
