from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analytics.errors import InputError, ShortHistoryError
from analytics.evaluation.metrics import RELATIVE_METRICS, SERIES_METRICS, TRADING_METRICS, compute_metrics


def by_hand(returns: list[float], benchmark: list[float], periods: int, risk_free_annual: float) -> dict[str, float]:
    """Every figure of one portfolio in plain Python, from the definitions."""
    n, f = len(returns), risk_free_annual / periods
    wealth, peak, worst = 1.0, 1.0, 0.0
    path = [1.0]
    for r in returns:
        wealth *= 1 + r
        path.append(wealth)
    spell = 0.0
    for i, value in enumerate(path):
        peak = max(peak, value)
        if 1 - value / peak > worst:
            worst = 1 - value / peak
            start = max(j for j in range(i) if path[j] == peak)
            later = [j for j in range(i, len(path)) if path[j] >= peak]
            spell = (later[0] if later else len(path) - 1) - start
    mean = sum(returns) / n
    deviation = math.sqrt(sum((r - mean) ** 2 for r in returns) / (n - 1))
    excess = [r - f for r in returns]
    downside = math.sqrt(sum(min(e, 0) ** 2 for e in excess) / n)
    quantile = float(np.quantile(returns, 0.05))
    tail = [r for r in returns if r <= quantile]
    cagr = wealth ** (periods / n) - 1
    b_mean = sum(benchmark) / n
    beta = sum((r - mean) * (b - b_mean) for r, b in zip(returns, benchmark, strict=True)) / sum(
        (b - b_mean) ** 2 for b in benchmark
    )
    active = [r - b for r, b in zip(returns, benchmark, strict=True)]
    a_mean = sum(active) / n
    error = math.sqrt(sum((a - a_mean) ** 2 for a in active) / (n - 1)) * math.sqrt(periods)
    return {
        "total_return": wealth - 1,
        "cagr": cagr,
        "volatility_annual": deviation * math.sqrt(periods),
        "sharpe": (mean - f) / deviation * math.sqrt(periods),
        "sortino": (mean - f) / downside * math.sqrt(periods),
        "calmar": cagr / worst,
        "omega": sum(max(e, 0) for e in excess) / sum(max(-e, 0) for e in excess),
        "max_drawdown": worst,
        "max_drawdown_sessions": spell,
        "var95": -quantile,
        "cvar95": -sum(tail) / len(tail),
        "skew": float(stats.skew(returns, bias=False)),
        "kurtosis": float(stats.kurtosis(returns, bias=False)),
        "hit_rate": sum(r > 0 for r in returns) / n,
        "beta": beta,
        "alpha": periods * (mean - f - beta * (b_mean - f)),
        "tracking_error": error,
        "information_ratio": a_mean * periods / error,
    }


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(8, 300), risk_free=st.sampled_from([0.0, 0.03]))
def test_every_figure_equals_its_definition(seed: int, n: int, risk_free: float) -> None:
    rng = np.random.default_rng(seed)
    # Rounded, so that ties and zero returns occur.
    returns = np.round(rng.standard_t(4, (n, 40)) * 0.01, 3)
    returns[0], returns[1] = 0.01, -0.011
    benchmark = rng.normal(0, 0.01, n)
    table = compute_metrics(returns, periods_per_year=252, risk_free_annual=risk_free, benchmark_returns=benchmark)
    assert set(table.values) == {*SERIES_METRICS, *RELATIVE_METRICS}
    for column in (0, 31, 32, 39):  # both sides of a block's edge
        expected = by_hand(returns[:, column].tolist(), benchmark.tolist(), 252, risk_free)
        found = {name: float(values[column]) for name, values in table.values.items()}
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_a_path_worked_by_hand() -> None:
    # Wealth 1.10, 0.88, 0.924, 1.1088: down 20 % from session 0, regained at session 3.
    table = compute_metrics(np.array([[0.10], [-0.20], [0.05], [0.20]]), periods_per_year=4)
    found = {name: float(values[0]) for name, values in table.values.items()}
    assert found["total_return"] == pytest.approx(0.1088, abs=1e-15)
    assert found["cagr"] == pytest.approx(0.1088, abs=1e-15)
    assert found["max_drawdown"] == pytest.approx(0.2, abs=1e-15)
    assert found["max_drawdown_sessions"] == 3
    assert found["calmar"] == pytest.approx(0.544, abs=1e-14)
    assert found["omega"] == pytest.approx(0.35 / 0.20, abs=1e-14)
    assert found["hit_rate"] == 0.75


def test_a_fall_from_the_start_counts_and_an_open_drawdown_lasts_to_the_end() -> None:
    table = compute_metrics(np.array([[-0.10], [-0.10], [0.05]]), periods_per_year=252)
    assert table.values["max_drawdown"][0] == pytest.approx(0.19, abs=1e-15)
    assert table.values["max_drawdown_sessions"][0] == 3


