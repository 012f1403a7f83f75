"""Measure the growth of our CPU time with the number of instruments, and the cost of caps and penalties."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import log

import numpy as np

from analytics.allocation import AllocationProblem, GroupCaps, RiskProblem, Solution, Turnover, allocate, solve
from analytics.allocation.solvers.risk_problem import CONVEX_PROFILES, RiskProfile
from benchmarks import ours
from benchmarks.inputs import N_CLUSTERS, PERIODS_PER_YEAR, Market, simulate
from benchmarks.stopwatch import time_alone, time_in_turn

GROWING = ("min_variance", "max_sharpe", "risk_parity", "hrp", "hrp_plain", "min_cvar", "clusters", "ledoit_wolf")
FRAGILITY_PENALTY, TURNOVER_PENALTY, TRADE_COST_ANNUAL = 0.5, 0.05, 0.00756


@dataclass(frozen=True, slots=True)
class Growth:
    """CPU seconds of one task at one size; exponent: of N, relative to the size before (0 for the first)."""

    work: str
    n: int
    t: int
    ours_cpu_s: float
    ours_median_s: float
    exponent: float


@dataclass(frozen=True, slots=True)
class Surcharge:
    """CPU seconds without and with caps on clusters and both penalties."""

    layer: str
    risk_profile: str
    n: int
    k: int
    plain_cpu_s: float
    full_cpu_s: float
    ratio: float


def grow(
    sizes: Sequence[int],
    n_sessions: int,
    rounds: int,
    report: Callable[[str], None],
    works: Sequence[str] = GROWING,
) -> Iterator[Growth]:
    """Time every task at every size."""
    for work in works:
        before: Growth | None = None
        for n in sizes:
            market = simulate(n, n_sessions)
            run = partial(ours.WORKS[work], market)
            run()
            seconds = time_alone(run, rounds)
            exponent = 0.0 if before is None else log(seconds.least / before.ours_cpu_s) / log(n / before.n)
            before = Growth(work, n, n_sessions, seconds.least, seconds.median, exponent)
            report(f"growth {work} N={n}: {seconds.least * 1e3:.2f} ms, exponent {exponent:.1f}")
            yield before


def two_layers(
    market: Market, risk_profile: RiskProfile, n_clusters: int
) -> tuple[AllocationProblem, AllocationProblem]:
    """Make the allocation over clusters without caps and penalties, and with both."""
    n = market.n_instruments
    rng = np.random.default_rng(n)
    names = market.names
    plain = AllocationProblem(
        risk_profile=risk_profile,
        symbols=names,
        identities=names,
        directions=np.ones(n, dtype=np.int64),
        cluster_ids=1 + np.arange(n, dtype=np.int64) % n_clusters,
        past_returns=market.returns,
        periods_per_year=PERIODS_PER_YEAR,
        cap=1.0,
        held_weights=rng.dirichlet(np.full(n, 0.3)),
        fragility_penalty=0.0,
        turnover_penalty=0.0,
    )
    full = replace(
        plain,
        cap=max(0.05, 2.0 / n_clusters),
        fragility_penalty=FRAGILITY_PENALTY,
        turnover_penalty=TURNOVER_PENALTY,
        trade_cost_annual=TRADE_COST_ANNUAL,
    )
    return plain, full


def one_layer(market: Market, risk_profile: RiskProfile) -> tuple[RiskProblem, RiskProblem]:
    """Make the problem over instruments under their cap, and with caps on clusters and both penalties."""
    n = market.n_instruments
    rng = np.random.default_rng(n)
    clusters = np.asarray(ours.clusters(market))
    plain = RiskProblem(
        risk_profile=risk_profile,
        covariance=ours.ledoit_wolf(market),
        upper=np.full(n, market.cap),
        mean=market.returns.mean(axis=0) * PERIODS_PER_YEAR,
        past_returns=market.returns if risk_profile == "min_cvar" else None,
        is_definite=True,
    )
    matrix = (clusters[None, :] == np.unique(clusters)[:, None]).astype(np.float64)
    groups = GroupCaps(matrix, np.full(matrix.shape[0], 0.25), tuple(f"cluster {k}" for k in np.unique(clusters)))
    full = replace(
        plain,
        turnover=Turnover(
            TURNOVER_PENALTY,
            rng.dirichlet(np.full(n, 0.3)),
            np.arange(n),
            np.ones(n),
            annual_cost=TRADE_COST_ANNUAL,
        ),
        groups=None if risk_profile == "risk_parity" else groups,
    )
    return plain, full


def from_returns(market: Market, problem: RiskProblem) -> Solution:
    """Solve a problem whose covariance has yet to be estimated."""
    return solve(replace(problem, covariance=ours.ledoit_wolf(market)))


def charge(
    sizes: Sequence[int],
    n_sessions: int,
    rounds: int,
    report: Callable[[str], None],
    risk_profiles: Sequence[RiskProfile] = CONVEX_PROFILES,
) -> Iterator[Surcharge]:
    """Time both layers with and without caps on clusters and penalties."""
    for n in sizes:
        market = simulate(n, n_sessions)
        for risk_profile in risk_profiles:
            n_clusters = max(n // 10, N_CLUSTERS)
            layers = two_layers(market, risk_profile, n_clusters)
            single = one_layer(market, risk_profile)
            runs = (
                ("two layers", n_clusters, [partial(allocate, problem) for problem in layers]),
                ("one layer", N_CLUSTERS, [partial(from_returns, market, problem) for problem in single]),
                ("one layer, covariance given", N_CLUSTERS, [partial(solve, problem) for problem in single]),
            )
            for layer, k, (without, with_all) in runs:
                plain, full = time_in_turn(without, with_all, rounds)
                row = Surcharge(layer, risk_profile, n, k, plain.least, full.least, full.least / plain.least)
                report(
                    f"{layer} {risk_profile} N={n} K={k}: {row.plain_cpu_s * 1e3:.2f} -> {row.full_cpu_s * 1e3:.2f} ms"
                )
                yield row
