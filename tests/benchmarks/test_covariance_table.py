"""The comparison of covariance estimators: its sessions, its series and its figures."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks import covariance
from benchmarks.covariance import HELD_OUT, STEP, Panel, decisions, evaluate, main, read_market, simulated_market, table


def test_no_session_after_2021_enters_the_choice_and_none_before_the_held_out_test() -> None:
    panel = simulated_market()
    for row in decisions(panel, 120, held_out=False):
        assert panel.sessions[row + STEP - 1] < HELD_OUT
    held_out = list(decisions(panel, 120, held_out=True))
    assert held_out
    assert all(panel.sessions[row] >= HELD_OUT for row in held_out)


def test_independent_series_of_one_variance_have_the_volatility_of_equal_weight() -> None:
    rng = np.random.default_rng(0)
    returns = 0.01 * rng.normal(size=(1000, 20))
    sessions = tuple(date(2018, 1, 1) + timedelta(days=row) for row in range(1000))
    scores = {
        score.estimator: score
        for score in evaluate(Panel(sessions, returns, ("equity",) * 20), "equities", 500, held_out=False)
    }
    expected = 0.01 * np.sqrt(252 / 20)
    assert scores["ledoit_wolf, identity"].volatility_annual == pytest.approx(expected, rel=0.06)
    assert scores["ledoit_wolf, identity"].bias == pytest.approx(1.0, abs=0.1)
    assert scores["ewma"].bias > scores["sample"].bias > 1.0


def test_returns_come_from_adjusted_closes_on_sessions_of_the_equities(tmp_path: Path) -> None:
    days = [date(2020, 1, 2), date(2020, 1, 3), date(2020, 1, 4), date(2020, 1, 6)]
    rows = [
        {"symbol": "A", "venue": "US", "asset_class": "equity", "date": day, "close": 100.0, "adj_close": price}
        for day, price in zip((days[0], days[1], days[3]), (50.0, 55.0, 44.0), strict=True)
    ]
    rows += [
        {"symbol": "C", "venue": "COIN", "asset_class": "crypto", "date": day, "close": price, "adj_close": None}
        for day, price in zip(days, (10.0, 11.0, 30.0, 33.0), strict=True)
    ]
    rows.append(
        {"symbol": "R", "venue": "ECB", "asset_class": "forex", "date": days[0], "close": 1.0, "adj_close": None}
    )
    path = tmp_path / "bars.parquet"
    pl.DataFrame(rows).write_parquet(path)
    panel = read_market(path)
    assert panel.sessions == (days[1], days[3])
    by_class = dict(zip(panel.asset_classes, panel.returns.T, strict=True))
    np.testing.assert_allclose(by_class["equity"], [0.1, -0.2])
    np.testing.assert_allclose(by_class["crypto"], [0.1, 2.0])
    assert set(by_class) == {"equity", "crypto"}


def test_the_command_prints_every_estimator_in_both_tables(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(covariance, "WINDOWS", (500,))
    assert main([]) == 0
    printed = capsys.readouterr().out
    for name in covariance.ESTIMATORS:
        assert printed.count(f"| {name} |") == 2
    assert "clusters of all classes, 500" in printed


def test_the_mean_excess_is_over_the_best_of_each_pool_and_window() -> None:
    scores = [
        covariance.Score("pool", window, name, 5.0, 3, volatility, 1.0)
        for window, figures in ((120, (0.10, 0.11)), (250, (0.20, 0.16)))
        for name, volatility in zip(("sample", "qis"), figures, strict=True)
    ]
    estimators = {name: covariance.ESTIMATORS[name] for name in ("sample", "qis")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(covariance, "ESTIMATORS", estimators)
        lines = table(scores).splitlines()
    # 0.10 is the best of 120, 0.16 that of 250: the sample is 0 % and 25 % above, qis 10 % and 0 %.
    assert [line.rsplit("|", 2)[1].strip() for line in lines if line.startswith(("| sample |", "| qis |"))][:2] == [
        "12.5",
        "5.0",
    ]
