"""Two-layer allocation: blend instruments inside clusters, then apply a risk profile over the clusters.

See docs/method/08-allocation.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from analytics._typing import BoolVector, FloatMatrix, FloatVector, IntVector
from analytics.allocation.barbell import AGGRESSOR_SHARE, choose_aggressors
from analytics.allocation.cluster_returns import blend_members, compute_cluster_returns, lifetimes
from analytics.allocation.errors import CapInfeasibleError
from analytics.allocation.portfolio import Allocation, AllocationProblem
from analytics.allocation.portfolio_checks import check_allocation, with_arrays
from analytics.allocation.solvers.cap_feasibility import investable_budget
from analytics.allocation.solvers.risk_parity import contributions
from analytics.allocation.solvers.risk_problem import RiskProblem, RiskProfile, Solution, Turnover
from analytics.allocation.solvers.solve import solve
from analytics.errors import ShortHistoryError
from analytics.estimation.covariance import estimate_covariance
from analytics.estimation.instrument_risk import convexity
from analytics.estimation.tail_adjustment import adjust_for_tails

ENGINE = "lakefolio"
#: Common sessions that minimum CVaR needs for three sessions in its tail.
MIN_TAIL_SESSIONS = 60
#: Members of a cluster that a message names.
N_NAMED = 3


@dataclass(frozen=True, slots=True)
class _Layers:
    """Blend, cluster returns, covariance as estimated and tail-adjusted, and caps, which all risk profiles share."""

    cluster_ids: IntVector
    member_cluster: IntVector
    blend: FloatMatrix
    cluster_returns: FloatMatrix
    covariance: FloatMatrix
    adjusted_covariance: FloatMatrix
    caps: FloatVector
    budget: float
    estimator: str
    note: str


def allocate(problem: AllocationProblem) -> Allocation:
    """Allocate weights to the selected instruments under a risk profile.

    See docs/method/08-allocation.md.

    Inside each cluster instruments are blended (`blend_members`); the risk profile then weighs the clusters by the
    returns of their blends.

    Parameters
    ----------
    problem : AllocationProblem

    Returns
    -------
    Allocation

    Raises
    ------
    AllocationInputError
        When an input is invalid; the message names the instrument.
    InfeasibleError
        When the caps cannot hold the budget, or when no clusters fit the aggressor sleeve of `barbell`; the message
        gives the numbers and the remedies.
    ShortHistoryError
        When there are too few sessions for a statistic.
    SolverError
        When the solver finds no certified optimum; no other solver is tried in its stead.

    Examples
    --------
    >>> rng = np.random.default_rng(7)
    >>> problem = AllocationProblem(
    ...     risk_profile="equal_weight",
    ...     symbols=("A", "B", "C", "D", "E"),
    ...     identities=("A", "B", "C", "D", "E"),
    ...     directions=np.array([1, 1, -1, 1, 1]),
    ...     cluster_ids=np.array([1, 1, 2, 3, 4]),
    ...     past_returns=rng.normal(0.0005, 0.01, size=(250, 5)),
    ...     periods_per_year=252,
    ...     alpha_weighting=False,
    ... )
    >>> allocation = allocate(problem)
    >>> allocation.cluster_weights.round(4).tolist()
    [0.25, 0.25, 0.25, 0.25]
    >>> allocation.net_weights.round(3).tolist()
    [0.125, 0.125, -0.25, 0.25, 0.25]
    """
    problem = with_arrays(problem)
    check_allocation(problem)
    layers = _build_layers(problem)
    is_aggressor = np.zeros(layers.caps.size, dtype=np.bool_)
    if problem.risk_profile == "barbell":
        is_aggressor, solution = _solve_barbell(problem, layers)
    else:
        solution = solve(_risk_problem(problem, layers, problem.risk_profile))
    if layers.note:
        solution = replace(solution, message="; ".join(filter(None, [solution.message, layers.note])))
    weights = layers.blend @ solution.weights
    return Allocation(
        risk_profile=problem.risk_profile,
        engine=ENGINE,
        symbols=problem.symbols,
        weights=weights,
        net_weights=weights * problem.directions,
        cluster_ids=layers.cluster_ids,
        cluster_weights=solution.weights,
        caps=layers.caps,
        blend=layers.blend,
        risk_contributions=contributions(solution.weights, layers.covariance),
        sleeves=tuple("aggressor" if is_aggressor[column] else "core" for column in layers.member_cluster),
        cash=max(1.0 - float(solution.weights.sum()), 0.0),
        solution=solution,
        estimator=layers.estimator,
        instrument_cap=problem.instrument_cap,
    )


def _build_layers(problem: AllocationProblem) -> _Layers:
    cluster_ids, member_cluster = np.unique(problem.cluster_ids, return_inverse=True)
    blend = blend_members(
        problem.past_returns,
        problem.directions,
        problem.cluster_ids,
        problem.symbols,
        alpha_weighting=problem.alpha_weighting,
    )
    caps = np.full(cluster_ids.size, problem.cap)
    if problem.instrument_cap is not None:
        caps = np.minimum(caps, problem.instrument_cap / blend.max(axis=0))
    target_budget = 1.0 - problem.cash_weight
    budget = _investable(problem, caps, target_budget, "clusters")
    cluster_returns = compute_cluster_returns(problem.past_returns, problem.directions, blend)
    note = ""
    if cluster_ids.size == 1:
        covariance = np.array([[np.nanvar(cluster_returns[:, 0], ddof=1) * problem.periods_per_year]])
        estimator = "sample"
    else:
        estimate = estimate_covariance(
            cluster_returns,
            method=problem.covariance_method,
            target=problem.shrinkage_target,
            periods_per_year=problem.periods_per_year,
            halflife_sessions=problem.covariance_halflife_sessions,
            names=[_description(problem, cluster) for cluster in cluster_ids],
        )
        covariance = 0.5 * (estimate.matrix + estimate.matrix.T)
        estimator = estimate.method if estimate.target is None else f"{estimate.method}, {estimate.target}"
        if estimate.is_repaired:
            note = f"covariance repaired to positive definite; fewest common sessions {estimate.n_overlap_min}"
    if budget < target_budget:
        remainder = f"the caps hold {budget:.6g} of {target_budget:.6g}; the rest is cash"
        note = "; ".join(filter(None, [note, remainder]))
    return _Layers(
        cluster_ids=cluster_ids,
        member_cluster=np.asarray(member_cluster, dtype=np.int64),
        blend=blend,
        cluster_returns=cluster_returns,
        covariance=covariance,
        adjusted_covariance=adjust_for_tails(covariance, cluster_returns, problem.fragility_penalty),
        caps=caps,
        budget=budget,
        estimator=estimator,
        note=note,
    )


def _investable(problem: AllocationProblem, caps: FloatVector, target_budget: float, noun: str) -> float:
    """The weight that the caps (K,) can hold; the error names the instrument cap where that is the limit."""
    try:
        return investable_budget(caps, target_budget, is_partial_allowed=problem.cash_allowed, noun=noun)
    except CapInfeasibleError as refusal:
        if problem.instrument_cap is None or float(caps.min()) == problem.cap:
            raise
        raise CapInfeasibleError(
            cap=problem.cap,
            count=refusal.count,
            capacity=refusal.capacity,
            budget=refusal.budget,
            noun=noun,
            instrument_cap=problem.instrument_cap,
        ) from None


def _description(problem: AllocationProblem, cluster: int) -> str:
    """Name a cluster by its members, for messages."""
    members = [problem.symbols[row] for row in np.flatnonzero(problem.cluster_ids == cluster)]
    more = f" and {len(members) - N_NAMED} more" if len(members) > N_NAMED else ""
    return f"cluster {cluster} ({', '.join(members[:N_NAMED])}{more})"


def _risk_problem(problem: AllocationProblem, layers: _Layers, risk_profile: RiskProfile) -> RiskProblem:
    """Build the problem over the cluster returns.

    See docs/method/08-allocation.md#8.2.
    """
    turnover = None
    if problem.turnover_penalty > 0.0 or problem.trade_cost_annual > 0.0:
        held = problem.held_weights if problem.held_weights is not None else np.zeros(len(problem.symbols))
        turnover = Turnover(
            penalty=problem.turnover_penalty,
            held=held * problem.directions,
            owner=layers.member_cluster,
            share=layers.blend[np.arange(len(problem.symbols)), layers.member_cluster],
            held_elsewhere=problem.held_elsewhere,
            annual_cost=problem.trade_cost_annual,
        )
    return RiskProblem(
        risk_profile=risk_profile,
        covariance=layers.adjusted_covariance,
        upper=np.minimum(layers.caps, 1.0),
        budget=layers.budget,
        mean=np.nanmean(layers.cluster_returns, axis=0) * problem.periods_per_year,
        past_returns=_common_sessions(problem, layers) if risk_profile == "min_cvar" else None,
        risk_free_rate=problem.risk_free_rate,
        turnover=turnover,
        names=tuple(f"cluster {cluster}" for cluster in layers.cluster_ids),
        is_definite=True,
    )


def _common_sessions(problem: AllocationProblem, layers: _Layers) -> FloatMatrix:
    """Cluster returns (T', K) of the sessions within the lifetime of every cluster; 0 where its markets were closed."""
    is_live = lifetimes(layers.cluster_returns)
    common = is_live.all(axis=1)
    sessions = int(common.sum())
    if sessions < MIN_TAIL_SESSIONS:
        shortest = _description(problem, int(layers.cluster_ids[int(is_live.sum(axis=0).argmin())]))
        message = (
            f"min_cvar needs {MIN_TAIL_SESSIONS} common sessions of all clusters, there are {sessions}; the shortest "
            f"is {shortest}. Leave its recent listings out, or take another risk profile"
        )
        raise ShortHistoryError(message)
    return np.nan_to_num(layers.cluster_returns[common], nan=0.0)


def _solve_barbell(problem: AllocationProblem, layers: _Layers) -> tuple[BoolVector, Solution]:
    """Hold the aggressor clusters in equal parts and the others at risk parity.

    See docs/method/08-allocation.md#8.2.
    """
    share = AGGRESSOR_SHARE[problem.regime] * layers.budget
    convexities = convexity(layers.cluster_returns)
    is_aggressor = choose_aggressors(convexities, layers.member_cluster, problem.identities, layers.caps, share)
    core = np.flatnonzero(~is_aggressor)
    core_budget = _investable(problem, layers.caps[core], layers.budget - share, "core clusters")
    unsplit = _risk_problem(replace(problem, turnover_penalty=0.0, trade_cost_annual=0.0), layers, "risk_parity")
    solution = solve(
        replace(
            unsplit,
            covariance=layers.adjusted_covariance[np.ix_(core, core)],
            upper=unsplit.upper[core],
            budget=core_budget,
            mean=None,
            names=tuple(unsplit.labels[column] for column in core),
        )
    )
    weights = np.zeros(layers.caps.size)
    weights[core] = solution.weights
    weights[is_aggressor] = share / int(is_aggressor.sum())
    message = (
        f"aggressor sleeve {share:.4g} in {int(is_aggressor.sum())} of {layers.caps.size} clusters ({problem.regime})"
    )
    if core_budget < layers.budget - share:
        message += f"; the core's caps hold {core_budget:.6g}, the rest is cash"
    combined = replace(
        solution,
        weights=weights,
        solver=f"barbell+{solution.solver}",
        message="; ".join(filter(None, [solution.message, message])),
    )
    return is_aggressor, combined
