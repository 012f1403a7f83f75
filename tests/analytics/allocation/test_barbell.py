"""The barbell: size, equal parts and insulation of the aggressor sleeve, and risk parity in the core."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analytics.allocation import AGGRESSOR_SHARE, allocate
from analytics.allocation.barbell import choose_aggressors
from analytics.errors import InfeasibleError
from analytics.estimation.instrument_risk import convexity
from tests.analytics.allocation.problems import selection


def choose(convexities: list[float], identities: list[list[str]], cap: float = 0.25, share: float = 0.1) -> list[int]:
    """Positions of the chosen clusters, each given by its convexity and its identities."""
    members = [(cluster, name) for cluster, names in enumerate(identities) for name in names]
    chosen = choose_aggressors(
        np.array(convexities),
        np.array([cluster for cluster, _ in members]),
        tuple(name for _, name in members),
        np.full(len(convexities), cap),
        share,
    )
    return np.flatnonzero(chosen).tolist()


def test_the_most_convex_clusters_are_chosen_up_to_a_third() -> None:
    identities = [[f"I{number}"] for number in range(7)]
    assert choose([0.1, 0.7, 0.3, 0.9, 0.2, 0.0, 0.4], identities) == [1, 3]
    assert choose([0.5] * 6, identities[:6]) == [0, 1]


def test_clusters_tied_by_a_chain_of_identities_enter_together_or_not_at_all() -> None:
    chain = [["A", "B"], ["B", "C"], ["C"], ["D"], ["E"], ["F"]]
    assert choose([0.9, 0.1, 0.1, 0.5, 0.4, 0.0], chain) == [3, 4]
    assert choose([0.9, 0.1, 0.1, 0.5, 0.4, 0.0, 0.0, 0.0, 0.0], [*chain, ["G"], ["H"], ["I"]]) == [0, 1, 2]


def test_a_cap_below_the_part_of_an_aggressor_cluster_is_refused_with_both_numbers() -> None:
    with pytest.raises(InfeasibleError, match=r"each of 1 aggressor clusters takes 0\.1, above a cap of 0\.05"):
        choose([0.9, 0.1, 0.2], [["A"], ["B"], ["C"]], cap=0.05)


@pytest.mark.parametrize(("regime", "percent"), [("QUIET", 15), ("NORMAL", 10), ("TURBULENT", 8), ("CRISIS", 5)])
def test_the_aggressor_sleeve_takes_its_share_in_equal_parts(regime: str, percent: int) -> None:
    problem = replace(selection(), risk_profile="barbell", regime=regime)
    allocation = allocate(problem)
    aggressor = np.array(allocation.sleeves) == "aggressor"
    assert AGGRESSOR_SHARE[regime] == pytest.approx(percent / 100)
    assert allocation.weights[aggressor].sum() == pytest.approx(percent / 100, abs=1e-12)
    chosen = set(problem.cluster_ids[aggressor].tolist())
    assert len(chosen) == 3
    per_cluster = allocation.cluster_weights[[cluster - 1 for cluster in chosen]]
    np.testing.assert_allclose(per_cluster, percent / 300)
    # The most convex cluster_returns, recomputed.
    cluster_returns = (problem.past_returns * problem.directions) @ allocation.blend
    assert chosen == set((np.argsort(-convexity(cluster_returns), kind="stable")[:3] + 1).tolist())


def test_the_core_of_the_barbell_is_risk_parity() -> None:
    allocation = allocate(replace(selection(), risk_profile="barbell", fragility_penalty=0.0, cap=0.5))
    aggressor = set(np.array(selection().cluster_ids)[np.array(allocation.sleeves) == "aggressor"].tolist())
    core = [number for number, cluster in enumerate(allocation.cluster_ids) if cluster not in aggressor]
    problem = selection()
    keep = ~np.isin(problem.cluster_ids, list(aggressor))
    alone = allocate(
        replace(
            problem,
            risk_profile="risk_parity",
            fragility_penalty=0.0,
            cap=0.5,
            covariance_method="sample",
            symbols=tuple(np.array(problem.symbols)[keep]),
            identities=tuple(np.array(problem.identities)[keep]),
            directions=problem.directions[keep],
            cluster_ids=problem.cluster_ids[keep],
            past_returns=problem.past_returns[:, keep],
        )
    )
    barbell = allocate(
        replace(selection(), risk_profile="barbell", fragility_penalty=0.0, cap=0.5, covariance_method="sample")
    )
    np.testing.assert_allclose(barbell.cluster_weights[core], 0.9 * alone.cluster_weights, atol=1e-9)


@pytest.mark.parametrize(("clusters", "most"), [(5, 1), (9, 3), (14, 4), (24, 5)])
def test_the_sleeves_share_nothing_and_the_aggressors_are_at_most_a_third(clusters: int, most: int) -> None:
    problem = replace(selection(1, clusters=clusters), risk_profile="barbell")
    # Some identities have listings in two clusters.
    shared = tuple(f"I{(number + 1) // 2:02d}" if number < 4 else f"I{number:02d}" for number in range(clusters * 3))
    allocation = allocate(replace(problem, identities=shared, cap=0.4))
    aggressor = np.array(allocation.sleeves) == "aggressor"
    for names in (problem.symbols, shared, tuple(problem.cluster_ids.tolist())):
        inside = {name for name, is_inside in zip(names, aggressor, strict=True) if is_inside}
        outside = {name for name, is_inside in zip(names, aggressor, strict=True) if not is_inside}
        assert inside
        assert not inside & outside
    assert len(set(problem.cluster_ids[aggressor].tolist())) <= min(most, 5)


def test_a_barbell_of_two_clusters_is_refused() -> None:
    with pytest.raises(InfeasibleError, match="K = 2"):
        allocate(replace(selection(clusters=2), risk_profile="barbell", cap=0.6))


def test_one_identity_in_every_cluster_leaves_no_separate_sleeve() -> None:
    problem = selection(members=1)
    with pytest.raises(InfeasibleError, match="shared identities"):
        allocate(replace(problem, risk_profile="barbell", identities=("ONE",) * 9))
