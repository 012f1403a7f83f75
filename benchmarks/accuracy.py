"""Check results by formulas that neither side of the benchmark uses.

See docs/method/08-allocation.md#8.2, 8.3, docs/method/09-tournament.md#9.5.

A convex optimum is checked by a bound on the improvement of the best portfolio, a recipe by a plain loop, an estimate
by the formula of its paper.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.cluster.hierarchy import fcluster, leaves_list, linkage, optimal_leaf_ordering
from scipy.optimize import linprog
from scipy.spatial.distance import pdist, squareform

from analytics._typing import FloatMatrix, FloatVector, IntVector
from benchmarks.inputs import N_CLUSTERS, PERIODS_PER_YEAR, Market

#: Weights (N,) or (R, N), a matrix (N, N), cluster ids (N,), or figures by name (P,).
Answer = FloatMatrix | FloatVector | IntVector | Mapping[str, FloatVector]
TAIL = 0.05


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Distance of a result from the correct one.

    Attributes
    ----------
    violation : float
        Largest breach of budget, sign or cap, as a weight.
    shortfall : float
        Relative distance of the objective from its optimum, or of the result from the formula's.
    """

    violation: float
    shortfall: float

    @staticmethod
    def worst(accuracies: list[Accuracy]) -> Accuracy:
        """Return the worst of several."""
        return Accuracy(
            max(accuracy.violation for accuracy in accuracies), max(accuracy.shortfall for accuracy in accuracies)
        )


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Largest violation and shortfall of a result that still counts as correct."""

    violation: float
    shortfall: float

    def accepts(self, accuracy: Accuracy) -> bool:
        """Compare with the tolerance; False for NaN."""
        return accuracy.violation <= self.violation and accuracy.shortfall <= self.shortfall


#: Ours is that of docs/method/08-allocation.md#8.3; a peer has the accuracy of its solver's default settings.
OUR_TOLERANCE = Tolerance(1e-9, 1e-7)
PEER_TOLERANCE = Tolerance(1e-4, 1e-3)


def breach(weights: FloatVector, cap: float) -> float:
    """Largest violation of sum = 1 and 0 <= weight <= cap; infinite where a weight is no number."""
    if not np.isfinite(weights).all():
        return float("inf")
    return max(abs(float(weights.sum()) - 1.0), float(-weights.min()), float(weights.max()) - cap, 0.0)


def _fill(costs: FloatVector, cap: float) -> FloatVector:
    """Portfolio under the cap with the least costs @ weights: the cheapest assets first."""
    weights = np.zeros_like(costs)
    left = 1.0
    for position in np.argsort(costs):
        weights[position] = min(cap, left)
        left -= weights[position]
        if left <= 0.0:
            break
    return weights


def check_min_variance(market: Market, weights: FloatVector, covariance: FloatMatrix | None = None) -> Accuracy:
    """Bound the improvement from below by the linearised variance, which is convex."""
    matrix = market.covariance if covariance is None else covariance
    gradient = matrix @ weights
    variance = float(weights @ gradient)
    gain = 2.0 * float(gradient @ (weights - _fill(gradient, market.cap)))
    return Accuracy(breach(weights, market.cap), max(gain, 0.0) / variance)


def check_max_sharpe(market: Market, weights: FloatVector) -> Accuracy:
    """Bound the ratio of any portfolio y: by Cauchy-Schwarz its volatility is at least gradient @ y.

    The bound max mean @ y / gradient @ y is a linear fraction, which Dinkelbach's steps maximise.
    """
    gradient = market.covariance @ weights
    gradient = gradient / np.sqrt(weights @ gradient)
    ratio = float(market.mean @ weights) / float(gradient @ weights)
    bound = ratio
    for _ in range(100):
        portfolio = _fill(bound * gradient - market.mean, market.cap)
        risk = float(gradient @ portfolio)
        if risk <= 0.0:
            return Accuracy(breach(weights, market.cap), float("inf"))
        better = float(market.mean @ portfolio) / risk
        if better <= bound * (1.0 + 1e-14):
            break
        bound = better
    return Accuracy(breach(weights, market.cap), bound / ratio - 1.0)


def check_risk_parity(market: Market, weights: FloatVector) -> Accuracy:
    """Compare each risk contribution with 1/N of the variance; no cap binds in the markets of the comparison."""
    pull = weights * (market.covariance @ weights)
    error = np.abs(pull / pull.sum() * weights.size - 1.0).max()
    return Accuracy(breach(weights, market.cap), float(error))


def lowest_cvar(market: Market) -> float:
    """Least CVaR95 under the cap, by the linear program with all sessions (Rockafellar and Uryasev 2000)."""
    n_sessions, n_instruments = market.returns.shape
    cost = np.concatenate([np.zeros(n_instruments), [1.0], np.full(n_sessions, 1.0 / (TAIL * n_sessions))])
    rows = np.hstack([-market.returns, -np.ones((n_sessions, 1)), -np.eye(n_sessions)])
    total = np.concatenate([np.ones(n_instruments), np.zeros(1 + n_sessions)])
    bounds = [(0.0, market.cap)] * n_instruments + [(None, None)] + [(0.0, None)] * n_sessions
    answer = linprog(
        cost, A_ub=rows, b_ub=np.zeros(n_sessions), A_eq=total[None, :], b_eq=[1.0], bounds=bounds, method="highs"
    )
    if answer.fun is None:
        message = f"HiGHS found no least CVaR to compare with: {answer.message}"
        raise RuntimeError(message)
    return float(answer.fun)


def check_min_cvar(market: Market, weights: FloatVector) -> Accuracy:
    """Compare the mean of the worst 5 % of sessions with the least one of the linear program."""
    losses = np.sort(-market.returns @ weights)[::-1]
    mass = TAIL * losses.size
    whole = int(mass + 1e-9)
    cvar = (losses[:whole].sum() + (mass - whole) * losses[whole]) / mass
    lowest = lowest_cvar(market)
    return Accuracy(breach(weights, market.cap), float(cvar - lowest) / abs(lowest))


def _half_variance(covariance: FloatMatrix, members: IntVector) -> float:
    block = covariance[np.ix_(members, members)]
    inverse = 1.0 / np.diag(block)
    inverse /= inverse.sum()
    return float(inverse @ block @ inverse)


def follow_hrp(covariance: FloatMatrix, order: IntVector) -> FloatVector:
    """Recursive bisection in plain loops (Lopez de Prado 2016, snippet 16.3)."""
    weights = np.ones(order.size)
    parts = [order]
    while parts:
        halves = []
        for part in parts:
            if part.size > 1:
                left, right = part[: part.size // 2], part[part.size // 2 :]
                risk_left, risk_right = _half_variance(covariance, left), _half_variance(covariance, right)
                weights[left] *= risk_right / (risk_left + risk_right)
                weights[right] *= risk_left / (risk_left + risk_right)
                halves += [left, right]
        parts = halves
    return weights


def hrp_variants(covariance: FloatMatrix) -> dict[str, FloatVector]:
    """HRP as published, and as in libraries: linkage on the plain distance, leaves in optimal or in drawn order."""
    volatility = np.sqrt(np.diag(covariance))
    distance = np.sqrt(np.clip((1.0 - covariance / np.outer(volatility, volatility)) / 2.0, 0.0, None))
    np.fill_diagonal(distance, 0.0)
    plain = squareform(distance, checks=False)
    trees = {
        "published": linkage(pdist(distance), method="single"),
        "plain, optimal leaf order": optimal_leaf_ordering(linkage(plain, method="single"), plain),
        "plain": linkage(plain, method="single"),
    }
    return {name: follow_hrp(covariance, leaves_list(tree).astype(np.int64)) for name, tree in trees.items()}


def nearest_hrp(covariance: FloatMatrix, weights: FloatVector) -> tuple[str, float]:
    """Nearest variant of the weights, and their largest distance from it in units of the mean weight."""
    distances = {
        name: float(np.abs(variant - weights).max()) * weights.size
        for name, variant in hrp_variants(covariance).items()
    }
    name = min(distances, key=distances.__getitem__)
    return name, distances[name]


def check_hrp(market: Market, weights: FloatVector) -> Accuracy:
    """Compare with the nearest of the three variants that go by the name."""
    return Accuracy(breach(weights, 1.0), nearest_hrp(market.covariance, weights)[1])


def _ward_tree(market: Market) -> FloatMatrix:
    correlation = np.corrcoef(market.returns, rowvar=False)
    distance = np.sqrt(np.clip((1.0 - correlation) / 2.0, 0.0, None))
    np.fill_diagonal(distance, 0.0)
    return np.asarray(linkage(squareform(distance, checks=False), method="ward"))


def cut_height(market: Market) -> float:
    """Height between the merges that leave ten clusters and nine."""
    heights = market_tree(market)[:, 2]
    return float(heights[-N_CLUSTERS] + heights[-N_CLUSTERS + 1]) / 2.0


def market_tree(market: Market) -> FloatMatrix:
    """Ward's tree of the market, cached with it: we are given the cut height, peers are given the number of clusters."""
    kept = market.__dict__.get("_tree")
    if kept is None:
        kept = market.__dict__["_tree"] = _ward_tree(market)
    return np.asarray(kept)


