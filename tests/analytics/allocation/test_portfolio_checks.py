"""Invalid input of the two-layer allocation is refused by name; lists and floats are accepted as arrays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analytics.allocation import AllocationInputError, allocate
from tests.analytics.allocation.problems import selection

BAD = {
    "unknown risk profile": ({"risk_profile": "max_gain"}, "max_gain"),
    "unknown regime": ({"regime": "CALM"}, "CALM"),
    "duplicate symbol": ({"symbols": ("SIMX:S00",) * 27}, "SIMX:S00 twice"),
    "missing identities": ({"identities": ("I",)}, "1 identities"),
    "zero cap": ({"cap": 0.0}, "cap is 0"),
    "cap above one": ({"cap": 1.1}, "cap is 1.1"),
    "bad instrument cap": ({"instrument_cap": 2.0}, "instrument_cap"),
    "all cash": ({"cash_weight": 1.0}, "cash_weight"),
    "negative gamma": ({"fragility_penalty": -1.0}, r"fragility_penalty is -1; it lies in \[0, 1\]"),
    "gamma above 1": ({"fragility_penalty": 1.5}, r"fragility_penalty is 1.5; it lies in \[0, 1\]"),
    "negative trading cost": ({"trade_cost_annual": -0.01}, "trade_cost_annual"),
    "nan lambda": ({"turnover_penalty": float("nan")}, "turnover_penalty"),
    "no year": ({"periods_per_year": 0}, "periods_per_year"),
    "direction zero": ({"directions": np.zeros(27, dtype=np.int64)}, "SIMX:S00 is 0"),
    "excluded cluster": ({"cluster_ids": np.zeros(27, dtype=np.int64)}, "left out of the clustering"),
    "one row": ({"past_returns": np.ones((1, 27))}, "T >= 2"),
    "infinite return": ({"past_returns": np.full((50, 27), np.inf)}, "SIMX:S00 hold an infinite"),
    "foreign held": ({"held_weights": np.zeros(28)}, "held weight"),
    "nan held": ({"held_weights": np.full(27, np.nan)}, "SIMX:S00"),
    "nothing selected": ({"symbols": (), "identities": ()}, "selection is empty"),
}


@pytest.mark.parametrize("case", sorted(BAD))
def test_an_invalid_input_is_refused_by_name(case: str) -> None:
    changes, words = BAD[case]
    with pytest.raises(AllocationInputError, match=words):
        allocate(replace(selection(), **changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cluster_ids": np.where(np.arange(27) == 4, np.nan, 1.0)}, "cluster_ids of SIMX:S04 is nan"),
        ({"past_returns": np.full((260, 27), "a")}, "past_returns must be an array of real numbers"),
        ({"held_weights": {"SIMX:S00": 0.1}}, "held_weights must be an array of numbers"),
        ({"cap": "0.25"}, "cap is '0.25', not a number"),
        ({"risk_free_rate": None}, "risk_free_rate is None"),
        ({"fragility_penalty": float("nan")}, "fragility_penalty is nan"),
    ],
)
def test_a_value_that_is_no_number_is_refused_by_name(changes: dict[str, object], words: str) -> None:
    with pytest.raises(AllocationInputError, match=words):
        allocate(replace(selection(), **changes))


def test_lists_give_the_same_weights_as_arrays() -> None:
    problem = selection()
    as_lists = replace(
        problem,
        symbols=list(problem.symbols),
        directions=problem.directions.tolist(),
        cluster_ids=problem.cluster_ids.astype(float).tolist(),
        past_returns=problem.past_returns.tolist(),
        held_weights=[0.0] * 27,
    )
    np.testing.assert_array_equal(allocate(as_lists).weights, allocate(problem).weights)
