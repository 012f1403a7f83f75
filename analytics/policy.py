"""Decide winners, clusters and weights: the one policy that production and the tournament both call.

See docs/method/08-allocation.md#8.1, docs/method/09-tournament.md#9.1.

Three decisions in order. `decide_selection` takes the winners of each cluster from the candidates, `decide_clusters`
clusters the winners on their full history, `decide_weights` allocates across those clusters. `replay.py` chains them over
the windows of a tournament.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import cast

import numpy as np
import polars as pl

from analytics._typing import BoolVector, FloatMatrix, FloatVector, IntVector
from analytics.allocation import Allocation, AllocationProblem, PortfolioProfile, Regime, allocate
from analytics.clustering.clusters import Clustering, cluster_instruments, recut
from analytics.errors import ShortHistoryError
from analytics.selection.natural_selection import (
    LONGEST_CLOSURE_SESSIONS,
    SelectionReason,
    select_instruments,
)
from analytics.settings import DecisionSettings

_ANY_HEIGHT = 1.0
"""Height of a cut that nobody reads."""


@dataclass(frozen=True, slots=True, eq=False)
class SelectedInstruments:
    """The winners of a selection, in the order of the columns of their returns."""

    symbols: tuple[str, ...]
    identities: tuple[str, ...]
    asset_classes: tuple[str, ...]
    directions: IntVector

    @classmethod
    def of(cls, selection: pl.DataFrame) -> SelectedInstruments:
        """The rows of a selection that are selected, by symbol."""
        rows = selection.filter(pl.col("is_selected")).sort("symbol")
        return cls(
            tuple(rows["symbol"]),
            tuple(rows["identity"]),
            tuple(rows["asset_class"]),
            rows["direction"].cast(pl.Int64).to_numpy(),
        )

    def where(self, keep: BoolVector) -> SelectedInstruments:
        """Those that `keep` (N,) marks."""
        return SelectedInstruments(
            tuple(symbol for symbol, kept in zip(self.symbols, keep, strict=True) if kept),
            tuple(identity for identity, kept in zip(self.identities, keep, strict=True) if kept),
            tuple(name for name, kept in zip(self.asset_classes, keep, strict=True) if kept),
            self.directions[keep],
        )


@dataclass(frozen=True, slots=True, eq=False)
class HeldWeights:
    """Holdings before the decision: signed weights by symbol; none means cash."""

    net_weights: Mapping[str, float] = field(default_factory=dict)

    def aligned(self, chosen: SelectedInstruments) -> tuple[FloatVector, float]:
        """Signed weight held of each chosen symbol (N,), and the sum of |weight| held elsewhere."""
        weights = np.array([self.net_weights.get(symbol, 0.0) for symbol in chosen.symbols], dtype=np.float64)
        elsewhere = sum(abs(weight) for symbol, weight in self.net_weights.items() if symbol not in set(chosen.symbols))
        return weights, float(elsewhere)


def decide_selection(
    past_returns: FloatMatrix,
    candidates: pl.DataFrame,
    regime: str,
    settings: DecisionSettings,
    *,
    periods_per_year: int,
) -> tuple[Clustering, pl.DataFrame]:
    """Cluster the candidates on the light window and take the winners of each cluster.

    See docs/method/05-discovery-selection.md#5.5 to 5.9.

    Parameters
    ----------
    past_returns : (T, N)
        Physical returns of the candidates; the last `light_sessions` decide, the last
        `full_sessions` tell who was listed recently.
    candidates
        One row per column of `past_returns`, in its order.

    Returns
    -------
    (Clustering, frame)
        The clusters, and one row for every candidate with the one reason why it was kept or dropped.
    """
    light = past_returns[-settings.data.light_sessions :]
    clustering = cluster_instruments(
        light,
        tuple(candidates["symbol"]),
        candidates["direction"].cast(pl.Int64).to_numpy(),
        threshold=settings.cut_height(regime),
        method=settings.dependence.linkage,
        lookbacks=settings.dependence.lookback_sessions,
        min_overlap=settings.dependence.min_overlap_sessions,
        unusable="exclude",
    )
    selection = select_instruments(light, candidates, clustering, settings, periods_per_year=periods_per_year)
    return clustering, _mark_recent(selection, past_returns[-settings.data.full_sessions :])


def _mark_recent(selection: pl.DataFrame, past_returns: FloatMatrix) -> pl.DataFrame:
    """Mark those whose history is shorter than the full lookback; the light window alone can't tell.

    See docs/method/02-returns.md#2.4.
    """
    known = np.isfinite(past_returns)
    is_late = known.any(axis=0) & (known.argmax(axis=0) > LONGEST_CLOSURE_SESSIONS)
    is_kept = pl.col("reason") != SelectionReason.SHORT_HISTORY.value
    return selection.with_columns(is_recent_listing=is_kept & (pl.col("is_recent_listing") | pl.Series(is_late)))


def decide_clusters(
    past_returns: FloatMatrix, chosen: SelectedInstruments, regime: str, settings: DecisionSettings
) -> Clustering:
    """Cluster the winners on their full history; these clusters carry the cap.

    See docs/method/04-clusters.md#4.1.

    Parameters
    ----------
    past_returns : (T, N)
        Physical returns, one column per chosen symbol.
    """
    return recut(link_winners(past_returns, chosen, settings), settings.cut_height(regime))


def link_winners(past_returns: FloatMatrix, chosen: SelectedInstruments, settings: DecisionSettings) -> Clustering:
    """Link the winners into a tree on their full history; `recut` cuts it at the height of a regime.

    Parameters
    ----------
    past_returns : (T, N)
        Physical returns, one column per chosen symbol.

    Raises
    ------
    ShortHistoryError
        There is no winner.
    """
    if not chosen.symbols:
        raise ShortHistoryError("nothing was selected, so there is nothing to cluster; see the selection audit for why")
    return cluster_instruments(
        past_returns,
        chosen.symbols,
        chosen.directions,
        threshold=_ANY_HEIGHT,
        method=settings.dependence.linkage,
        lookbacks=settings.dependence.lookback_sessions,
        min_overlap=settings.dependence.min_overlap_sessions,
        unusable="exclude",
    )


def decide_weights(
    past_returns: FloatMatrix,
    chosen: SelectedInstruments,
    cluster_ids: IntVector,
    risk_profile: str,
    regime: str,
    settings: DecisionSettings,
    held: HeldWeights,
    *,
    periods_per_year: int,
    exposures: FloatVector | None = None,
) -> Allocation:
    """Allocate one risk profile over the clusters of the winners.

    See docs/method/08-allocation.md.

    Parameters
    ----------
    past_returns : (T, N)
        Physical returns, one column per chosen symbol.
    cluster_ids : (N,)
        Cluster of each chosen symbol, 1..K; instruments of cluster 0 were left out of the tree and are left out here.
    exposures : (N,), optional
        Multipliers of gross weight from sentiment (docs/method/07-regime.md#7.5); what they take away is cash.
    """
    allocation_settings, dependence, flags = settings.allocation, settings.dependence, settings.flags
    keep = cluster_ids > 0
    kept = chosen.where(keep)
    held_weights, held_elsewhere = held.aligned(kept)
    allocation = allocate(
        AllocationProblem(
            risk_profile=cast("PortfolioProfile", risk_profile),
            symbols=kept.symbols,
            identities=kept.identities,
            directions=kept.directions,
            cluster_ids=cluster_ids[keep],
            past_returns=past_returns[:, keep],
            periods_per_year=periods_per_year,
            cap=allocation_settings.cap,
            instrument_cap=allocation_settings.instrument_cap,
            cash_allowed=allocation_settings.cash_allowed,
            held_weights=held_weights,
            held_elsewhere=held_elsewhere,
            risk_free_rate=allocation_settings.risk_free_rate_annual,
            regime=cast("Regime", regime),
            fragility_penalty=allocation_settings.fragility_penalty_for(flags),
            turnover_penalty=allocation_settings.turnover_penalty_for(flags),
            alpha_weighting=flags.feat_alpha_weighting,
            covariance_method=dependence.covariance,
            covariance_halflife_sessions=dependence.covariance_halflife_sessions,
        )
    )
    return allocation if exposures is None else _scaled(allocation, exposures[keep])


def _scaled(allocation: Allocation, exposures: FloatVector) -> Allocation:
    """Multiply gross weights by their exposure; what is taken away is cash.

    See docs/method/07-regime.md#7.5.
    """
    weights = allocation.weights * exposures
    return replace(
        allocation,
        weights=weights,
        net_weights=allocation.net_weights * exposures,
        cluster_weights=np.asarray((allocation.blend > 0.0).T.astype(np.float64) @ weights),
        cash=1.0 - float(weights.sum()),
    )