def test_annualisation_follows_the_grid() -> None:
    returns = np.random.default_rng(0).normal(0, 0.01, (100, 1))
    business = compute_metrics(returns, periods_per_year=252).values["volatility_annual"][0]
    always = compute_metrics(returns, periods_per_year=365).values["volatility_annual"][0]
    assert always / business == pytest.approx(math.sqrt(365 / 252), abs=1e-12)


def test_a_constant_series_has_no_ratio_and_a_reason() -> None:
    table = compute_metrics(np.full((50, 2), 0.001), periods_per_year=252)
    assert table.values["volatility_annual"].tolist() == [0.0, 0.0]
    for name in ("sharpe", "skew", "kurtosis"):
        assert np.isnan(table.values[name]).all()
        assert table.reason(name, 1) == "the series is constant"
    assert table.reason("calmar", 0) == "there was no drawdown to divide by"
    assert table.reason("sortino", 0) == table.reason("omega", 0) == "no session lost, so there is nothing to divide by"
    assert table.values["max_drawdown_sessions"][0] == 0
    assert table.reason("total_return", 0) is None


def test_a_constant_loss_has_a_sortino_but_no_sharpe() -> None:
    table = compute_metrics(np.full((50, 1), -0.001), periods_per_year=252)
    assert np.isnan(table.values["sharpe"][0])
    assert table.values["sortino"][0] == pytest.approx(-math.sqrt(252), abs=1e-9)
    assert table.values["omega"][0] == pytest.approx(0.0, abs=1e-12)


def test_ruin_is_minus_one_hundred_percent_and_nothing_is_clipped() -> None:
    table = compute_metrics(np.array([[0.5], [-1.0], [0.0], [0.0]]), periods_per_year=252)
    assert table.values["total_return"][0] == -1.0
    assert table.values["cagr"][0] == -1.0
    assert table.values["max_drawdown"][0] == 1.0
    assert table.values["calmar"][0] == -1.0
    huge = compute_metrics(np.tile([[0.05], [0.06]], (30, 1)), periods_per_year=252)
    assert huge.values["sharpe"][0] > 100


def test_short_series_lose_only_what_they_cannot_define() -> None:
    table = compute_metrics(np.array([[0.01], [-0.02]]), periods_per_year=252)
    assert table.reason("skew", 0) == "skew needs 3 sessions, the series has 2"
    assert table.reason("kurtosis", 0) == "kurtosis needs 4 sessions, the series has 2"
    assert np.isfinite(table.values["sharpe"][0])
    with pytest.raises(ShortHistoryError, match="at least 2 sessions, the series has 1"):
        compute_metrics(np.array([[0.01]]), periods_per_year=252)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.01])
def test_an_invalid_return_is_refused_by_name(bad: float) -> None:
    returns = np.zeros((5, 2))
    returns[3, 1] = bad
    with pytest.raises(InputError, match=r"ours/hrp returns .* at session 3"):
        compute_metrics(returns, periods_per_year=252, names=("market", "ours/hrp"))


def test_the_market_against_itself_has_beta_one_and_no_active_return() -> None:
    market = np.random.default_rng(1).normal(0, 0.01, 100)
    shifted = np.column_stack([market, market + 2**-10])
    table = compute_metrics(shifted, periods_per_year=252, benchmark_returns=market)
    assert table.values["beta"] == pytest.approx([1.0, 1.0], abs=1e-12)
    assert table.values["alpha"] == pytest.approx([0.0, 252 * 2**-10], abs=1e-12)
    assert table.values["tracking_error"][0] == 0.0
    assert table.reason("information_ratio", 0) == "the series differs from the benchmark by a constant"


def test_a_flat_benchmark_has_no_beta() -> None:
    returns = np.random.default_rng(1).normal(0, 0.01, (100, 1))
    table = compute_metrics(returns, periods_per_year=252, benchmark_returns=np.zeros(100))
    assert table.reason("beta", 0) == table.reason("alpha", 0) == "the benchmark is constant"
    with pytest.raises(InputError, match="finite"):
        compute_metrics(returns, periods_per_year=252, benchmark_returns=np.full(100, np.nan))


def test_turnover_and_costs_are_a_years_worth() -> None:
    turnover = np.zeros((40, 1))
    turnover[::20] = 0.3
    returns = np.random.default_rng(1).normal(0, 0.01, (40, 1))
    table = compute_metrics(returns, periods_per_year=252, turnover=turnover, costs=turnover * 1e-3)
    assert table.values["turnover_annual"][0] == pytest.approx(0.6 * 252 / 40, abs=1e-12)
    assert table.values["cost_drag"][0] == pytest.approx(0.6e-3 * 252 / 40, abs=1e-15)
    assert set(TRADING_METRICS) <= set(table.values)
    with pytest.raises(InputError, match="cost_drag"):
        compute_metrics(returns, periods_per_year=252, costs=np.zeros((39, 1)))
