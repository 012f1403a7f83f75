"""Settings of the regime: checks, the frozen calibration and the spectral flag."""

from __future__ import annotations

import pytest

from analytics.errors import InputError
from analytics.regime.components import COMPONENTS, STREAM_COMPONENTS
from analytics.settings import REGIME_COMPONENTS, Flags, RegimeSettings

FLAGS = Flags()
WITHOUT_SPECTRAL = Flags(feat_spectral_regimes=False)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"confirm_session": 2}, "confirm_session"),
        ({"weights": {"volatilty_ratio": 1.0}}, "volatilty_ratio"),
        ({"weights": {"drawdown": -0.1}}, "weights.drawdown"),
        ({"weights": {"average_correlation": 1.0}}, "no component of the market stream"),
        ({"thresholds": {"NORMAL": 0.5, "CRISIS": 0.9}}, "lack TURBULENT"),
        ({"thresholds": {"NORMAL": 0.5, "TURBULENT": 0.9, "CRISIS": 0.8}}, "must rise"),
        ({"confirm_sessions": 0}, "confirm_sessions"),
    ],
)
def test_settings_that_cannot_be_right_are_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RegimeSettings.model_validate(values)


def test_without_spectral_regimes_the_dwt_alone_is_no_weight() -> None:
    only_spectral = RegimeSettings(weights={"dwt_turbulence": 1.0})
    assert only_spectral.active_weights(FLAGS) == {"dwt_turbulence": 1.0}
    with pytest.raises(InputError, match="no component of the market stream"):
        only_spectral.active_weights(WITHOUT_SPECTRAL)


def test_the_settings_name_the_components_in_their_order() -> None:
    assert REGIME_COMPONENTS == COMPONENTS


def test_the_frozen_settings_travel_through_a_manifest() -> None:
    values = RegimeSettings().model_dump()
    assert RegimeSettings.model_validate(values) == RegimeSettings()
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
    assert settings.active_weights(FLAGS) == {"dwt_turbulence": 0.5, "drawdown": 1.0}


def test_without_the_spectral_flag_there_is_no_turbulent_state() -> None:
    assert RegimeSettings().active_thresholds(WITHOUT_SPECTRAL) == {"QUIET": 0.0, "NORMAL": 0.5, "CRISIS": 0.918}
    assert "dwt_turbulence" not in RegimeSettings().active_weights(WITHOUT_SPECTRAL)
