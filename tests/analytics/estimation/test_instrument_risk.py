"""Risk of single instruments, recomputed by hand and by SciPy.

See docs/method/06-risk.md.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analytics.errors import InputError, ShortHistoryError
from analytics.estimation.instrument_risk import (
    conditional_value_at_risk,
    convexity,
    fragility,
    fragility_level,
    max_drawdown,
    percentile_rank,
    risk_measures,
    skewness,
    tail_ratio,
    value_at_risk,
    volatility,
)

RETURNS = np.random.default_rng(6).standard_t(4, size=(250, 5)) * 0.01


def test_tail_losses_are_minus_the_quantile_and_minus_the_mean_at_or_below_it() -> None:
    column = np.sort(RETURNS[:, 0])
    low = np.quantile(column, 0.05)
    np.testing.assert_allclose(value_at_risk(RETURNS)[0], -low, rtol=1e-15)
    np.testing.assert_allclose(conditional_value_at_risk(RETURNS)[0], -column[column <= low].mean(), rtol=1e-15)


def test_drawdown_counts_the_start_and_compounds() -> None:
    returns = np.array([[-0.5, 0.1], [0.5, 0.1], [1.0, -0.5]])
    np.testing.assert_allclose(max_drawdown(returns), [0.5, 0.5], rtol=1e-15)


def test_a_short_that_loses_more_than_everything_ends_at_a_drawdown_of_one() -> None:
    assert max_drawdown(np.array([[-1.5], [3.0]]))[0] == 1.0


def test_skewness_is_scipys() -> None:
    np.testing.assert_allclose(skewness(RETURNS), stats.skew(RETURNS, axis=0, bias=False), rtol=1e-13)


def test_volatility_is_annualised_by_the_grid_and_not_by_the_dates() -> None:
    expected = RETURNS.std(axis=0, ddof=1)
    np.testing.assert_allclose(volatility(RETURNS, periods_per_year=252), expected * np.sqrt(252), rtol=1e-14)
    np.testing.assert_allclose(volatility(RETURNS, periods_per_year=365), expected * np.sqrt(365), rtol=1e-14)


def test_nulls_are_left_out_and_not_read_as_zero() -> None:
    gapped = np.vstack([RETURNS, np.full((30, 5), np.nan)])
    for statistic in (
        value_at_risk,
        conditional_value_at_risk,
        max_drawdown,
        skewness,
        tail_ratio,
        convexity,
        fragility,
    ):
        np.testing.assert_array_equal(statistic(gapped), statistic(RETURNS))


def test_ranks_average_ties_and_leave_nan_in_its_row() -> None:
    ranks = percentile_rank(np.array([2.0, np.nan, 1.0, 2.0, np.inf]))
    np.testing.assert_array_equal(ranks, [0.5, np.nan, 0.125, 0.5, 0.875])


def test_an_infinite_tail_ratio_ranks_highest() -> None:
    gains_only = np.abs(RETURNS[:, :1])
    gains_only[:50] = 0.0
    pool = np.hstack([RETURNS, gains_only])
    assert tail_ratio(pool)[-1] == np.inf
    assert convexity(pool)[-1] == max(convexity(pool))
    assert np.isfinite(convexity(pool)).all()


def test_convexity_and_fragility_are_the_means_of_their_ranks() -> None:
    def ranks(values: np.ndarray) -> np.ndarray:
        return (stats.rankdata(values) - 0.5) / values.size

    tails = np.array([r[r >= np.quantile(r, 0.95)].mean() / -r[r <= np.quantile(r, 0.05)].mean() for r in RETURNS.T])
    convex = (ranks(stats.skew(RETURNS, bias=False)) + ranks(tails)) / 2
    np.testing.assert_allclose(convexity(RETURNS), convex, rtol=1e-15)
    cvar = np.array([-r[r <= np.quantile(r, 0.05)].mean() for r in RETURNS.T])
    np.testing.assert_allclose(fragility(RETURNS), (ranks(cvar) + ranks(1 - convex)) / 2, rtol=1e-15)


def test_a_crash_makes_a_long_fragile_and_a_short_convex() -> None:
    crash = RETURNS.copy()
    crash[::40, 0] -= 0.25
    both = np.column_stack([crash, -crash[:, 0]])
    assert convexity(both)[-1] > 0.8
    assert convexity(both)[0] < 0.2
    assert fragility(both)[0] > 0.8


@settings(max_examples=15, deadline=None)
@given(scale=st.floats(min_value=1e-3, max_value=10.0))
def test_scaling_all_returns_changes_no_rank(scale: float) -> None:
    np.testing.assert_allclose(convexity(RETURNS * scale), convexity(RETURNS), atol=1e-12)
    np.testing.assert_allclose(fragility(RETURNS * scale), fragility(RETURNS), atol=1e-12)


def test_colours_change_at_0_4_and_0_6() -> None:
    assert [fragility_level(value) for value in (0.0, 0.399, 0.4, 0.599, 0.6, 1.0)] == [
        "green",
        "green",
        "amber",
        "amber",
        "red",
        "red",
    ]


def test_risk_measures_have_the_columns_of_the_results_table_and_count_shorts_as_shorts() -> None:
    symbols = [f"SIMX:{name}" for name in "ABCDE"]
    directions = np.array([1, -1, 1, 1, 1])
    measures = risk_measures(RETURNS, directions, symbols, periods_per_year=252)
    assert measures.columns == [
        "symbol",
        "volatility_annual",
        "var95",
        "cvar95",
        "max_drawdown",
        "skew",
        "tail_ratio",
        "convexity",
        "fragility",
        "fragility_level",
        "n_sessions",
    ]
    np.testing.assert_array_equal(measures["skew"].to_numpy(), skewness(RETURNS * directions))
    assert measures["n_sessions"].to_list() == [250] * 5
    backwards = risk_measures(RETURNS[:, ::-1], directions[::-1], symbols[::-1], periods_per_year=252)
    assert backwards.reverse().equals(measures)


@pytest.mark.parametrize(
    ("returns", "directions", "symbols", "message"),
    [
        (RETURNS, [1, 1, 0, 1, 1], "ABCDE", "C has direction 0"),
        (RETURNS, [1, 1, 1, 1, 1], "ABCDA", "A appears twice"),
        (RETURNS, [1, 1], "ABCDE", "one column and one direction"),
        (np.where(np.arange(5) == 3, np.inf, RETURNS), [1] * 5, "ABCDE", "D returns inf at session 0"),
        (np.where(np.arange(5) == 2, -1.5, RETURNS), [1] * 5, "ABCDE", "C returns -1.5"),
    ],
)
def test_a_pool_that_cannot_be_right_is_refused_by_name(
    returns: np.ndarray, directions: list[int], symbols: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        risk_measures(returns, np.array(directions), list(symbols), periods_per_year=252)


def test_a_history_too_short_is_refused_with_both_counts() -> None:
    gapped = RETURNS.copy()
    gapped[19:, 1] = np.nan
    with pytest.raises(ShortHistoryError, match=r"B has 19 sessions .* needs 20"):
        risk_measures(gapped, np.ones(5, dtype=np.int64), list("ABCDE"), periods_per_year=252)


def test_columns_without_values_have_no_statistic() -> None:
    empty = np.full((30, 1), np.nan)
    assert np.isnan(value_at_risk(empty)).all()
    assert isinstance(
        risk_measures(RETURNS, np.ones(5, dtype=np.int64), list("ABCDE"), periods_per_year=365), pl.DataFrame
    )
