"""Decide the portfolio from candidates to weights, in production and in the tournament alike.

See docs/method/08-allocation.md#8.1, docs/method/09-tournament.md#9.1.

Three decisions follow each other. `decide_selection` takes the winners of each cluster from the candidates,
`decide_clusters` clusters the winners on their full history, `decide_weights` allocates across those clusters.
`analytics.tournament.replay` chains them over the windows of a tournament.
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
"""Height of a cut that is never read, because `recut` replaces it."""


@dataclass(frozen=True, slots=True, eq=False)
class SelectedInstruments:
    """Winners of a selection, in the order of the columns of their returns.

    Attributes
    ----------
    symbols, identities, asset_classes : tuple of N str
        Names, identities and asset classes.
    directions : (N,)
        +1 for long, -1 for short.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.policy import SelectedInstruments
    >>> winners = SelectedInstruments(("X:A", "X:B"), ("A", "B"), ("equity", "crypto"), np.array([1, -1]))
    >>> winners.where(np.array([False, True])).symbols
    ('X:B',)
    """

    symbols: tuple[str, ...]
    identities: tuple[str, ...]
    asset_classes: tuple[str, ...]
    directions: IntVector

    @classmethod
    def of(cls, selection: pl.DataFrame) -> SelectedInstruments:
        """Take the selected rows of a selection, by symbol.

        Parameters
        ----------
        selection : polars.DataFrame
            Of `decide_selection`.

        Returns
        -------
        SelectedInstruments
        """
        rows = selection.filter(pl.col("is_selected")).sort("symbol")
        return cls(
            tuple(rows["symbol"]),
            tuple(rows["identity"]),
            tuple(rows["asset_class"]),
            rows["direction"].cast(pl.Int64).to_numpy(),
        )

    def where(self, keep: BoolVector) -> SelectedInstruments:
        """Keep the instruments that a mask marks.

        Parameters
        ----------
        keep : (N,)
            Mask.

        Returns
        -------
        SelectedInstruments
        """
        return SelectedInstruments(
            tuple(symbol for symbol, kept in zip(self.symbols, keep, strict=True) if kept),
            tuple(identity for identity, kept in zip(self.identities, keep, strict=True) if kept),
            tuple(name for name, kept in zip(self.asset_classes, keep, strict=True) if kept),
            self.directions[keep],
        )


@dataclass(frozen=True, slots=True, eq=False)
class HeldWeights:
    """Weights held before the decision.

    Attributes
    ----------
    net_weights : mapping of str to float
        Signed weight of each symbol as a fraction; empty means cash only.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.policy import HeldWeights, SelectedInstruments
    >>> winners = SelectedInstruments(("X:A", "X:B"), ("A", "B"), ("equity", "equity"), np.array([1, 1]))
    >>> HeldWeights({"X:A": 0.3, "X:OLD": -0.2}).aligned(winners)
    (array([0.3, 0. ]), 0.2)
    """

    net_weights: Mapping[str, float] = field(default_factory=dict)

    def aligned(self, chosen: SelectedInstruments) -> tuple[FloatVector, float]:
        """Align the held weights with the chosen instruments.

        Parameters
        ----------
        chosen : SelectedInstruments
            N instruments.

        Returns
        -------
        weights : (N,)
            Signed weight held of each chosen symbol.
        elsewhere : float
            Sum of |weight| held in other symbols.
        """
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
    """Cluster the candidates on the light window and select the winners of each cluster.

    See docs/method/05-discovery-selection.md#5.5 to 5.9.

    Parameters
    ----------
    past_returns : (T, N)
        Physical simple returns of the candidates as fractions, NaN for NULL; the last `light_sessions` decide, the last
        `full_sessions` show who was listed recently.
    candidates : polars.DataFrame
        One row per column of `past_returns`, in its order, with the columns that `select_instruments` needs.
    regime : str
        Decision regime, which sets the cut height.
    settings : DecisionSettings
        `data`, `dependence`, `discovery`, `selection` and `flags` are used.
    periods_per_year : int
        252 on the business grid, 365 on the 24/7 grid.

    Returns
    -------
    clustering : Clustering
        Of the candidates.
    selection : polars.DataFrame
        One row for every candidate with the one reason why it was kept or dropped.

    Raises
    ------
    InputError
        As `cluster_instruments` and `select_instruments`.
    ShortHistoryError
        Fewer than `min_overlap_sessions` sessions.

    Examples
    --------
    From ten candidates in two clusters to weights.

    >>> import numpy as np
    >>> import polars as pl
    >>> from analytics.policy import HeldWeights, SelectedInstruments
    >>> from analytics.policy import decide_clusters, decide_selection, decide_weights
    >>> from analytics.settings import AllocationSettings, DecisionSettings
    >>> rng = np.random.default_rng(0)
    >>> returns = 0.001 + 0.01 * (np.repeat(rng.normal(size=(250, 2)), 5, axis=1) + 0.4 * rng.normal(size=(250, 10)))
    >>> symbols = [f"X:{number}" for number in range(10)]
    >>> candidates = pl.DataFrame(
    ...     {
    ...         "symbol": symbols, "identity": symbols, "asset_class": ["equity"] * 10, "sector": ["Energy"] * 10,
    ...         "direction": [1] * 10, "value_traded_usd": [1e8] * 10, "close": [100.0] * 10, "atr": [2.0] * 10,
    ...         "discovery_score": [0.5] * 10, "health_status": ["OK"] * 10,
    ...     }
    ... )
    >>> settings = DecisionSettings(allocation=AllocationSettings(risk_profiles=("risk_parity",), cap=0.6))
    >>> clustering, selection = decide_selection(returns, candidates, "NORMAL", settings, periods_per_year=252)
    >>> winners = SelectedInstruments.of(selection)
    >>> columns = [symbols.index(symbol) for symbol in winners.symbols]
    >>> clusters = decide_clusters(returns[:, columns], winners, "NORMAL", settings)
    >>> allocation = decide_weights(
    ...     returns[:, columns], winners, clusters.cluster_ids, "risk_parity", "NORMAL", settings, HeldWeights(),
    ...     periods_per_year=252,
    ... )
    >>> clustering.n_clusters, clusters.n_clusters
    (2, 2)
    >>> round(float(allocation.weights.sum()) + allocation.cash, 6)
    1.0
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
    """Mark instruments whose history is shorter than the full lookback, which the light window alone cannot show.

    See docs/method/02-returns.md#2.4.
    """
    known = np.isfinite(past_returns)
    is_late = known.any(axis=0) & (known.argmax(axis=0) > LONGEST_CLOSURE_SESSIONS)
    is_kept = pl.col("reason") != SelectionReason.SHORT_HISTORY.value
    return selection.with_columns(is_recent_listing=is_kept & (pl.col("is_recent_listing") | pl.Series(is_late)))


