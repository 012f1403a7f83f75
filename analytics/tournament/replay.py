"""Replay the production policy at the end of every train window.

See docs/method/09-tournament.md#9.1, 9.2.

Candidates, regime, selection and clusters of a window are decided once from its past and shared by its risk profiles.
The holdings of a risk profile before a window are its own last decision, carried forward by the returns since, which
are past as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from analytics._typing import FloatMatrix, FloatVector
from analytics.clustering.clusters import Clustering
from analytics.errors import InputError, ShortHistoryError
from analytics.holdings import mark_to_market
from analytics.policy import HeldWeights, SelectedInstruments, decide_clusters, decide_selection, decide_weights
from analytics.regime.detection import detect_regime
from analytics.settings import DecisionSettings
from analytics.tournament.engines import Decide, Decision, PastView, Pool

CANDIDATES = "candidates"
"""Name of the frame of a `PastView` that holds the candidates of each decision session."""


@dataclass(frozen=True, slots=True, eq=False)
class FixedSelection:
    """Today's selection and regime, used in every window when point-in-time fidelity is off."""

    chosen: SelectedInstruments
    regime: str


@dataclass(frozen=True, slots=True, eq=False)
class EarlierMarket:
    """Market stream before the first session of the tournament, so that every window sees its whole history.

    See docs/method/07-regime.md#7.1.

    Attributes
    ----------
    kind : str
        Asset class of the benchmark.
    returns : (T,)
        Simple returns of the benchmark up to the session before the first, NaN where it did not trade.
    """

    kind: str
    returns: FloatVector


@dataclass(frozen=True, slots=True, eq=False)
class PreparedWindow:
    """Selection, train returns, clusters, regime and candidates of one window, which all its risk profiles share."""

    chosen: SelectedInstruments
    train_returns: FloatMatrix
    clustering: Clustering
    regime: str
    candidates: pl.DataFrame


