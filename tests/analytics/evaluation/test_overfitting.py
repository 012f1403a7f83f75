from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from analytics.evaluation.deflated_sharpe import deflated_sharpe
from analytics.evaluation.metrics import MetricTable
from analytics.evaluation.overfitting import TableFigure, measure_overfitting

NAMES = ("market/market", "ours/a", "ours/b", "ours/flat")


def table(n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    market = rng.normal(0.0003, 0.01, n)
    return np.column_stack([market, rng.normal(0.001, 0.01, n), rng.normal(0, 0.01, n), np.zeros(n)]), market


def measure(
    returns: np.ndarray, market: np.ndarray, is_trial: list[bool]
) -> tuple[MetricTable, tuple[TableFigure, ...]]:
    return measure_overfitting(
        returns,
        market,
        np.array(is_trial),
        NAMES,
        periods_per_year=252,
        rng=np.random.default_rng(1),
        n_samples=400,
    )


def test_a_cell_is_deflated_by_the_number_and_spread_of_the_trials() -> None:
    returns, market = table()
    found, figures = measure(returns, market, [False, True, True, True])
    series = returns[:, 1]
    sharpes = [returns[:, i].mean() / returns[:, i].std(ddof=1) for i in (1, 2)]
    expected = deflated_sharpe(
        sharpes[0],
        n_sessions=400,
        skew=float(stats.skew(series)),
        kurtosis=float(stats.kurtosis(series, fisher=False)),
        n_trials=2,
        variance_of_sharpes=float(np.var(sharpes, ddof=1)),
    )
    assert found.values["deflated_sharpe"][1] == pytest.approx(expected, abs=1e-12)
    assert np.isnan(found.values["deflated_sharpe"][[0, 3]]).all()
    assert found.reason("probabilistic_sharpe", 3) is not None
    assert figures[0].value == 2.0
    assert "best ours/a" in figures[2].message


def test_the_interval_of_a_sharpe_ratio_is_near_its_standard_error() -> None:
    returns, market = table(2000)
    found, _ = measure(returns, market, [False, True, True, True])
    sharpe = returns[:, 1].mean() / returns[:, 1].std(ddof=1) * np.sqrt(252)
    width = 1.96 * np.sqrt(252 / 2000)
    assert found.values["sharpe_lower95"][1] == pytest.approx(sharpe - width, abs=0.25)
    assert found.values["sharpe_upper95"][1] == pytest.approx(sharpe + width, abs=0.25)
    assert found.reason("sharpe_lower95", 3) == "the series is constant"


def test_without_a_choice_there_is_nothing_to_deflate() -> None:
    returns, market = table()
    found, figures = measure(returns, market, [False, True, False, False])
    assert found.reason("deflated_sharpe", 1) == "fewer than two trials"
    assert figures[1].value is None
    assert "at least two portfolios" in figures[1].message
    assert figures[2].value is not None
    _, nothing = measure(returns, market, [False, False, False, False])
    assert nothing[2].message == "no cell holds anything else than the market"


def test_a_short_table_gives_the_reason_for_each_missing_figure() -> None:
    returns, market = table(15)
    found, figures = measure(returns, market, [False, True, True, False])
    assert found.reason("sharpe_upper95", 1) == "an interval needs 20 sessions"
    assert [figure.value for figure in figures] == [2.0, None, None]
