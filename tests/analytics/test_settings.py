"""Settings refuse what cannot be right, and say what is in use under the flags."""

from __future__ import annotations

import pytest

from analytics.errors import InputError
from analytics.settings import (
    AllocationSettings,
    DataSettings,
    DecisionSettings,
    DependenceSettings,
    Flags,
    TournamentSettings,
)


def test_the_cut_follows_the_regime_unless_the_flag_is_off() -> None:
    adaptive = DecisionSettings(dependence=DependenceSettings(threshold=0.6))
    assert [adaptive.cut_height(name) for name in ("QUIET", "NORMAL", "TURBULENT", "CRISIS")] == [0.5, 0.4, 0.35, 0.3]
    fixed = adaptive.model_copy(update={"flags": Flags(feat_adaptive_threshold=False)})
    assert fixed.cut_height("CRISIS") == fixed.cut_height("QUIET") == 0.6
    with pytest.raises(InputError, match="no cut height for regime 'PANIC'; there are QUIET, NORMAL"):
        adaptive.cut_height("PANIC")


def test_penalties_and_borrow_cost_nothing_without_their_flags() -> None:
    allocation = AllocationSettings(risk_profiles=("hrp",), fragility_penalty=0.3, turnover_penalty=0.1)
    on, off = Flags(), Flags(feat_fragility_penalty=False, feat_turnover_penalty=False, feat_short_costs=False)
    assert (allocation.fragility_penalty_for(on), allocation.fragility_penalty_for(off)) == (0.3, 0.0)
    assert (allocation.turnover_penalty_for(on), allocation.turnover_penalty_for(off)) == (0.1, 0.0)
    costs = TournamentSettings(slippage_bps=7, commission_bps=3, borrow_rate_annual=0.04)
    assert (costs.borrow_rate(on), costs.borrow_rate(off)) == (0.04, 0.0)
    assert costs.trade_rate == pytest.approx(0.001, abs=1e-18)


def test_only_estimators_of_exponential_weights_have_a_halflife() -> None:
    for name in ("ewma", "ewma_qis"):
        assert DependenceSettings(covariance=name, ewma_halflife_sessions=20).covariance_halflife_sessions == 20
    assert DependenceSettings(covariance="qis", ewma_halflife_sessions=20).covariance_halflife_sessions is None


def test_windows_that_overlap_or_cross_are_refused() -> None:
    with pytest.raises(ValueError, match="test windows would overlap"):
        DecisionSettings(tournament=TournamentSettings(step_sessions=10))
    with pytest.raises(ValueError, match=r"data.light_sessions is above full_sessions"):
        DecisionSettings(data=DataSettings(light_sessions=70, full_sessions=60))


def test_settings_are_frozen_and_closed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        DecisionSettings().data = DataSettings()  # type: ignore[misc]
    with pytest.raises(ValueError, match="Extra inputs"):
        DataSettings.model_validate({"light": 60})
