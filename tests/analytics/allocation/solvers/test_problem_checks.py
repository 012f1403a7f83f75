"""Every invalid input is refused by name; nothing is repaired."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analytics.allocation import AllocationInputError, GroupCaps, RiskProblem, Turnover, solve
from analytics.errors import AnalyticsError

NAMES = ("SIMX:A", "SIMX:B", "SIMX:C")
GOOD = RiskProblem(
    risk_profile="max_sharpe",
    covariance=np.diag([0.04, 0.09, 0.16]) + 0.01,
    upper=np.full(3, 0.6),
    mean=np.array([0.05, 0.1, 0.02]),
    names=NAMES,
)


def with_entry(row: int, column: int, value: float) -> np.ndarray:
    covariance = GOOD.covariance.copy()
    covariance[row, column] = value
    return covariance


BAD = {
    "unknown risk profile": ({"risk_profile": "max_gain"}, "max_gain"),
    "nan covariance": ({"covariance": with_entry(1, 2, np.nan)}, "SIMX:B and SIMX:C"),
    "infinite covariance": ({"covariance": with_entry(0, 0, np.inf)}, "SIMX:A and SIMX:A"),
    "asymmetric": ({"covariance": with_entry(0, 2, 0.02)}, "not symmetric: SIMX:A / SIMX:C"),
    "indefinite pair": ({"covariance": np.array([[1.0, 2, 0], [2, 1, 0], [0, 0, 1]])}, "indefinite: SIMX:A and SIMX:B"),
    "indefinite small pair": (
        {"covariance": np.array([[1e-12, 3e-12, 0], [3e-12, 1e-12, 0], [0, 0, 1]])},
        "indefinite: SIMX:A and SIMX:B",
    ),
    "indefinite without such a pair": (
        {"covariance": np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]])},
        "smallest eigenvalue -0.8.*because of SIMX:",
    ),
    "negative variance": ({"covariance": np.diag([1.0, -1.0, 1.0])}, "SIMX:B"),
    "no variance at all": ({"covariance": np.zeros((3, 3))}, "zero variance"),
    "not square": ({"covariance": np.ones((3, 2))}, r"shape \(3, 2\)"),
    "no asset": ({"covariance": np.zeros((0, 0)), "names": None}, "N >= 1"),
    "zero cap": ({"upper": np.array([0.6, 0.0, 0.6])}, "SIMX:B"),
    "cap above one": ({"upper": np.array([0.6, 0.6, 1.5])}, "SIMX:C"),
    "nan cap": ({"upper": np.array([0.6, np.nan, 0.6])}, "SIMX:B"),
    "too few caps": ({"upper": np.array([0.6, 0.6])}, "shape"),
    "nan mean": ({"mean": np.array([0.1, np.nan, 0.1])}, "SIMX:B"),
    "no mean": ({"mean": None}, "mean"),
    "duplicate names": ({"names": ("SIMX:A", "SIMX:A", "SIMX:C")}, "SIMX:A twice"),
    "too few names": ({"names": ("SIMX:A",)}, "1 names"),
    "zero budget": ({"budget": 0.0}, "budget"),
    "budget above one": ({"budget": 1.2}, "budget"),
    "foreign owner": ({"turnover": Turnover(0.05, np.ones(1), np.array([3]), np.ones(1))}, "owner"),
    "nan held": ({"turnover": Turnover(0.05, np.array([np.nan]), np.array([0]), np.ones(1))}, "held"),
    "ragged turnover": ({"turnover": Turnover(0.05, np.ones(2), np.array([0]), np.ones(1))}, "length"),
    "owner that is no position": (
        {"turnover": Turnover(0.05, np.ones(1), np.array([0.0]), np.ones(1))},
        "owners are positions",
    ),
    "nan lambda": ({"turnover": Turnover(np.nan, np.ones(1), np.array([0]), np.ones(1))}, "penalty is nan"),
    "infinite lambda": ({"turnover": Turnover(np.inf, np.ones(1), np.array([0]), np.ones(1))}, "penalty is inf"),
    "nan held elsewhere": (
        {"turnover": Turnover(0.05, np.ones(1), np.array([0]), np.ones(1), held_elsewhere=np.nan)},
        "held_elsewhere is nan",
    ),
    "nan risk-free rate": ({"risk_free_rate": np.nan}, "risk_free_rate is nan"),
    "infinite risk-free rate": ({"risk_free_rate": np.inf}, "risk_free_rate is inf"),
    "text for a mean": ({"mean": ["a", "b", "c"]}, "the mean must be an array of"),
    "a mapping for a mean": ({"mean": {"SIMX:A": 1.0}}, "the mean must be an array of numbers"),
    "complex covariance": ({"covariance": GOOD.covariance * (1 + 0j)}, "not of complex128"),
    "ragged covariance": ({"covariance": [[1.0, 0.0], [1.0]]}, "the covariance must be an array of numbers"),
    "negative lambda": ({"turnover": Turnover(-1.0, np.ones(1), np.array([0]), np.ones(1))}, "penalty"),
    "ragged groups": ({"groups": GroupCaps(np.ones((1, 2)), np.ones(1), ("g",))}, "matrix"),
    "nan groups": ({"groups": GroupCaps(np.full((1, 3), np.nan), np.ones(1), ("g",))}, "not finite"),
    "groups on a recipe": (
        {"risk_profile": "hrp", "groups": GroupCaps(np.ones((1, 3)), np.ones(1), ("g",))},
        "group caps",
    ),
    "bad risk budgets": ({"risk_budgets": np.array([0.5, 0.5, 0.5])}, "sum to 1"),
    "nan returns": ({"risk_profile": "min_cvar", "past_returns": np.full((30, 3), np.nan)}, "SIMX:A"),
    "one row": ({"risk_profile": "min_cvar", "past_returns": np.ones((1, 3))}, "T >= 2"),
}


@pytest.mark.parametrize("case", sorted(BAD))
def test_an_invalid_input_is_refused_by_name(case: str) -> None:
    changes, words = BAD[case]
    with pytest.raises(AllocationInputError, match=words):
        solve(replace(GOOD, **changes))


def test_every_refusal_is_an_analytics_error() -> None:
    with pytest.raises(AnalyticsError):
        solve(replace(GOOD, risk_profile="max_gain"))