def check_clusters(market: Market, labels: IntVector) -> Accuracy:
    """Share of pairs on which the partition differs from SciPy's cut of Ward's tree."""
    if np.unique(labels).size != N_CLUSTERS:
        return Accuracy(0.0, float("inf"))
    return check_own_count(market, labels)


def check_own_count(market: Market, labels: IntVector) -> Accuracy:
    """Compare as `check_clusters`, for as many clusters as the result has."""
    reference = fcluster(market_tree(market), t=np.unique(labels).size, criterion="maxclust")
    together = labels[:, None] == labels[None, :]
    return Accuracy(0.0, float((together != (reference[:, None] == reference[None, :])).mean()))


def check_ledoit_wolf(market: Market, covariance: FloatMatrix) -> Accuracy:
    """Compare with the formula of the paper, written out session by session."""
    return Accuracy(0.0, float(np.abs(covariance - market.covariance).max() / np.abs(market.covariance).max()))


def plain_metrics(returns: FloatVector) -> dict[str, float]:
    """Metrics of one series, one formula each."""
    n, year = returns.size, PERIODS_PER_YEAR
    wealth = np.concatenate([[1.0], np.cumprod(1.0 + returns)])
    drawdown = float((1.0 - wealth / np.maximum.accumulate(wealth)).max())
    cagr = float(wealth[-1]) ** (year / n) - 1.0
    gains, losses = np.maximum(returns, 0.0), np.maximum(-returns, 0.0)
    quantile = float(np.quantile(returns, TAIL))
    third = float(((returns - returns.mean()) ** 3).mean()) / float(returns.std()) ** 3
    fourth = float(((returns - returns.mean()) ** 4).mean()) / float(returns.std()) ** 4
    return {
        "total_return": float(wealth[-1]) - 1.0,
        "cagr": cagr,
        "volatility_annual": float(returns.std(ddof=1)) * year**0.5,
        "sharpe": float(returns.mean() / returns.std(ddof=1)) * year**0.5,
        "sortino": float(returns.mean() / np.sqrt((losses**2).mean())) * year**0.5,
        "calmar": cagr / drawdown,
        "omega": float(gains.sum() / losses.sum()),
        "max_drawdown": drawdown,
        "var95": -quantile,
        "cvar95": -float(returns[returns <= quantile].mean()),
        "skew": third * (n * (n - 1)) ** 0.5 / (n - 2),
        "kurtosis": (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * (fourth - 3.0) + 6.0),
        "hit_rate": float((returns > 0.0).mean()),
    }


