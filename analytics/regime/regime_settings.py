"""Set the weights and thresholds of the regime, calibrated before 2016 and frozen.

See docs/method/07-regime.md#7.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any

from analytics.errors import InputError
from analytics.regime.components import COMPONENTS, HAAR_LEVELS, STREAM_COMPONENTS

REGIMES: tuple[str, ...] = ("QUIET", "NORMAL", "TURBULENT", "CRISIS")
CALIBRATED_WEIGHTS: Mapping[str, float] = MappingProxyType(
    {
        "volatility_ratio": 0.725,
        "dwt_turbulence": 0.025,
        "volatility_clustering": 0.15,
        "permutation_entropy": 0.05,
        "drawdown": 0.05,
        "average_correlation": 0.025,
    }
)
CALIBRATED_THRESHOLDS: Mapping[str, float] = MappingProxyType({"NORMAL": 0.50, "TURBULENT": 0.866, "CRISIS": 0.918})
_SPECTRAL = "dwt_turbulence"


@dataclass(frozen=True, slots=True)
class RegimeSettings:
    """Settings by which components become a state; the defaults are calibrated on SPY 2006-2015 and frozen.

    See docs/method/07-regime.md#7.2, 7.3.

    `docs/decisions/0005-regime-calibration.md` has the figures and `scripts/calibrate_regime.py` repeats them.

    Attributes
    ----------
    weights : mapping of str to float
        Component to relative weight. A component without a percentile at a session is left out of that session's mean.
    thresholds : mapping of str to float
        NORMAL, TURBULENT and CRISIS to the lowest score of the state.
    confirm_sessions : int
        Sessions below its threshold after which a state is left.
    window_sessions : int
        Sessions seen by the components that have no window of their own; a multiple of 8.
    is_spectral : bool
        Off, the DWT has no weight and there is no TURBULENT (`feat_spectral_regimes`).
    min_history : int
        Values below which a component is judged by the bootstrap.
    n_bootstrap : int
        Samples of each bootstrap null distribution.

    Raises
    ------
    InputError
        An unknown name, a value out of its range, or no weight on a component of the market stream.

    Examples
    --------
    >>> from analytics.regime.regime_settings import RegimeSettings
    >>> RegimeSettings(is_spectral=False).active_thresholds()
    {'QUIET': 0.0, 'NORMAL': 0.5, 'CRISIS': 0.918}
    """

    weights: Mapping[str, float] = field(default_factory=lambda: CALIBRATED_WEIGHTS)
    thresholds: Mapping[str, float] = field(default_factory=lambda: CALIBRATED_THRESHOLDS)
    confirm_sessions: int = 2
    window_sessions: int = 64
    is_spectral: bool = True
    min_history: int = 250
    n_bootstrap: int = 2000

    def __post_init__(self) -> None:
        width = 2**HAAR_LEVELS
        if self.window_sessions < 2 * width or self.window_sessions % width:
            raise InputError(
                f"window_sessions is {self.window_sessions}: give a multiple of {width}, {2 * width} or more"
            )
        for name, least in (("confirm_sessions", 1), ("min_history", 2), ("n_bootstrap", 100)):
            if getattr(self, name) < least:
                raise InputError(f"{name} is {getattr(self, name)}: give {least} or more")
        _check_weights(self.weights)
        _check_thresholds(self.thresholds)
        if not set(self.active_weights()) & set(STREAM_COMPONENTS):
            raise InputError("no component of the market stream has a weight: give one of them a positive weight")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> RegimeSettings:
        """Build settings from the values of a manifest; a missing name keeps its default.

        Parameters
        ----------
        values : mapping of str to value
            Attributes by name.

        Returns
        -------
        RegimeSettings

        Raises
        ------
        InputError
            A name is unknown or a value is out of its range.
        """
        _check_names("regime settings", values, tuple(item.name for item in fields(cls)))
        return cls(**values)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for a manifest and its hash."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: dict(value) if isinstance(value, Mapping) else value for name, value in values.items()}

    def active_weights(self) -> dict[str, float]:
        """Return the positive weights by component, those that enter the score only."""
        return {
            name: float(self.weights[name])
            for name in COMPONENTS
            if self.weights.get(name, 0.0) > 0.0 and (self.is_spectral or name != _SPECTRAL)
        }

    def active_thresholds(self) -> dict[str, float]:
        """Return the lowest score of each state, lowest state first; QUIET starts at 0."""
        return {name: 0.0 if name == "QUIET" else float(self.thresholds[name]) for name in self.states()}

    def states(self) -> tuple[str, ...]:
        """Return the states that these settings can give, calmest first."""
        return REGIMES if self.is_spectral else tuple(name for name in REGIMES if name != "TURBULENT")


def _check_names(owner: str, values: Mapping[str, Any], known: tuple[str, ...]) -> None:
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise InputError(f"{owner} have no {unknown[0]!r}: choose from {', '.join(known)}")


def _check_weights(weights: Mapping[str, float]) -> None:
    _check_names("regime weights", weights, COMPONENTS)
    for name, weight in weights.items():
        if not 0.0 <= weight < float("inf"):
            raise InputError(f"the weight of {name} is {weight}: give a finite number, 0 or more")


def _check_thresholds(thresholds: Mapping[str, float]) -> None:
    _check_names("regime thresholds", thresholds, REGIMES[1:])
    missing = [name for name in REGIMES[1:] if name not in thresholds]
    if missing:
        raise InputError(f"regime thresholds lack {missing[0]}: give NORMAL, TURBULENT and CRISIS")
    normal, turbulent, crisis = (thresholds[name] for name in REGIMES[1:])
    if not 0.0 < normal < turbulent < crisis <= 1.0:
        raise InputError(f"thresholds {normal}, {turbulent}, {crisis} must rise from above 0 to at most 1")


DEFAULT_SETTINGS = RegimeSettings()
