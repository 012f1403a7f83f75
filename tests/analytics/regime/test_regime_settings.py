"""Settings of the regime: checks, the frozen calibration and the spectral flag."""

from __future__ import annotations

import pytest

from analytics.errors import InputError
from analytics.regime.components import STREAM_COMPONENTS
from analytics.regime.regime_settings import DEFAULT_SETTINGS, RegimeSettings


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"confirm_session": 2}, "have no 'confirm_session'"),
        ({"weights": {"volatilty_ratio": 1.0}}, "have no 'volatilty_ratio'"),
        ({"weights": {"drawdown": -0.1}}, "weight of drawdown is -0.1"),
        ({"weights": {"average_correlation": 1.0}}, "no component of the market stream"),
        ({"weights": {"dwt_turbulence": 1.0}, "is_spectral": False}, "no component of the market stream"),
        ({"thresholds": {"NORMAL": 0.5, "CRISIS": 0.9}}, "lack TURBULENT"),
        ({"thresholds": {"NORMAL": 0.5, "TURBULENT": 0.9, "CRISIS": 0.8}}, "must rise"),
        ({"window_sessions": 60}, "multiple of 8"),
        ({"confirm_sessions": 0}, "give 1 or more"),
        ({"n_bootstrap": 10}, "give 100 or more"),
    ],
)
def test_settings_that_cannot_be_right_are_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        RegimeSettings.from_mapping(values)


def test_the_frozen_settings_travel_through_a_manifest() -> None:
    values = DEFAULT_SETTINGS.as_dict()
    assert RegimeSettings.from_mapping(values).as_dict() == values
    assert values["weights"] == {
        "volatility_ratio": 0.725,
        "dwt_turbulence": 0.025,
        "volatility_clustering": 0.15,
        "permutation_entropy": 0.05,
        "drawdown": 0.05,
        "average_correlation": 0.025,
    }
    assert values["thresholds"] == {"NORMAL": 0.5, "TURBULENT": 0.866, "CRISIS": 0.918}
    assert values["confirm_sessions"] == 2
    assert set(STREAM_COMPONENTS) < set(values["weights"])


def test_only_positive_weights_enter_the_score() -> None:
    settings = RegimeSettings(weights={"drawdown": 1.0, "volatility_ratio": 0.0, "dwt_turbulence": 0.5})
    assert settings.active_weights() == {"dwt_turbulence": 0.5, "drawdown": 1.0}


def test_without_the_spectral_flag_there_is_no_turbulent_state_and_no_dwt_weight() -> None:
    settings = RegimeSettings(is_spectral=False)
    assert settings.states() == ("QUIET", "NORMAL", "CRISIS")
    assert settings.active_thresholds() == {"QUIET": 0.0, "NORMAL": 0.5, "CRISIS": 0.918}
    assert "dwt_turbulence" not in settings.active_weights()
    assert "dwt_turbulence" in DEFAULT_SETTINGS.active_weights()