def check_metrics(market: Market, figures: Mapping[str, FloatVector]) -> Accuracy:
    """Compare every metric that both sides have; ten at least."""
    plain = [plain_metrics(column) for column in market.returns.T]
    shared = sorted(set(figures) & set(plain[0]))
    if len(shared) < 10:
        return Accuracy(0.0, float("inf"))
    errors = []
    for name in shared:
        expected = np.array([row[name] for row in plain])
        errors.append(float((np.abs(figures[name] - expected) / (1e-3 + np.abs(expected))).max()))
    return Accuracy(0.0, max(errors))


def check_walk_min_variance(market: Market, weights: FloatMatrix) -> Accuracy:
    """Return the accuracy of the worst window."""
    pairs = zip(market.trains, weights, strict=True)
    return Accuracy.worst([check_min_variance(train, row) for train, row in pairs])


def check_walk_hrp(market: Market, weights: FloatMatrix) -> Accuracy:
    """Return the accuracy of the worst window."""
    return Accuracy.worst([check_hrp(train, row) for train, row in zip(market.trains, weights, strict=True)])


def check_walk_daily(market: Market, weights: FloatMatrix) -> Accuracy:
    """Return the accuracy of the worst session, on the sample covariance of its window."""
    pairs = zip(market.daily_trains, weights, strict=True)
    return Accuracy.worst([check_min_variance(train, row, np.cov(train.returns, rowvar=False)) for train, row in pairs])


CHECKS: Mapping[str, Callable[..., Accuracy]] = {
    "min_variance": check_min_variance,
    "max_sharpe": check_max_sharpe,
    "risk_parity": check_risk_parity,
    "hrp": check_hrp,
    "hrp_plain": check_hrp,
    "min_cvar": check_min_cvar,
    "clusters": check_clusters,
    "clusters_own_count": check_own_count,
    "ledoit_wolf": check_ledoit_wolf,
    "metrics": check_metrics,
    "walk_forward_min_variance": check_walk_min_variance,
    "walk_forward_hrp": check_walk_hrp,
    "walk_forward_daily": check_walk_daily,
}
