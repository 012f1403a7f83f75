"""The tail adjustment recomputed from its formula, with its direction and its bounds."""

from __future__ import annotations

import numpy as np
import pytest

from analytics.errors import InputError
from analytics.estimation.instrument_risk import conditional_value_at_risk
from analytics.estimation.tail_adjustment import MOST_TAIL, adjust_for_tails, relative_tails

GAMMAS = (0.25, 0.5, 1.0)


def streams(seed: int = 0, sessions: int = 500) -> np.ndarray:
    """Normal, two Student and one crashing stream, with volatilities from 0.1 % to 3 % a session."""
    rng = np.random.default_rng(seed)
    crashing = np.where(rng.random(sessions) < 0.03, -5.0, 0.2) + 0.3 * rng.normal(size=sessions)
    columns = [rng.normal(size=sessions), rng.standard_t(3, sessions), rng.standard_t(6, sessions), crashing]
    return np.column_stack(columns) * np.array([0.001, 0.01, 0.005, 0.03])


@pytest.mark.parametrize("gamma", GAMMAS)
def test_volatilities_follow_the_formula_and_correlations_stay(gamma: float) -> None:
    returns = streams()
    covariance = np.cov(returns.T)
    volatility, tails = np.sqrt(np.diag(covariance)), conditional_value_at_risk(returns)
    level = (tails / volatility).mean()
    adjusted = adjust_for_tails(covariance, returns, gamma)
    expected = volatility ** (1.0 - gamma) * (tails / level) ** gamma
    np.testing.assert_allclose(np.sqrt(np.diag(adjusted)), expected, rtol=1e-12)
    np.testing.assert_allclose(
        adjusted / np.outer(expected, expected), covariance / np.outer(volatility, volatility), atol=1e-12
    )


def test_equal_tails_change_nothing_whatever_the_volatilities() -> None:
    one = streams()[:, :1]
    returns = one * np.array([1.0, 7.0, 0.2])
    covariance = np.diag(returns.var(axis=0))
    np.testing.assert_allclose(adjust_for_tails(covariance, returns, 0.5), covariance, rtol=1e-12)
    assert adjust_for_tails(covariance, streams()[:, :3], 0.0) is covariance


def test_a_worse_tail_counts_as_more_volatility_and_no_tail_beyond_its_bound() -> None:
    returns = streams()
    factors = [np.sqrt(np.diag(adjust_for_tails(np.eye(4), returns, gamma))) for gamma in GAMMAS]
    for gamma, factor in zip(GAMMAS, factors, strict=True):
        assert factor[3] > factor[1] > factor[0]
        assert np.all(np.abs(np.log2(factor)) <= gamma + 1e-12)
    assert factors[0][3] < factors[1][3] < factors[2][3]
    never_losing = np.column_stack([np.abs(returns[:, 0]), returns[:, 1]])
    np.testing.assert_array_equal(relative_tails(never_losing)[0], 1.0 / MOST_TAIL)


def test_returns_before_a_listing_are_left_out() -> None:
    returns = streams()
    short = returns.copy()
    short[:200, 2] = np.nan
    tails = relative_tails(short)
    own = conditional_value_at_risk(returns[200:, 2:3])[0] / returns[200:, 2].std(ddof=1)
    others = [conditional_value_at_risk(returns[:, [k]])[0] / returns[:, k].std(ddof=1) for k in (0, 1, 3)]
    assert tails[2] == pytest.approx(own / np.mean([own, *others]), rel=1e-12)


def test_streams_that_never_lose_are_refused() -> None:
    with pytest.raises(InputError, match="do not lose in their tails"):
        adjust_for_tails(np.eye(4), np.abs(streams()), 0.5)
