"""Test the target of each risk profile on its out-of-sample series.

See docs/method/09-tournament.md#9.6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from analytics._typing import FloatMatrix, FloatVector
from analytics.errors import InputError
from analytics.evaluation.bootstrap import common_block, stationary_weights
from analytics.evaluation.deflated_sharpe import TIE_TOLERANCE
from analytics.tournament.engines import Decision

ACHIEVED, MISSED, INSUFFICIENT = "ACHIEVED", "MISSED", "INSUFFICIENT"
MIN_SESSIONS = 60
VOLATILITY, SHARPE = "volatility_annual", "sharpe"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Test of one expected order between two risk profiles.

    Attributes
    ----------
    figure : str
        `volatility_annual` or `sharpe`.
    lower, upper : str
        Risk profiles; `figure` of `lower` is expected to be the smaller one.
    lower_value, upper_value : float
        Values of the figure.
    p_value : float
        Of the null hypothesis that the expected order is wrong; small: it holds.
    p_opposite : float
        Of the null hypothesis that the opposite order is wrong; small: the opposite holds.
    """

    figure: str
    lower: str
    upper: str
    lower_value: float
    upper_value: float
    p_value: float
    p_opposite: float


@dataclass(frozen=True, slots=True)
class Achievement:
    """Result of the test of one risk profile's target.

    Attributes
    ----------
    risk_profile, target : str
    outcome : str
        ACHIEVED, MISSED or INSUFFICIENT.
    message : str
    comparisons : tuple of Comparison
        Tests that the result is based on.
    """

    risk_profile: str
    target: str
    outcome: str
    message: str
    comparisons: tuple[Comparison, ...] = ()


class _PairedBootstrap:
    """Figures of paired series and of their common bootstrap samples."""

    def __init__(
        self,
        profile_returns: Mapping[str, FloatVector],
        periods_per_year: int,
        risk_free: float,
        n_samples: int,
        rng: Generator,
    ) -> None:
        self.names = tuple(profile_returns)
        returns = np.column_stack([profile_returns[name] for name in self.names])
        n = returns.shape[0]
        weights = stationary_weights(n, mean_block=common_block(returns), n_samples=n_samples, rng=rng)
        self._root = np.sqrt(periods_per_year)
        self._risk_free = risk_free / periods_per_year
        self._observed = self._figures(np.full((1, n), 1.0 / n), returns)
        self._samples = self._figures(weights, returns)

    def _figures(self, weights: FloatMatrix, returns: FloatMatrix) -> dict[str, FloatMatrix]:
        n = returns.shape[0]
        centred = returns - returns.mean(axis=0)
        shift = weights @ centred
        deviation = np.sqrt((weights @ centred**2 - shift**2) * n / (n - 1))
        mean = shift + returns.mean(axis=0) - self._risk_free
        return {VOLATILITY: deviation * self._root, SHARPE: mean / deviation * self._root}

    def compare(self, figure: str, lower: str, upper: str) -> Comparison:
        """Test that `lower` has the smaller figure; volatilities by their log ratio, Sharpe ratios by their difference."""
        column, other = self.names.index(lower), self.names.index(upper)
        observed, samples = self._observed[figure], self._samples[figure]
        value, rival = float(observed[0, column]), float(observed[0, other])
        if figure == VOLATILITY:
            observed, samples = np.log(observed), np.log(samples)
        difference = observed[0, other] - observed[0, column]
        deviations = samples[:, other] - samples[:, column] - difference
        count = deviations.size + 1
        # Resampled deviations stand for the estimate's own error around the truth.
        p_value = (1 + int((deviations >= difference - TIE_TOLERANCE).sum())) / count
        p_opposite = (1 + int((deviations <= difference + TIE_TOLERANCE).sum())) / count
        return Comparison(figure, lower, upper, value, rival, p_value, p_opposite)


