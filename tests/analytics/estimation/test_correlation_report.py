"""Tables of the correlation report, recomputed by NumPy.

See docs/method/03-dependence.md#3.1, 3.2.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from analytics.errors import InputError
from analytics.estimation.correlation_report import correlation_report, effective_number, rolling_average_correlation

NAMES = ["X:A", "X:B", "X:C", "X:D"]
DATES = [date(2024, 1, 1) + timedelta(days=day) for day in range(200)]


def returns_of(n_sessions: int = 200) -> np.ndarray:
    rng = np.random.default_rng(7)
    returns = 0.01 * (rng.normal(size=(n_sessions, 1)) + rng.normal(size=(n_sessions, 4)))
    returns[:, 1] = returns[:, 0] + 0.001 * rng.normal(size=n_sessions)
    return returns


def average(window: np.ndarray) -> float:
    return np.corrcoef(window.T)[np.triu_indices(window.shape[1], 1)].mean()


def test_rolling_average_is_the_mean_over_pairs_of_each_window() -> None:
    returns = returns_of()
    rolled = rolling_average_correlation(returns, 60)
    assert np.isnan(rolled[:59]).all()
    for last in (59, 120, 199):
        assert rolled[last] == pytest.approx(average(returns[last - 59 : last + 1]), abs=1e-12)


def test_rolling_average_with_gaps_uses_the_known_pairs() -> None:
    returns = returns_of()
    returns[10, 0] = np.nan
    returns[:150, 3] = np.nan
    rolled = rolling_average_correlation(returns, 60)
    assert rolled[100] == pytest.approx(average(returns[41:101, :3]), abs=1e-12)
    twenty = rolling_average_correlation(returns, 20)
    assert twenty[20] == pytest.approx(average(returns[1:21, 1:3]), abs=1e-12)


def test_rolling_average_leaves_out_what_does_not_move_in_a_window() -> None:
    returns = returns_of()
    returns[:60, 2] = 0.0
    rolled = rolling_average_correlation(returns, 60)
    assert rolled[59] == pytest.approx(average(returns[:60, [0, 1, 3]]), abs=1e-12)


def test_steps_count_back_from_the_last_session() -> None:
    every, some = (rolling_average_correlation(returns_of(), 60, step_sessions=step) for step in (1, 7))
    np.testing.assert_array_equal(np.flatnonzero(np.isfinite(some)), np.arange(199, 58, -7)[::-1])
    assert some[192] == every[192]


def test_report_tables() -> None:
    returns = returns_of()
    report = correlation_report(returns, NAMES, [1, -1, 1, 1], DATES)
    physical = np.corrcoef(returns.T)
    assert report.rolling["window_sessions"].unique(maintain_order=True).to_list() == [20, 60, 180]
    assert report.rolling.height == 600
    assert report.rolling.filter(window_sessions=180)["average_correlation"].null_count() == 179
    highest = report.top_pairs.row(0, named=True)
    assert (highest["kind"], highest["left"], highest["right"]) == ("highest", "X:A", "X:B")
    assert highest["correlation"] == pytest.approx(physical[0, 1])
    assert highest["held_correlation"] == pytest.approx(-physical[0, 1])
    lowest = report.top_pairs.filter(kind="lowest").row(0, named=True)
    assert lowest["correlation"] == pytest.approx(physical[np.triu_indices(4, 1)].min())
    assert report.top_pairs.height == 12
    assert report.redundancy["is_redundant"].to_list() == [False] * 4
    summary = {row["stream"]: row for row in report.summary.iter_rows(named=True)}
    upper = physical[np.triu_indices(4, 1)]
    assert summary["physical"]["mean"] == pytest.approx(upper.mean())
    assert summary["physical"]["share_above_half"] == pytest.approx((upper > 0.5).mean())
    assert summary["held"]["mean"] < summary["physical"]["mean"]
    assert summary["held"]["effective_number"] == pytest.approx(summary["physical"]["effective_number"])


def test_an_instrument_whose_pairs_are_mostly_unknown_is_in_no_table_and_has_a_reason() -> None:
    returns = returns_of()
    recent = np.full((200, 1), np.nan)
    recent[-12:] = np.random.default_rng(1).normal(size=(12, 1)) * 0.01
    report = correlation_report(np.hstack([returns, recent]), [*NAMES, "X:Y"], np.ones(5), DATES)
    without = correlation_report(returns, NAMES, np.ones(4), DATES)
    assert report.excluded == (("X:Y", "sparse overlap: 4 of 4 pairs unknown"),)
    assert without.excluded == ()
    assert report.redundancy["symbol"].to_list() == without.redundancy["symbol"].to_list()
    assert report.summary["effective_number"].to_list() == pytest.approx(without.summary["effective_number"].to_list())


def test_redundancy_names_the_nearest() -> None:
    report = correlation_report(returns_of(), NAMES, np.ones(4), DATES, step_sessions=50)
    row = report.redundancy.row(1, named=True)
    assert (row["symbol"], row["nearest"], row["n_redundant"], row["is_redundant"]) == ("X:B", "X:A", 1, True)
    assert report.redundancy["n_redundant"].to_list() == [1, 1, 0, 0]


def test_effective_number_of_known_matrices() -> None:
    assert effective_number(np.eye(5)) == pytest.approx(5.0)
    assert effective_number(np.ones((5, 5))) == pytest.approx(1.0)
    matrix = np.corrcoef(returns_of().T)
    values = np.linalg.eigvalsh(matrix)
    assert effective_number(matrix) == pytest.approx(values.sum() ** 2 / (values**2).sum())


def test_dates_must_match_and_pairs_must_exist() -> None:
    with pytest.raises(InputError, match="199 session dates"):
        correlation_report(returns_of(), NAMES, np.ones(4), DATES[:-1])
    with pytest.raises(InputError, match="No pair"):
        correlation_report(returns_of(10), NAMES, np.ones(4), DATES[:10])
    with pytest.raises(InputError, match="rolling window needs"):
        rolling_average_correlation(returns_of(), 1)
