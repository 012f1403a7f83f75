from __future__ import annotations

import datetime as dt
import math

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ingest.errors import ColumnMissingError
from ingest.landing.quarantine import REASONS, CheckedBars, check_bars
from ingest.reference.calendars import as_of_clock, sessions
from ingest.sources.protocol import BAR_SCHEMA

FETCHED = dt.datetime.fromisoformat("2024-06-01")
AS_OF = dt.date(2024, 3, 28)
DAYS = sessions("XNYS", dt.date(2024, 3, 1), AS_OF)["session_date"].to_list()
SYMBOL = "NASDAQ:TEST"


def bar(
    day: dt.date | None, close: float | None, *, symbol: str = SYMBOL, **changes: float | None
) -> dict[str, object]:
    full = {"open": close, "high": close, "low": close, "close": close, "volume": 1.0, "adj_close": None}
    return {"symbol": symbol, "session_date": day, **full, **changes}


def frame(*rows: dict[str, object]) -> pl.DataFrame:
    numbered = [{**row, "row_number": position} for position, row in enumerate(rows, 1)]
    return pl.DataFrame(numbered, schema=BAR_SCHEMA)


def checked(bars: pl.DataFrame, as_of: dt.date = AS_OF, calendar: str = "XNYS", **options: object) -> CheckedBars:
    calendars = bars.select(pl.col("symbol").unique()).with_columns(pl.lit(calendar).alias("calendar"))
    return check_bars(bars, calendars, as_of_at=as_of_clock(as_of), fetched_at=FETCHED, **options)  # type: ignore[arg-type]


def series(*closes: float) -> pl.DataFrame:
    return frame(*(bar(day, close) for day, close in zip(DAYS, closes, strict=False)))


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"close": math.nan}, "not_finite"),
        ({"close": math.inf}, "not_finite"),
        ({"close": None}, "not_finite"),
        ({"open": None}, "not_finite"),
        ({"adj_close": math.nan}, "not_finite"),
        ({"volume": math.inf}, "not_finite"),
        ({"low": 0.0}, "not_positive"),
        ({"close": -1.0, "low": -1.0}, "not_positive"),
        ({"adj_close": 0.0}, "not_positive"),
        ({"high": 99.0}, "inconsistent_ohlc"),
        ({"low": 101.0}, "inconsistent_ohlc"),
        ({"open": 120.0}, "inconsistent_ohlc"),
        ({"volume": -1.0}, "negative_volume"),
        ({"session_date": dt.date(2024, 3, 9)}, "not_a_session"),
        ({"session_date": dt.date(2099, 1, 5)}, "future_session"),
        ({"session_date": None}, "missing_column"),
        ({"symbol": "../../etc"}, "bad_symbol"),
    ],
)
def test_each_fault_goes_to_quarantine_with_its_reason(fault: dict[str, object], reason: str) -> None:
    broken = {**bar(DAYS[1], 100.0), **fault}
    checked_bars = checked(frame(bar(DAYS[0], 100.0), broken, bar(DAYS[2], 100.0)))
    assert checked_bars.quarantined["reason"].to_list() == [reason]
    assert reason in REASONS
    assert checked_bars.quarantined["row_number"].to_list() == [2]
    assert checked_bars.accepted["session_date"].to_list() == [DAYS[0], DAYS[2]]


def test_a_close_only_bar_is_sound_and_marked() -> None:
    checked_bars = checked(frame(bar(DAYS[0], 5.0, open=None, high=None, low=None, volume=None), bar(DAYS[1], 5.1)))
    assert checked_bars.accepted["is_close_only"].to_list() == [True, False]
    assert checked_bars.quarantined.is_empty()


def test_bars_that_differ_for_one_key_are_all_refused_and_equal_ones_are_one() -> None:
    same, other = bar(DAYS[0], 100.0), bar(DAYS[1], 100.0)
    checked_bars = checked(frame(same, other, same, {**other, "volume": 2.0}))
    assert checked_bars.accepted["session_date"].to_list() == [DAYS[0]]
    assert checked_bars.quarantined["reason"].to_list() == ["duplicate_conflict"] * 2
    assert checked_bars.quarantined["session_date"].to_list() == [DAYS[1]] * 2


def test_a_bar_of_a_running_session_is_neither_stored_nor_wrong() -> None:
    bars = series(100.0, 101.0)
    calendars = pl.DataFrame({"symbol": [SYMBOL], "calendar": ["XNYS"]})
    close = dt.datetime.combine(DAYS[1], dt.time(21, 0))  # 16:00 in New York before daylight saving time
    for minutes, n_accepted in ((9, 1), (10, 2)):
        clock = close + dt.timedelta(minutes=minutes)
        checked_bars = check_bars(bars, calendars, as_of_at=clock, fetched_at=clock)
        assert checked_bars.accepted.height == n_accepted
        assert checked_bars.n_unfinished == 2 - n_accepted
        assert checked_bars.quarantined.is_empty()


