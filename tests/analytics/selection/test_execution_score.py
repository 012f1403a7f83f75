"""Figures, ranks and score of candidates, recomputed by hand."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from analytics.selection.execution_score import (
    SCORE_WEIGHTS,
    CandidateFigures,
    combine_ranks,
    cumulative_return,
    measure_figures,
    rank_figures,
)


def test_cumulative_return_compounds_held_returns_until_the_wealth_is_gone() -> None:
    held = np.array([[0.5, -0.2], [0.1, np.nan], [-0.1, 0.3], [0.2, -1.2]])
    np.testing.assert_allclose(cumulative_return(held, 3), [1.1 * 0.9 * 1.2 - 1.0, -1.0])


def test_figures_of_an_unusable_candidate_are_unknown_but_for_its_liquidity() -> None:
    returns = np.random.default_rng(4).normal(0.001, 0.01, size=(60, 3))
    returns[:, 1] = np.nan
    pool = pl.DataFrame({"value_traded_usd": [1e6, 2e6, None], "close": [50.0, 80.0, 10.0], "atr": [1.0, 2.0, 1.0]})
    figures = measure_figures(returns, np.array([True, False, True]), pool, 252)
    np.testing.assert_allclose(figures.momentum[[0, 2]], returns[:, [0, 2]].mean(axis=0) * 252)
    np.testing.assert_allclose(figures.stability[0], 1.0 / (returns[:, 0].std(ddof=1) * np.sqrt(252)))
    assert np.isnan([figures.momentum[1], figures.volatility_annual[1], figures.convexity[1]]).all()
    expected = [0.7 * np.log1p(1e6) + 0.3 * np.log(50.0), 0.7 * np.log1p(2e6) + 0.3 * np.log(40.0), np.nan]
    np.testing.assert_allclose(figures.liquidity, expected)


def figures_of(momentum: list[float]) -> CandidateFigures:
    same = np.full(len(momentum), 0.5)
    return CandidateFigures(np.array(momentum), same, same, same, same)


def test_ranks_are_of_the_pool_or_of_the_cluster() -> None:
    figures, ids = figures_of([0.1, 0.3, 0.2, 9.0]), np.array([1, 1, 1, 2])
    pooled = rank_figures(figures, ids, across_pool=True)
    scaled = rank_figures(figures, ids, across_pool=False)
    assert list(pooled) == list(scaled) == list(SCORE_WEIGHTS)
    np.testing.assert_allclose(pooled["momentum"], [0.125, 0.625, 0.375, 0.875])
    np.testing.assert_allclose(scaled["momentum"], [0.0, 1.0, 0.5, 0.5])
    np.testing.assert_array_equal(scaled["liquidity"], np.full(4, 0.5))


def test_an_unknown_figure_has_no_rank_and_does_not_move_the_others() -> None:
    ranks = rank_figures(figures_of([0.1, np.nan, 0.2]), np.ones(3, dtype=np.int64), across_pool=False)
    np.testing.assert_array_equal(ranks["momentum"], [0.0, np.nan, 1.0])


def test_the_weight_of_an_unknown_rank_goes_to_the_others() -> None:
    ranks = {"momentum": [1.0, 1.0, np.nan], "stability": [0.5] * 3, "convexity": [0.0] * 3}
    ranks["liquidity"] = [1.0, np.nan, 1.0]
    score = combine_ranks({name: np.array(values) for name, values in ranks.items()})
    assert score[0] == pytest.approx(0.3 + 0.2 * 0.5 + 0.3)
    assert score[1] == pytest.approx((0.3 + 0.2 * 0.5) / 0.7)
    assert np.isnan(score[2])
