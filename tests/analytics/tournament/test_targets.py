from __future__ import annotations

import numpy as np
import pytest

from analytics.errors import InputError
from analytics.tournament.engines import Decision
from analytics.tournament.targets import ACHIEVED, INSUFFICIENT, MISSED, Achievement, assess_targets


def streams(seed: int = 0, n: int = 500, **deviations: float) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    common = rng.normal(0, 1, n)
    return {
        name: 0.0003 + deviation * (0.8 * common + 0.6 * rng.normal(0, 1, n)) for name, deviation in deviations.items()
    }


def barbell(
    sleeves: str = "ca", clusters: tuple[int, ...] = (1, 2), identities: tuple[str, ...] = ("X", "Y")
) -> Decision:
    names = {"c": "core", "a": "aggressor"}
    return Decision(
        ("A", "B"),
        np.array([0.9, 0.1]),
        0.0,
        sleeves=tuple(names[letter] for letter in sleeves),
        clusters=clusters,
        identities=identities,
    )


def assess(given: dict[str, np.ndarray], decisions: list[Decision] | None = None) -> dict[str, Achievement]:
    found = assess_targets(
        given, [barbell()] if decisions is None else decisions, periods_per_year=252, rng=np.random.default_rng(1)
    )
    assert [item.risk_profile for item in found] == ["min_variance", "risk_parity", "barbell", "max_sharpe"]
    return {item.risk_profile: item for item in found}


def test_clear_orders_of_volatility_are_achieved() -> None:
    found = assess(streams(min_variance=0.005, risk_parity=0.008, equal_weight=0.012, barbell=0.010))
    assert found["min_variance"].outcome == ACHIEVED
    assert len(found["min_variance"].comparisons) == 3
    assert found["risk_parity"].outcome == ACHIEVED
    first = found["risk_parity"].comparisons[0]
    assert (first.figure, first.lower, first.upper) == ("volatility_annual", "min_variance", "risk_parity")
    assert first.lower_value == pytest.approx(0.005 * np.sqrt(252), rel=0.1)


def test_a_broken_order_is_missed_and_a_doubtful_one_insufficient() -> None:
    given = streams(min_variance=0.009, risk_parity=0.005, equal_weight=0.012)
    found = assess(given)
    assert found["min_variance"].outcome == MISSED
    assert found["risk_parity"].outcome == MISSED
    doubtful = assess(streams(min_variance=0.0100, risk_parity=0.0101, equal_weight=0.0102))
    assert doubtful["min_variance"].outcome == INSUFFICIENT
    assert "orders hold in the sample of 500 sessions" in doubtful["min_variance"].message


def test_identical_risk_profiles_are_insufficient_and_not_achieved() -> None:
    same = streams(min_variance=0.01)["min_variance"]
    found = assess({"min_variance": same, "risk_parity": same, "equal_weight": same, "max_sharpe": same})
    assert {item.outcome for name, item in found.items() if name != "barbell"} == {INSUFFICIENT}


def test_the_highest_sharpe_is_tested_on_the_difference() -> None:
    given = streams(1, min_variance=0.01, max_sharpe=0.01)
    assert assess(given)["max_sharpe"].outcome == INSUFFICIENT
    given["max_sharpe"] = given["min_variance"] + 0.002 + streams(5, noise=0.003)["noise"]
    assert assess(given)["max_sharpe"].outcome == ACHIEVED
    given["max_sharpe"] = given["min_variance"] - 0.004 + streams(5, noise=0.003)["noise"]
    broken = assess(given)["max_sharpe"]
    assert broken.outcome == MISSED
    assert broken.comparisons[0].lower_value > broken.comparisons[0].upper_value


def test_the_test_keeps_its_level_when_two_risk_profiles_are_equal() -> None:
    found = [
        assess_targets(
            streams(seed, 200, min_variance=0.01, max_sharpe=0.01),
            [],
            periods_per_year=252,
            rng=np.random.default_rng(seed),
            n_samples=200,
        )
        for seed in range(200)
    ]
    for place in (0, 3):
        verdicts = [achievements[place].outcome for achievements in found]
        # 5 % on either side; four standard errors are 0.06.
        assert 0 < verdicts.count(ACHIEVED) / 200 <= 0.11
        assert 0 < verdicts.count(MISSED) / 200 <= 0.11


def test_an_order_among_several_is_missed_only_at_its_share_of_the_level() -> None:
    doubtful = 0
    for seed in range(40):
        given = streams(seed, 200, min_variance=0.0103, risk_parity=0.01, equal_weight=0.01, max_sharpe=0.012)
        found = assess(given)["min_variance"]
        smallest = min(item.p_opposite for item in found.comparisons)
        assert (found.outcome == MISSED) == (smallest <= 0.05 / 3)
        doubtful += 0.05 / 3 < smallest <= 0.05
    assert doubtful > 0


def test_too_few_sessions_or_an_absent_series_are_insufficient() -> None:
    assert "59 sessions" in assess(streams(0, 59, min_variance=0.001, risk_parity=0.1))["min_variance"].message
    found = assess(streams(min_variance=0.005, risk_parity=0.008))
    assert found["risk_parity"].message == "no series that varies for equal_weight"
    assert found["max_sharpe"].outcome == INSUFFICIENT
    constant = assess({**streams(min_variance=0.005, risk_parity=0.008), "equal_weight": np.zeros(500)})
    assert constant["risk_parity"].outcome == INSUFFICIENT
    assert assess({})["min_variance"].outcome == INSUFFICIENT
    with pytest.raises(InputError, match="different lengths"):
        assess({"min_variance": np.zeros(99), "max_sharpe": np.zeros(98)})


@pytest.mark.parametrize("seed", range(10))
def test_series_that_differ_by_rounding_alone_support_no_order(seed: int) -> None:
    given = streams(seed, min_variance=0.005)
    rounding = 1.0 + np.random.default_rng(seed).choice([-2e-16, 0.0, 2e-16], 500)
    twin = assess({**given, "risk_parity": given["min_variance"] * rounding})["min_variance"].comparisons[0]
    assert (twin.p_value, twin.p_opposite) == (1.0, 1.0)


def test_insulated_sleeves_are_achieved_and_a_shared_cluster_or_identity_is_missed() -> None:
    assert assess({}, [barbell(), barbell()])["barbell"].outcome == ACHIEVED
    shared = assess({}, [barbell(), barbell(clusters=(3, 3))])["barbell"]
    assert (shared.outcome, shared.message) == (MISSED, "window 1: 1 of clusters stand in both sleeves, first 3")
    assert "identities" in assess({}, [barbell(identities=("X", "X"))])["barbell"].message


def test_a_barbell_that_cannot_be_checked_is_insufficient() -> None:
    assert assess({}, [])["barbell"].outcome == INSUFFICIENT
    bare = Decision(("A",), np.ones(1), 0.0)
    assert assess({}, [bare])["barbell"].outcome == INSUFFICIENT
    assert assess({}, [Decision.refused("failed", "no solution")])["barbell"].message.endswith("no solution")
    one_sleeve = assess({}, [barbell("cc")])["barbell"]
    assert one_sleeve.message == "no window of 1 held both sleeves"
