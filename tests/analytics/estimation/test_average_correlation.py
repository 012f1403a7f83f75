"""Average correlation of a pool against the matrix of its pairs."""

from __future__ import annotations

import numpy as np
import pytest

from analytics.estimation.average_correlation import MAX_CALENDARS, mean_correlation, rolling_mean_correlation


def pool(n_sessions: int = 90, n_instruments: int = 24) -> np.ndarray:
    rng = np.random.default_rng(3)
    return 0.01 * (rng.normal(size=(n_sessions, 1)) + rng.normal(size=(n_sessions, n_instruments)))


def mean_over_pairs(returns: np.ndarray, min_overlap: int) -> float:
    values = []
    for left in range(returns.shape[1]):
        for right in range(left):
            both = np.isfinite(returns[:, left]) & np.isfinite(returns[:, right])
            if both.sum() >= min_overlap:
                values.append(np.corrcoef(returns[both, left], returns[both, right])[0, 1])
    return float(np.mean(values))


@pytest.mark.parametrize("n_calendars", [1, 3, MAX_CALENDARS, MAX_CALENDARS + 1, 24])
def test_the_mean_over_pairs_does_not_depend_on_the_number_of_calendars(n_calendars: int) -> None:
    returns = pool()
    closed = np.random.default_rng(n_calendars).random((90, n_calendars)) < 0.15
    closed[:, 0] &= n_calendars > 1
    returns[closed[:, np.arange(24) % n_calendars]] = np.nan
    assert mean_correlation(returns, 20) == pytest.approx(mean_over_pairs(returns, 20), rel=1e-12)


def test_pairs_with_too_few_common_sessions_do_not_count() -> None:
    returns = pool()
    returns[:71, 0] = np.nan  # 19 sessions
    assert mean_correlation(returns, 20) == pytest.approx(mean_over_pairs(returns[:, 1:], 20), rel=1e-12)
    assert mean_correlation(returns, 19) == pytest.approx(mean_over_pairs(returns, 19), rel=1e-12)


def test_without_a_pair_the_mean_is_nan() -> None:
    returns = pool(30, 2)
    assert np.isnan(mean_correlation(returns[:, :1], 20))
    returns[:15, 0], returns[15:, 1] = np.nan, np.nan
    assert np.isnan(mean_correlation(returns, 20))


def test_rolling_windows_end_at_their_session_and_steps_count_back_from_the_last() -> None:
    returns = pool()
    every = rolling_mean_correlation(returns, 40, min_overlap=20)
    assert np.isnan(every[:39]).all()
    for last in (39, 60, 89):
        assert every[last] == pytest.approx(mean_over_pairs(returns[last - 39 : last + 1], 20), rel=1e-12)
    some = rolling_mean_correlation(returns, 40, min_overlap=20, step_sessions=25)
    assert np.flatnonzero(np.isfinite(some)).tolist() == [39, 64, 89]
    assert some[64] == every[64]