def decide_clusters(
    past_returns: FloatMatrix, chosen: SelectedInstruments, regime: str, settings: DecisionSettings
) -> Clustering:
    """Cluster the winners on their full history; the cap applies to these clusters.

    See docs/method/04-clusters.md#4.1.

    Parameters
    ----------
    past_returns : (T, N)
        Physical simple returns as fractions, one column per chosen symbol; NaN for NULL.
    chosen : SelectedInstruments
        The winners.
    regime : str
        Decision regime, which sets the cut height.
    settings : DecisionSettings
        `dependence` and `flags` are used.

    Returns
    -------
    Clustering
        The example of `decide_selection` shows its use.

    Raises
    ------
    InputError
        As `link_winners`, or the regime has no cut height.
    ShortHistoryError
        As `link_winners`.
    """
    return recut(link_winners(past_returns, chosen, settings), settings.cut_height(regime))


def link_winners(past_returns: FloatMatrix, chosen: SelectedInstruments, settings: DecisionSettings) -> Clustering:
    """Link the winners into a tree on their full history; `recut` cuts it at the height of a regime.

    See docs/method/04-clusters.md#4.1.

    Parameters
    ----------
    past_returns : (T, N)
        Physical simple returns as fractions, one column per chosen symbol; NaN for NULL.
    chosen : SelectedInstruments
        The winners.
    settings : DecisionSettings
        `dependence` is used.

    Returns
    -------
    Clustering
        Its cut has no meaning.

    Raises
    ------
    InputError
        As `cluster_instruments`.
    ShortHistoryError
        Nothing was selected, or fewer than `min_overlap_sessions` sessions.
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
        Physical simple returns as fractions, one column per chosen symbol; NaN for NULL.
    chosen : SelectedInstruments
        The winners.
    cluster_ids : (N,)
        Cluster of each chosen symbol, 1..K; 0 for an instrument that the clustering excluded, which is left out.
    risk_profile : str
        Name of the portfolio construction (docs/method/08-allocation.md#8.2).
    regime : str
        Decision regime.
    settings : DecisionSettings
        `allocation`, `dependence`, `flags` and the trading costs of `tournament` are used.
    held : HeldWeights
        Weights before the decision, for turnover.
    periods_per_year : int
        252 on the business grid, 365 on the 24/7 grid.
    exposures : (N,), optional
        Multipliers of gross weight from sentiment (docs/method/07-regime.md#7.6), in [0, 1]; the rest becomes cash.

    Returns
    -------
    Allocation
        The example of `decide_selection` shows its use.

    Raises
    ------
    InputError
        Returns or settings that cannot be right.
    InfeasibleError
        No portfolio satisfies the caps.
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
            instrument_cap=allocation_settings.instrument_cap_for(len(chosen.symbols)),
            cash_allowed=allocation_settings.cash_allowed,
            held_weights=held_weights,
            held_elsewhere=held_elsewhere,
            risk_free_rate=allocation_settings.risk_free_rate_annual,
            regime=cast("Regime", regime),
            fragility_penalty=allocation_settings.fragility_penalty_for(flags),
            turnover_penalty=allocation_settings.turnover_penalty_for(flags),
            trade_cost_annual=settings.trade_cost_annual(periods_per_year),
            alpha_weighting=flags.feat_alpha_weighting,
            covariance_method=dependence.covariance,
            shrinkage_target=dependence.shrinkage_target,
            covariance_halflife_sessions=dependence.covariance_halflife_sessions,
        )
    )
    return allocation if exposures is None else _scaled(allocation, exposures[keep])


def _scaled(allocation: Allocation, exposures: FloatVector) -> Allocation:
    """Multiply gross weights by their exposure and give the rest to cash.

    See docs/method/07-regime.md#7.6.
    """
    weights = allocation.weights * exposures
    return replace(
        allocation,
        weights=weights,
        net_weights=allocation.net_weights * exposures,
        cluster_weights=np.asarray((allocation.blend > 0.0).T.astype(np.float64) @ weights),
        cash=1.0 - float(weights.sum()),
    )