@pytest.mark.parametrize(
    ("closes", "refused"),
    [
        ((100.0, 101.0, 1000.0, 102.0, 103.0), [2]),  # a tick: back at once
        ((100.0, 101.0, 1000.0, 1010.0, 990.0), []),  # a new level, confirmed by the next bar
        ((100.0, 101.0, 1000.0), [2]),  # nothing has confirmed it yet
        ((100.0, 100.0 * math.exp(1.49), 100.0), []),  # within the limit
        ((100.0, 101.0, 1000.0, 1010.0, 101.0), [4]),  # the fall back is a jump that nothing has confirmed
        ((17.46, 1.0769, 0.00032, 0.00005), [1, 2, 3]),  # each bar denies the one before it
        ((100.0, 1000.0, 450.0, 110.0), []),  # the next bar is near the new level, and nearer to it than to the old
        ((100.0, 1000.0, 300.0, 100.0), [1]),  # the next bar is nearer to the old level
        ((100.0, 1000.0, 1000.0, 5.0, 5.0), []),  # two moves, each confirmed
    ],
)
def test_a_jump_stands_only_when_the_next_bar_confirms_it(closes: tuple[float, ...], refused: list[int]) -> None:
    checked_bars = checked(series(*closes))
    assert [DAYS.index(day) for day in checked_bars.quarantined["session_date"]] == refused
    assert set(checked_bars.quarantined["reason"]) <= {"unconfirmed_jump"}


def test_the_jump_is_measured_on_adjusted_closes_where_there_are_any() -> None:
    split = frame(
        *(bar(day, close, adj_close=adj) for day, close, adj in zip(DAYS, (500.0, 50.0), (50.0, 50.0), strict=False))
    )
    assert checked(split).quarantined.is_empty()


def test_the_last_price_stored_earlier_is_the_first_reference() -> None:
    stored = pl.DataFrame({"symbol": [SYMBOL], "reference": [10.0]})
    assert checked(series(100.0, 10.1)).quarantined["session_date"].to_list() == [DAYS[1]]
    assert checked(series(100.0, 10.1), last_accepted=stored).quarantined["session_date"].to_list() == [DAYS[0]]


def test_a_bar_in_quarantine_confirms_nothing() -> None:
    bars = frame(bar(DAYS[0], 100.0), bar(DAYS[1], 1000.0), bar(DAYS[2], 1000.0, high=1.0), bar(DAYS[3], 101.0))
    assert checked(bars).quarantined["reason"].to_list() == ["unconfirmed_jump", "inconsistent_ohlc"]


def test_a_frame_without_its_columns_or_calendar_is_refused() -> None:
    with pytest.raises(ColumnMissingError, match="close"):
        checked(series(1.0).drop("close"))
    with pytest.raises(ColumnMissingError, match=SYMBOL):
        check_bars(
            series(1.0),
            pl.DataFrame(schema={"symbol": pl.String, "calendar": pl.String}),
            as_of_at=FETCHED,
            fetched_at=FETCHED,
        )


def walked(closes: list[float]) -> list[int]:
    """The jump rule, written down a second time and as a loop over the text of docs/method/01-time-sessions-bars.md#1.7."""
    kept: float | None = None
    refused = []
    for position, close in enumerate(closes):
        if kept is not None and abs(math.log(close) - math.log(kept)) > 1.5:
            after = closes[position + 1] if position + 1 < len(closes) else None
            near = after is not None and abs(math.log(after) - math.log(close)) <= 1.5
            nearer = after is not None and abs(math.log(after) - math.log(close)) < abs(
                math.log(after) - math.log(kept)
            )
            if not (near and nearer):
                refused.append(position)
                continue
        kept = close
    return refused


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-6.0, 6.0).map(lambda x: round(math.exp(x), 6)), min_size=1, max_size=len(DAYS)))
def test_the_jump_rule_equals_a_plain_loop(closes: list[float]) -> None:
    found = checked(series(*closes)).quarantined["session_date"].to_list()
    assert [DAYS.index(day) for day in found] == walked(closes)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_order_and_repetition_of_rows_change_nothing(data: st.DataObject) -> None:
    values = st.sampled_from([1.0, 1.5, 8.0, 9.0, -1.0, math.nan])
    rows = data.draw(
        st.lists(
            st.tuples(st.sampled_from(["NASDAQ:A", "NASDAQ:B"]), st.sampled_from(DAYS[:6]), values),
            min_size=1,
            max_size=14,
        )
    )
    result = [bar(day, close, symbol=symbol) for symbol, day, close in rows]
    again = data.draw(st.permutations(result + data.draw(st.lists(st.sampled_from(result), max_size=6))))
    first, second = checked(frame(*result)), checked(frame(*again))
    assert_frame_equal(first.accepted, second.accepted)
    said = ["symbol", "session_date", "close", "reason"]
    assert_frame_equal(first.quarantined.select(said).sort(said), second.quarantined.select(said).sort(said))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.001, 5000.0), min_size=6, max_size=6), st.integers(2, 8))
def test_bars_after_the_run_change_nothing(noise: list[float], last: int) -> None:
    closes = [100.0, 101.0, 900.0, 880.0, 99.0, 100.0, 102.0, 5.0, 4.9]
    result = series(*closes[:last])
    future = frame(*(bar(day, price) for day, price in zip(DAYS[last:], noise, strict=False)))
    as_of = DAYS[last - 1]
    with_noise = checked(pl.concat([result, future.with_columns(pl.col("row_number") + last)]), as_of)
    without = checked(result, as_of)
    assert_frame_equal(with_noise.accepted, without.accepted)
    assert_frame_equal(with_noise.quarantined, without.quarantined)
