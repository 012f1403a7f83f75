"""Measures and referees of the regime's comparison against answers by hand."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from analytics.settings import Flags, RegimeSettings, TournamentSettings
from benchmarks.regime.measures import (
    auc_ahead,
    equal_alarms,
    explained_variance,
    exposure_result,
    roc_auc,
    volatility_ahead,
)
from benchmarks.regime.referees import referee_values
from benchmarks.regime.streams import MarketSeries
from benchmarks.regime.tables import Bound, stream_bounds

SETTINGS = RegimeSettings()


def series(sessions: int, seed: int = 0) -> MarketSeries:
    dates = tuple(date(2010, 1, 1) + timedelta(days=at) for at in range(sessions))
    returns = SETTINGS.prior_for("etf") * np.random.default_rng(seed).standard_normal(sessions)
    return MarketSeries("noise", "etf", dates, returns)


def test_exposure_is_held_over_the_next_session_and_its_changes_are_paid() -> None:
    returns = np.array([0.5, 0.10, -0.20, 0.05])
    result = exposure_result(np.array([1.0, 0.5, 1.0, 0.0]), returns, 252)
    rate = TournamentSettings().trade_rate
    net = np.array([0.10, -0.10 - 0.5 * rate, 0.05 - 0.5 * rate])
    assert result.sharpe == pytest.approx(net.mean() / net.std(ddof=1) * 252**0.5)
    assert result.max_drawdown == pytest.approx(-net[1])
    assert result.turnover == pytest.approx(1.0 * 252 / 3)
    assert result.cost == pytest.approx(result.turnover * rate)


def test_the_auc_is_the_probability_of_the_right_order() -> None:
    assert roc_auc(np.array([1.0, 2.0, 3.0, 4.0]), np.array([False, False, True, True])) == 1.0
    assert roc_auc(np.array([1.0, 3.0, 3.0, 4.0]), np.array([True, False, True, False])) == pytest.approx(
        1.5 / 4 - 0.25
    )


def test_volatility_ahead_begins_with_the_next_session() -> None:
    returns = np.array([9.0, 0.01, 0.03, 0.02, 0.05])
    ahead = volatility_ahead(returns, ahead=3)
    np.testing.assert_allclose(ahead[:2], [np.std(returns[1:4], ddof=1), np.std(returns[2:5], ddof=1)])
    assert np.isnan(ahead[2:]).all()


def test_a_value_that_knows_the_future_has_an_auc_of_one_and_noise_one_half() -> None:
    market = series(2000)
    inside = np.ones(2000, dtype=np.bool_)
    assert auc_ahead(volatility_ahead(market.returns), market.returns, inside) == 1.0
    blind = np.random.default_rng(4).standard_normal(2000)
    assert abs(auc_ahead(blind, market.returns, inside) - 0.5) < 0.06


def test_states_that_follow_the_volatility_ahead_explain_it() -> None:
    returns = np.random.default_rng(1).standard_normal(4000) * np.repeat([0.005, 0.02], 2000)
    states = np.repeat([0, 3], 2000)
    assert explained_variance(states, returns) > 0.9
    assert explained_variance(np.zeros(4000, dtype=np.int64), returns) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("known", [300, 620])
def test_a_referee_sees_no_later_return(known: int) -> None:
    returns = series(700).returns
    for name, (values, _) in referee_values(returns).items():
        np.testing.assert_array_equal(referee_values(returns[:known])[name][0], values[:known])
        assert np.isfinite(values[-1])


def test_a_fall_lies_below_its_average_and_a_rise_above() -> None:
    for change, is_below in ((-0.001, True), (0.001, False)):
        values, alarm_from = referee_values(np.full(300, change))["below the 200-session average"]
        assert (values[-1] >= alarm_from) == is_below


def test_the_alarms_of_noise_agree_with_a_short_history_and_bounds_know_their_side() -> None:
    market = series(560)
    assert equal_alarms(market, SETTINGS, Flags()) > 0.9
    quiet, equal = stream_bounds(market, SETTINGS, Flags())
    assert quiet.is_met
    assert equal.value > 0.9
    assert Bound("most", 0.02, 0.03, is_most=True).is_met is False
    assert Bound("least", 0.02, 0.03).is_met is True


def test_a_series_ends_where_it_is_cut() -> None:
    cut = series(40).until(date(2010, 1, 10))
    assert len(cut.dates) == cut.returns.size == 10