@dataclass(slots=True, eq=False)
class Replay:
    """Production policy over all windows of one tournament, which must be decided in their order.

    Attributes
    ----------
    settings : DecisionSettings
    periods_per_year : int
    earlier_market : EarlierMarket
    fixed_selection : FixedSelection or None
        None: everything is recomputed from the past of each window (`feat_pit_fidelity`).
    """

    settings: DecisionSettings
    periods_per_year: int
    earlier_market: EarlierMarket
    fixed_selection: FixedSelection | None = None
    _prepared: dict[int, PreparedWindow] = field(default_factory=dict)
    _decided: dict[str, tuple[PastView, Decision]] = field(default_factory=dict)

    def decides(self, risk_profiles: Sequence[str]) -> Mapping[str, Decide]:
        """Return one policy for each risk profile."""
        return {risk_profile: self._decide_for(risk_profile) for risk_profile in risk_profiles}

    def raw_pool(self, past: PastView) -> Pool:
        """Return all candidates of a window.

        See docs/method/09-tournament.md#9.7.
        """
        candidates = self.prepare(past).candidates
        return Pool(tuple(candidates["symbol"]), candidates["direction"].cast(pl.Int64).to_numpy())

    def selected_pool(self, past: PastView) -> Pool:
        """Return the selected instruments of a window.

        See docs/method/09-tournament.md#9.7.
        """
        chosen = self.prepare(past).chosen
        return Pool(chosen.symbols, chosen.directions)

    def prepare(self, past: PastView) -> PreparedWindow:
        """Decide candidates, regime, selection and clusters of a window from its past alone."""
        if past.window not in self._prepared:
            self._prepared[past.window] = self._prepare(past)
        return self._prepared[past.window]

    def _prepare(self, past: PastView) -> PreparedWindow:
        candidates = candidates_at(past)
        if self.fixed_selection is None:
            returns = _columns(past.past_returns, past.symbols, candidates["symbol"].to_list())
            regime = self._regime(past)
            train = returns[past.train]
            _, selection = decide_selection(
                train, candidates, regime, self.settings, periods_per_year=self.periods_per_year
            )
            chosen = SelectedInstruments.of(selection)
        else:
            chosen, regime = self.fixed_selection.chosen, self.fixed_selection.regime
        train = _columns(past.train_returns, past.symbols, chosen.symbols)
        known = np.isfinite(train).sum(axis=0) >= self.settings.data.min_history_sessions
        chosen, train = chosen.where(known), train[:, known]
        clustering = decide_clusters(train, chosen, regime, self.settings)
        return PreparedWindow(chosen, train, clustering, regime, candidates)

    def _regime(self, past: PastView) -> str:
        history = detect_regime(
            np.concatenate([self.earlier_market.returns, past.past_benchmark_returns]),
            kind=self.earlier_market.kind,
            settings=self.settings.regime,
            flags=self.settings.flags,
        )
        now = history.regimes[-1]
        if now is None:
            raise ShortHistoryError(f"no regime can be detected at {past.train_end}: the market returns are too short")
        return now

    def _decide_for(self, risk_profile: str) -> Decide:
        def decide(past: PastView) -> Decision:
            prepared = self.prepare(past)
            allocation = decide_weights(
                prepared.train_returns,
                prepared.chosen,
                prepared.clustering.cluster_ids,
                risk_profile,
                prepared.regime,
                self.settings,
                self._held(risk_profile, past),
                periods_per_year=self.periods_per_year,
            )
            invested = allocation.weights > 0.0
            cluster_of = dict(zip(prepared.clustering.symbols, prepared.clustering.cluster_ids.tolist(), strict=True))
            identity_of = dict(zip(prepared.chosen.symbols, prepared.chosen.identities, strict=True))
            symbols = tuple(symbol for symbol, keep in zip(allocation.symbols, invested, strict=True) if keep)
            decision = Decision(
                symbols,
                allocation.net_weights[invested],
                allocation.cash,
                regime=prepared.regime,
                n_candidates=prepared.candidates.height,
                n_selected=len(prepared.chosen.symbols),
                n_clusters=prepared.clustering.n_clusters,
                message=allocation.solution.message or None,
                sleeves=tuple(np.array(allocation.sleeves)[invested].tolist()),
                clusters=tuple(cluster_of[symbol] for symbol in symbols),
                identities=tuple(identity_of[symbol] for symbol in symbols),
            )
            if allocation.solution.status == "no_positive_excess_return":
                decision = replace(decision, status=allocation.solution.status)
            self._decided[risk_profile] = (past, decision)
            return decision

        return decide

    def _held(self, risk_profile: str, past: PastView) -> HeldWeights:
        if risk_profile not in self._decided:
            return HeldWeights()
        before, decision = self._decided[risk_profile]
        since = _columns(past.past_returns[len(before.session_dates) :], past.symbols, decision.symbols)
        marked = mark_to_market(decision.net_weights, since, symbols=decision.symbols)
        return HeldWeights(dict(zip(decision.symbols, marked.weights.tolist(), strict=True)))


def candidates_at(past: PastView) -> pl.DataFrame:
    """Return the candidates of the last session of the past, sorted by symbol.

    See docs/method/09-tournament.md#9.2.

    Parameters
    ----------
    past : PastView
        With the frame `candidates`.

    Returns
    -------
    polars.DataFrame

    Raises
    ------
    ShortHistoryError
        When nothing was scanned up to then.

    Examples
    --------
    >>> from datetime import date
    >>> past = PastView(
    ...     window=0,
    ...     session_dates=(date(2024, 1, 2),),
    ...     symbols=("NYSE:KO",),
    ...     benchmark_symbol="AMEX:SPY",
    ...     past_returns=np.zeros((1, 1)),
    ...     past_benchmark_returns=np.zeros(1),
    ...     train=slice(0, 1),
    ...     past_frames={"candidates": pl.DataFrame({"session_date": [date(2024, 1, 2)], "symbol": ["NYSE:KO"]})},
    ... )
    >>> candidates_at(past)["symbol"].to_list()
    ['NYSE:KO']
    """
    frame = past.past_frames.get(CANDIDATES)
    if frame is None or frame.is_empty():
        raise ShortHistoryError(f"no candidates are known at {past.train_end}")
    newest = frame.filter(pl.col("session_date") == past.train_end).sort("symbol")
    if newest.is_empty():
        raise ShortHistoryError(f"the scanners found no candidate at {past.train_end}")
    return newest


def _columns(returns: FloatMatrix, symbols: Sequence[str], chosen: Sequence[str]) -> FloatMatrix:
    column_of = {symbol: column for column, symbol in enumerate(symbols)}
    absent = [symbol for symbol in chosen if symbol not in column_of]
    if absent:
        raise InputError(f"{absent[0]} has no returns in the tournament")
    return returns[:, [column_of[symbol] for symbol in chosen]]
