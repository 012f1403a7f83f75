"""A series has the same bars for any order, repetition and paging of its packets, and no bar of another symbol."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.errors import Origin, WrongSeriesError
from ingest.landing.quarantine import check_bars
from ingest.sources.bar_parsing import bars_of
from ingest.sources.tradingview.chart_series import ChartSeries
from lakehouse.storage.hashing import content_hash
from tests.ingest.live.loopback_market import NOW, made_bars, request_of

SYMBOL = "BINANCE:ONEUSDT"
CALENDARS = pl.DataFrame({"symbol": [SYMBOL], "calendar": ["24/7"]})
TRUTH = made_bars([SYMBOL]).head(12)
ITEMS = [
    [
        row["opened_at"].replace(tzinfo=dt.UTC).timestamp(),
        *(row[name] for name in ("open", "high", "low", "close", "volume")),
    ]
    for row in TRUTH.to_dicts()
]


def opened() -> ChartSeries:
    series = ChartSeries(SYMBOL, Origin("tradingview", "host", SYMBOL), 1, 1000, 1000, None, 5, 0.0)
    series.receive("symbol_resolved", [series.session, series.symbol_id, {"full_name": SYMBOL}])
    return series


def update(series: ChartSeries, items: list[list[float]], **changes: Any) -> list[Any]:
    body = {
        "t": changes.get("turn", series.turnaround),
        "s": [{"i": index, "v": item} for index, item in enumerate(items)],
    }
    return [series.session, {changes.get("name", series.series_id): body}]


def checked(series: ChartSeries) -> str:
    bars = bars_of(series.rows(), SYMBOL, "24/7", request_of((SYMBOL,)), series.origin)
    return content_hash(check_bars(bars, CALENDARS, as_of_at=NOW, fetched_at=NOW).accepted)


def complete_series() -> ChartSeries:
    series = opened()
    series.receive("timescale_update", update(series, ITEMS))
    series.receive("series_completed", [series.session, series.series_id, "endofday", series.turnaround])
    return series


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_any_permutation_duplication_and_split_has_the_same_content(data: st.DataObject) -> None:
    indices = data.draw(st.permutations(range(len(ITEMS))))
    repeated = [*indices, *data.draw(st.lists(st.sampled_from(indices), max_size=8))]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(repeated)), max_size=4)))
    series = opened()
    for start, end in zip([0, *cuts], [*cuts, len(repeated)], strict=True):
        series.receive("timescale_update", update(series, [ITEMS[index] for index in repeated[start:end]]))
    series.receive("series_completed", [series.session, series.series_id, "endofday", series.turnaround])
    assert series.is_done
    assert checked(series) == checked(complete_series())


def test_a_later_packet_corrects_an_earlier_one() -> None:
    series = opened()
    wrong = [[item[0], *(2 * value for value in item[1:])] for item in ITEMS[-2:]]
    series.receive("timescale_update", update(series, [*ITEMS[:-2], *wrong]))
    series.receive("timescale_update", update(series, ITEMS[-2:]))
    assert checked(series) == checked(complete_series())


def test_packets_of_another_series_or_turn_are_refused_unread() -> None:
    series = opened()
    invalid = [["not a time"]]
    series.receive("timescale_update", update(series, invalid, name="sds_2"))
    series.receive("timescale_update", update(series, invalid, turn="s2"))
    series.receive("series_completed", [series.session, "sds_2", "endofday", "s2"])
    assert (series.n_refused, series.bars, series.is_open) == (2, {}, True)


def test_bars_before_the_symbol_is_resolved_are_refused() -> None:
    series = ChartSeries(SYMBOL, Origin("tradingview", "host", SYMBOL), 1, 100, 100, None, 5, 0.0)
    series.receive("timescale_update", update(series, ITEMS))
    assert (series.n_refused, series.bars) == (1, {})


def test_a_symbol_that_resolves_to_another_is_refused() -> None:
    series = ChartSeries(SYMBOL, Origin("tradingview", "host", SYMBOL), 1, 100, 100, None, 5, 0.0)
    series.receive("symbol_resolved", [series.session, series.symbol_id, {"full_name": "BINANCE:TWOUSDT"}])
    assert isinstance(series.error, WrongSeriesError)
    assert "BINANCE:TWOUSDT" in str(series.error)


def test_messages_ask_for_split_adjusted_bars_of_the_regular_session() -> None:
    series = opened()
    requested = [json.loads(text) for text in series.opening_messages()]
    assert [one["m"] for one in requested] == [
        "chart_create_session",
        "switch_timezone",
        "resolve_symbol",
        "create_series",
    ]
    assert json.loads(requested[2]["p"][2].removeprefix("=")) == {
        "adjustment": "splits",
        "session": "regular",
        "symbol": SYMBOL,
    }
