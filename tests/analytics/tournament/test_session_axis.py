"""The session axis gives a window its past or its future, and refuses data that cannot be cut in time."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from analytics.errors import InputError
from analytics.tournament.session_axis import SessionAxis
from analytics.tournament.windows import Window

DATES = tuple(date(2024, 1, 1) + timedelta(days=day) for day in range(6))
RETURNS = np.arange(12.0).reshape(6, 2) / 100.0
BENCHMARK = np.arange(6.0) / 1000.0
WINDOW = Window(index=3, train=slice(1, 4), test=slice(4, 6))


def axis_of(**changes: object) -> SessionAxis:
    fields: dict[str, object] = {
        "session_dates": DATES,
        "symbols": ("A", "B"),
        "returns": RETURNS,
        "benchmark_symbol": "SPY",
        "benchmark_returns": BENCHMARK,
        "histories": {"close": np.arange(6.0)},
        "frames": {"scans": pl.DataFrame({"session_date": DATES, "score": range(6)})},
    }
    return SessionAxis(**{**fields, **changes})  # type: ignore[arg-type]


def test_the_past_ends_with_the_train_window() -> None:
    past = axis_of().look_back(WINDOW)
    assert (past.window, past.train_end, past.train) == (3, DATES[3], slice(1, 4))
    np.testing.assert_array_equal(past.past_returns, RETURNS[:4])
    np.testing.assert_array_equal(past.train_returns, RETURNS[1:4])
    np.testing.assert_array_equal(past.past_benchmark_returns, BENCHMARK[:4])
    np.testing.assert_array_equal(past.past_histories["close"], np.arange(4.0))
    assert past.past_frames["scans"]["score"].to_list() == [0, 1, 2, 3]


def test_the_past_is_a_read_only_copy() -> None:
    past = axis_of().look_back(WINDOW)
    assert past.past_returns.base is None
    with pytest.raises(ValueError, match="read-only"):
        past.past_returns[0, 0] = 1.0


def test_the_future_is_the_test_window_with_the_benchmark_last() -> None:
    symbols, returns = axis_of().look_ahead(WINDOW)
    assert symbols == ("A", "B", "SPY")
    np.testing.assert_array_equal(returns, np.column_stack([RETURNS[4:], BENCHMARK[4:]]))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"session_dates": (*DATES[:5], DATES[4])}, "sessions must ascend"),
        ({"symbols": ("A", "A")}, "two columns"),
        ({"symbols": ("A", "SPY")}, "SPY is the benchmark"),
        ({"returns": RETURNS[:5]}, r"returns of shape \(5, 2\)"),
        ({"returns": np.where(RETURNS == 0.05, -1.5, RETURNS)}, "B returns -1.5 on 2024-01-03"),
        ({"benchmark_returns": np.where(BENCHMARK == 0.002, np.inf, BENCHMARK)}, "SPY returns inf on 2024-01-03"),
        ({"histories": {"close": np.zeros(5)}}, r"history close has shape \(5,\)"),
        ({"frames": {"scans": pl.DataFrame({"score": [1]})}}, "frame scans has no column session_date"),
    ],
)
def test_invalid_data_are_refused_with_symbol_and_session(changes: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        axis_of(**changes)
