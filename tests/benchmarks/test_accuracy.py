"""The checks of the benchmark accept correct results and refuse wrong ones."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from sklearn.covariance import LedoitWolf

from benchmarks import ours
from benchmarks.accuracy import CHECKS, OUR_TOLERANCE, PEER_TOLERANCE, Answer, breach, nearest_hrp
from benchmarks.comparison import WrongAnswerError, checked
from benchmarks.inputs import PERIODS_PER_YEAR, TRAIN_SESSIONS, Market, plain_ledoit_wolf, simulate

WEIGHED = ("min_variance", "max_sharpe", "risk_parity", "hrp", "min_cvar")


@pytest.fixture(scope="module")
def market() -> Market:
    """Large enough for ten clusters and two windows."""
    return simulate(24, TRAIN_SESSIONS + 42)


def perturbed(answer: Answer) -> Answer:
    """The result with its first number, label or figure wrong."""
    if isinstance(answer, Mapping):
        return {name: np.where(np.arange(values.size) == 0, values + 0.1, values) for name, values in answer.items()}
    wrong = np.array(answer)
    if wrong.dtype.kind == "i":
        wrong[0] = wrong[wrong != wrong[0]][0]
    elif wrong.ndim == 2 and wrong.shape[0] == wrong.shape[1]:
        wrong[0, 0] *= 1.1
    else:
        # Weight moved from the largest to the smallest keeps every constraint, so that only the check of optimality can fail.
        rows = wrong if wrong.ndim == 2 else wrong[None, :]
        rows[0, rows[0].argmin()] += 0.02
        rows[0, rows[0].argmax()] -= 0.02
    return wrong


@pytest.mark.parametrize("work", CHECKS)
def test_our_result_is_correct(work: str, market: Market) -> None:
    checked(work, market, ours.WORKS[work](market), OUR_TOLERANCE)


@pytest.mark.parametrize("work", CHECKS)
def test_a_perturbed_result_is_refused_even_from_a_peer(work: str, market: Market) -> None:
    with pytest.raises(WrongAnswerError, match="wrong answer"):
        checked(work, market, perturbed(ours.WORKS[work](market)), PEER_TOLERANCE)


@pytest.mark.parametrize("work", WEIGHED)
def test_equal_weights_are_refused(work: str, market: Market) -> None:
    with pytest.raises(WrongAnswerError, match="off by"):
        checked(work, market, np.full(24, 1.0 / 24), PEER_TOLERANCE)


@pytest.mark.parametrize("work", WEIGHED)
def test_weights_that_are_no_numbers_are_refused(work: str, market: Market) -> None:
    with pytest.raises((WrongAnswerError, ValueError)):
        checked(work, market, np.full(24, np.nan), PEER_TOLERANCE)


def test_a_breach_is_the_largest_of_sum_sign_and_cap() -> None:
    assert breach(np.array([0.5, 0.5]), 0.5) == 0.0
    assert breach(np.array([0.5, 0.4]), 0.5) == pytest.approx(0.1)
    assert breach(np.array([1.2, -0.2]), 1.5) == pytest.approx(0.2)
    assert breach(np.array([0.7, 0.3]), 0.5) == pytest.approx(0.2)
    assert breach(np.array([np.nan, 1.0]), 1.0) == np.inf


def test_the_papers_formula_is_that_of_scikit_learn(market: Market) -> None:
    expected = LedoitWolf().fit(market.returns).covariance_
    np.testing.assert_allclose(plain_ledoit_wolf(market.returns), expected, rtol=0, atol=1e-15)
    np.testing.assert_allclose(market.covariance, expected * PERIODS_PER_YEAR, rtol=1e-10)


def test_both_of_our_hrp_risk_profiles_are_distinguished(market: Market) -> None:
    assert nearest_hrp(market.covariance, ours.weigh(market, "hrp"))[0] == "published"
    assert nearest_hrp(market.covariance, ours.weigh(market, "hrp_plain"))[0] == "plain, optimal leaf order"


def test_the_same_seed_gives_the_same_market() -> None:
    np.testing.assert_array_equal(simulate(5, 30).returns, simulate(5, 30).returns)
    assert not np.array_equal(simulate(5, 30).returns, simulate(5, 30, seed=1).returns)