def assess_targets(
    profile_returns: Mapping[str, FloatVector],
    barbell_decisions: Sequence[Decision],
    *,
    periods_per_year: int,
    rng: Generator,
    risk_free_annual: float = 0.0,
    level: float = 0.05,
    n_samples: int = 2000,
) -> tuple[Achievement, ...]:
    """Test the targets of the four risk profiles on their stitched series.

    See docs/method/09-tournament.md#9.6.

    `min_variance` has the lowest volatility of all series; `risk_parity` lies between `min_variance` and
    `equal_weight`, the order that Maillard, Roncalli and Teiletche (2010) prove in sample; `max_sharpe` has the highest
    Sharpe ratio; the sleeves of `barbell` share no instrument, identity or cluster in any window.

    A target about figures is a set of orders between two risk profiles. Each is tested on paired stationary-bootstrap
    samples, with the boundary of equality as the null hypothesis. ACHIEVED: every order is significant at `level` (an
    intersection-union test, so no correction is needed). MISSED: an opposite order is significant at `level` divided by
    the number of orders. INSUFFICIENT: neither, or fewer than 60 sessions, or a series is absent.

    Parameters
    ----------
    profile_returns : risk profile -> (T,)
        Stitched simple returns of one engine under one simulator, with `equal_weight` among them for `risk_parity`.
    barbell_decisions : sequence of Decision
        The engine's barbell decisions, one for each window, with sleeves, clusters and identities.
    periods_per_year : int
    rng : numpy.random.Generator
        For the bootstrap.
    risk_free_annual : float
        A fraction.
    level : float
        Of significance.
    n_samples : int
        Of the bootstrap.

    Returns
    -------
    tuple of Achievement
        `min_variance`, `risk_parity`, `barbell`, `max_sharpe`.

    Raises
    ------
    InputError
        When the series have different lengths.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> deviations = {"min_variance": 0.005, "risk_parity": 0.008, "equal_weight": 0.012}
    >>> profile_returns = {name: rng.normal(0.0, deviation, 500) for name, deviation in deviations.items()}
    >>> achievements = assess_targets(profile_returns, [], periods_per_year=252, rng=rng, n_samples=200)
    >>> [(achievement.risk_profile, achievement.outcome) for achievement in achievements]
    [('min_variance', 'ACHIEVED'), ('risk_parity', 'ACHIEVED'), ('barbell', 'INSUFFICIENT'), ('max_sharpe', 'INSUFFICIENT')]
    """
    lengths = {series.shape for series in profile_returns.values()}
    if len(lengths) > 1:
        raise InputError(f"the series of the risk profiles have different lengths: {sorted(lengths)}")
    constant = [name for name, series in profile_returns.items() if series.size and series.min() == series.max()]
    usable = {name: series for name, series in profile_returns.items() if name not in constant}
    others = {name: [other for other in usable if other != name] for name in ("min_variance", "max_sharpe")}
    orders = {
        "min_variance": [(VOLATILITY, "min_variance", other) for other in others["min_variance"]],
        "risk_parity": [(VOLATILITY, "min_variance", "risk_parity"), (VOLATILITY, "risk_parity", "equal_weight")],
        "max_sharpe": [(SHARPE, other, "max_sharpe") for other in others["max_sharpe"]],
    }
    n_sessions = next(iter(usable.values())).size if usable else 0
    paired = None
    if n_sessions >= MIN_SESSIONS:
        paired = _PairedBootstrap(usable, periods_per_year, risk_free_annual, n_samples, rng)
    achievements = {
        name: _assess_orders(name, expected, paired, n_sessions=n_sessions, level=level)
        for name, expected in orders.items()
    }
    achievements["barbell"] = _assess_barbell(barbell_decisions)
    return tuple(achievements[name] for name in ("min_variance", "risk_parity", "barbell", "max_sharpe"))


_TARGETS = {
    "min_variance": "has the lowest realised volatility",
    "risk_parity": "has a volatility between min_variance and equal_weight",
    "max_sharpe": "has the highest Sharpe ratio",
    "barbell": "keeps its sleeves insulated",
}


def _assess_orders(
    risk_profile: str,
    orders: list[tuple[str, str, str]],
    paired: _PairedBootstrap | None,
    *,
    n_sessions: int,
    level: float,
) -> Achievement:
    target = _TARGETS[risk_profile]
    if paired is None:
        text = f"{n_sessions} sessions are too few to judge; at least {MIN_SESSIONS} are needed"
        return Achievement(risk_profile, target, INSUFFICIENT, text)
    absent = sorted(({risk_profile} | {name for order in orders for name in order[1:]}) - set(paired.names))
    if absent or not orders:
        text = f"no series that varies for {', '.join(absent) or 'any other risk_profile'}"
        return Achievement(risk_profile, target, INSUFFICIENT, text)
    found = tuple(paired.compare(*order) for order in orders)
    holds = [item.lower_value < item.upper_value for item in found]
    if all(holds) and all(item.p_value <= level for item in found):
        outcome = ACHIEVED
    elif any(item.p_opposite <= level / len(found) for item in found):
        outcome = MISSED
    else:
        outcome = INSUFFICIENT
    worst = max(found, key=lambda item: item.p_value)
    text = (
        f"{sum(holds)} of {len(found)} orders hold in the sample of {n_sessions} sessions; the weakest: "
        f"{worst.figure} {worst.lower} {worst.lower_value:.4f} against {worst.upper} {worst.upper_value:.4f}, "
        f"p {worst.p_value:.4f}, opposite {worst.p_opposite:.4f}"
    )
    return Achievement(risk_profile, target, outcome, text, found)


def _assess_barbell(decisions: Sequence[Decision]) -> Achievement:
    target = _TARGETS["barbell"]
    if not decisions:
        return Achievement("barbell", target, INSUFFICIENT, "no barbell decision to look at")
    n_both = 0
    for number, decision in enumerate(decisions):
        if not (decision.is_usable and decision.sleeves and decision.clusters and decision.identities):
            text = (
                f"window {number} has no sleeves, clusters and identities to look at: {decision.message or 'not given'}"
            )
            return Achievement("barbell", target, INSUFFICIENT, text)
        for kind in ("symbols", "identities", "clusters"):
            keys = getattr(decision, kind)
            core = {key for key, sleeve in zip(keys, decision.sleeves, strict=True) if sleeve == "core"}
            aggressor = {key for key, sleeve in zip(keys, decision.sleeves, strict=True) if sleeve == "aggressor"}
            shared = sorted(core & aggressor)
            if shared:
                text = f"window {number}: {len(shared)} of {kind} stand in both sleeves, first {shared[0]}"
                return Achievement("barbell", target, MISSED, text)
        n_both += {"core", "aggressor"} <= set(decision.sleeves)
    if n_both == 0:
        return Achievement("barbell", target, INSUFFICIENT, f"no window of {len(decisions)} held both sleeves")
    text = f"no instrument, identity or cluster shared in {len(decisions)} windows, {n_both} with both sleeves"
    return Achievement("barbell", target, ACHIEVED, text)
