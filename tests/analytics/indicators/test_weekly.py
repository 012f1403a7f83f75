from __future__ import annotations

import datetime as dt
import itertools
import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.indicators.weekly import WEEKLY_COLUMNS, weekly_columns

MONDAY = dt.date(2023, 1, 2)
# Long enough for an RSI of 14 weeks and its recursion; lists that hypothesis draws by itself are mostly too short.
PRICES = st.builds(
    lambda seed, n: [
        float(price) for price in 50.0 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.03, n)))
    ],
    st.integers(0, 10_000),
    st.integers(1, 220),
)


def daily(prices: list[float], symbol: str = "FX:A", first: dt.date = MONDAY, per_week: int = 5) -> pl.DataFrame:
    days = [first + dt.timedelta(days=7 * (index // per_week) + index % per_week) for index in range(len(prices))]
    return pl.DataFrame({"symbol": [symbol] * len(prices), "session_date": days, "close": prices, "is_requested": True})


def textbook(weeks: list[float]) -> dict[str, float | None]:
    """The weekly columns at the last of a series of weekly closes, by the definitions in a plain loop."""
    moves = [after - before for before, after in itertools.pairwise(weeks)]
    rsi = None
    if len(moves) >= 14:
        up = math.fsum(max(move, 0.0) for move in moves[:14]) / 14
        down = math.fsum(max(-move, 0.0) for move in moves[:14]) / 14
        for move in moves[14:]:
            up, down = (13 * up + max(move, 0.0)) / 14, (13 * down + max(-move, 0.0)) / 14
        rsi = 100 * up / (up + down) if up + down > 0 else None
    return {
        "close_1w": weeks[-1],
        "change_1w": 100 * (weeks[-1] / weeks[-2] - 1) if len(weeks) > 1 else None,
        "rsi_1w": rsi,
        "momentum10_1w": weeks[-1] - weeks[-11] if len(weeks) > 10 else None,
    }


@settings(max_examples=40, deadline=None)
@given(PRICES, st.sampled_from([5, 7]))
def test_every_session_has_the_weekly_columns_of_its_running_week(prices: list[float], per_week: int) -> None:
    found = weekly_columns(daily(prices, per_week=per_week))
    assert found.height == len(prices)
    for index, row in enumerate(found.iter_rows(named=True)):
        ends = [*prices[per_week - 1 : index - index % per_week : per_week], prices[index]]
        for name, expected in textbook(ends).items():
            result = row[name]
            assert (result is None) == (expected is None), (name, index)
            if expected is not None:
                assert result == pytest.approx(expected, abs=1e-6, rel=1e-9), (name, index)


@settings(max_examples=25, deadline=None)
@given(PRICES, st.data())
def test_nothing_after_a_session_is_read_for_it(prices: list[float], data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(prices)))
    assert weekly_columns(daily(prices)).head(cut).equals(weekly_columns(daily(prices[:cut])))


def test_instruments_do_not_mix_and_row_order_changes_nothing() -> None:
    one, other = daily([float(index) for index in range(1, 120)]), daily([5.0] * 119, "FX:B")
    both = weekly_columns(pl.concat([other, one]).sample(fraction=1.0, shuffle=True, seed=3))
    assert both.filter(pl.col("symbol") == "FX:A").equals(weekly_columns(one))
    assert both.filter(pl.col("symbol") == "FX:B")["rsi_1w"].null_count() == 119, "a price that never moved has no RSI"


def test_a_week_is_monday_to_sunday_whatever_its_first_session() -> None:
    days = [dt.date(2024, 5, 23), dt.date(2024, 5, 24), dt.date(2024, 5, 26), dt.date(2024, 5, 28)]
    frame = pl.DataFrame(
        {"symbol": ["FX:A"] * 4, "session_date": days, "close": [1.0, 2.0, 4.0, 5.0], "is_requested": True}
    )
    assert weekly_columns(frame)["change_1w"].to_list() == [None, None, None, 25.0]


def test_only_the_requested_sessions_are_computed_from_the_full_history() -> None:
    frame = daily([100.0 + math.sin(index) for index in range(200)])
    last = frame["session_date"][-1]
    requested = weekly_columns(frame.with_columns(is_requested=pl.col("session_date") == last))
    assert requested.equals(weekly_columns(frame).filter(pl.col("session_date") == last))
    assert weekly_columns(frame.head(0)).columns == ["symbol", "session_date", *WEEKLY_COLUMNS]
