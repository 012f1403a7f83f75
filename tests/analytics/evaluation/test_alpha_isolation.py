from __future__ import annotations

import numpy as np
import pytest

from analytics.errors import InputError
from analytics.evaluation.alpha_isolation import isolate_alpha


def test_the_stages_add_up_and_the_mean_has_intervals() -> None:
    rng = np.random.default_rng(0)
    pool = rng.normal(0.0, 0.01, 400)
    selected = pool + 0.001 + rng.normal(0, 0.001, 400)
    optimised = selected + rng.normal(0, 0.001, 400)
    frame = isolate_alpha(pool, selected, optimised, periods_per_year=252, rng=np.random.default_rng(1))
    assert frame["metric"].to_list() == [
        "total_return", "cagr", "volatility_annual", "sharpe", "max_drawdown", "mean_annual",
    ]  # fmt: skip
    row = frame.to_dicts()[-1]
    assert row["raw_pool"] == pytest.approx(pool.mean() * 252, abs=1e-15)
    assert row["selection_alpha"] == pytest.approx((selected - pool).mean() * 252, abs=1e-12)
    assert row["optimisation_alpha"] == pytest.approx((optimised - selected).mean() * 252, abs=1e-12)
    assert 0 < row["selection_lower"] < row["selection_alpha"] < row["selection_upper"]
    assert row["optimisation_lower"] < 0 < row["optimisation_upper"]
    total = frame.to_dicts()[0]
    assert total["selected"] == pytest.approx(np.prod(1 + selected) - 1, rel=1e-12)
    assert total["selection_alpha"] == pytest.approx(total["selected"] - total["raw_pool"], abs=1e-15)
    assert total["selection_lower"] is None


def test_an_undefined_figure_is_null_and_so_is_its_difference() -> None:
    rng = np.random.default_rng(0)
    pool, optimised = rng.normal(0, 0.01, (2, 100))
    frame = isolate_alpha(pool, np.zeros(100), optimised, periods_per_year=252, rng=rng)
    sharpe = frame.to_dicts()[3]
    assert sharpe["metric"] == "sharpe"
    assert sharpe["raw_pool"] is not None
    assert [sharpe[name] for name in ("selected", "selection_alpha", "optimisation_alpha")] == [None, None, None]


def test_stages_over_different_sessions_are_refused() -> None:
    with pytest.raises(InputError, match="give the same sessions for all"):
        isolate_alpha(np.zeros(9), np.zeros(10), np.zeros(10), periods_per_year=252, rng=np.random.default_rng(0))
