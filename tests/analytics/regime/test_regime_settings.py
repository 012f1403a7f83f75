"""Settings of the regime: checks and the frozen calibration."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from analytics.errors import InputError
from analytics.settings import RegimeSettings

MANIFEST = Path(__file__).resolve().parents[3] / "configs" / "manifest.json"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"confirm_session": 2}, "confirm_session"),
        ({"confirm_sessions": 0}, "confirm_sessions"),
        ({"quiet_below": 1.6}, "must rise; they are 1.6, 1.5, 2.0"),
        ({"crisis_from": 1.5}, "must rise"),
        ({"prior_volatility": {"etf": 0.0}}, "prior_volatility.etf"),
        ({"prior_sessions": -1.0}, "prior_sessions"),
        ({"quiet_drawdown": 1.5}, "quiet_drawdown"),
    ],
)
def test_settings_that_cannot_be_right_are_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RegimeSettings.model_validate(values)


def test_a_kind_of_stream_without_a_prior_is_named_with_a_way_out() -> None:
    with pytest.raises(
        InputError, match=r"prior_volatility has no entry .* 'bond' .*equity, etf.*name another benchmark"
    ):
        RegimeSettings().prior_for("bond")
    assert RegimeSettings(prior_volatility={"bond": 0.004}).prior_for("bond") == 0.004


def test_the_shipped_manifest_has_the_frozen_settings() -> None:
    values = json.loads(MANIFEST.read_text())["defaults"]["regime"]
    assert values == RegimeSettings().model_dump()
    assert RegimeSettings.model_validate(values) == RegimeSettings()
