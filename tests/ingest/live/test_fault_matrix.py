"""Every fault of a service: its outcome, its duration, and that nothing of the faulty response is landed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import polars as pl
import pytest

from ingest.errors import IngestError, RemoteError
from ingest.landing.bars import land_bars
from ingest.landing.quarantine import check_bars
from ingest.reference.venues import Venues
from ingest.sources.binance import BinanceSource
from ingest.sources.protocol import BAR_SCHEMA, BarBatch
from ingest.sources.tradingview.source import TradingViewSource
from lakehouse.connection.catalog import Lake
from tests.ingest.live.loopback_market import (
    CALENDARS,
    FIRST,
    HTTP_LIMITS,
    NOW,
    breaker_that_stays_closed,
    endpoints_of,
    exchange_of,
    landing_of,
    made_bars,
    request_of,
    sources_of,
    trend_scanner,
)
from tests.servers.exchange import Exchange
from tests.servers.fault_cases import ANSWER, CASES, LISTENER

BARS = ("history", "binance_spot", "yahoo")
SYMBOLS = ("BINANCE:VICTIMUSDT", "BINANCE:BYSTANDUSDT")
YAHOO_SYMBOLS = ("NASDAQ:VICTIM", "NASDAQ:BYSTAND")
ALL_SYMBOLS = [*SYMBOLS, *YAHOO_SYMBOLS, *(f"NASDAQ:E{position}" for position in range(8))]
LONGEST_S = 6.0

# Outcome for a symbol: name of an error, reason in quarantine, `ok` (as without the fault), or `fewer` (a bar
# that the source does not have). A name in brackets holds for one service.
OUTCOMES = {
    "refuse": "UnreachableError",
    "accept_then_silent": "TimedOutError",
    "reset_before_headers": "UnreachableError",
    "reset_before_headers[history]": "UnreadableError",
    "reset_after_headers": "UnreachableError",
    "reset_after_headers[history]": "IncompleteError",
    "too_many_seconds": "ThrottledError",
    "too_many_date": "ThrottledError",
    "too_many_absurd": "ThrottledError",
    "banned": "ThrottledError",
    "server_error_500": "ServerFaultError",
    "server_error_502": "ServerFaultError",
    "server_error_503": "ServerFaultError",
    "unauthorized": "AccessDeniedError",
    "forbidden": "AccessDeniedError",
    "not_found": "RequestRefusedError",
    "unknown_field": "RequestRefusedError",
    "unknown_field[scanner]": "ScannerInputError",
    "redirect": "RedirectRefusedError",
    "stall_mid_body": "TimedOutError",
    "drip": "TimedOutError",
    "truncated_json": "UnreadableError",
    "short_content_length": "UnreadableError",
    "early_close": "UnreadableError",
    "html": "UnreadableError",
    "empty_body": "UnreadableError",
    "error_object": "RequestRefusedError",
    "null_chart": "IncompleteError",
    "huge_body": "TooLargeError",
    "compression_bomb": "TooLargeError",
    "deep_json": "TooLargeError",
    "deep_json[history]": "UnreadableError",
    "wrong_types": "MalformedError",
    "nan": "not_finite",
    "nan[scanner]": "MalformedError",
    "infinite": "not_finite",
    "infinite[scanner]": "MalformedError",
    "null_values": "fewer",
    "null_values[scanner]": "ok",
    "duplicate_equal": "ok",
    "duplicate_different": "duplicate_conflict",
    "duplicate_different[scanner]": "MalformedError",
    "unsorted": "ok",
    "future": "future_session",
    "epoch_zero": "MalformedError",
    "milliseconds": "MalformedError",
    "negative": "not_positive",
    "negative[scanner]": "left out",
    "zero": "not_positive",
    "zero[scanner]": "left out",
    "high_below_low": "inconsistent_ohlc",
    "high_below_low[scanner]": "ok",
    "tenfold_jump": "unconfirmed_jump",
    "tenfold_jump[scanner]": "ok",
    "gap": "fewer",
    "total_without_rows": "IncompleteError",
    "endless_page": "IncompleteError",
    "endless_page[history]": "ok",
    "bad_length": "UnreadableError",
    "split_frames": "ok",
    "interleaved_series": "ok",
    "heartbeat_only": "TimedOutError",
    "symbol_error_silence": "SymbolUnknownError",
    "close_mid_series": "IncompleteError",
    "late_duplicate_bars": "ok",
}
# Large beside the caps of these clients, and still quick to make.
OPTIONS = {
    "too_many_seconds": {"seconds": 0.1},
    "too_many_date": {"seconds": 0.1},
    "drip": {"seconds": 0.1},
    "huge_body": {"size": 200_000_000},
    # A websocket sends a closing frame, and this client does not wait for all of a large message before it.
    "huge_body[history]": {"size": 8_000_000},
    "compression_bomb": {"size": 8 * 1024 * 1024},
}
MATRIX = [(service, case) for case, known in CASES.items() for service in BARS if service in known.services]
SCANNER_CASES = [case for case, known in CASES.items() if "scanner" in known.services]


def outcome(service: str, case: str) -> str:
    return OUTCOMES.get(f"{case}[{service}]", OUTCOMES[case])


@pytest.fixture(scope="module")
def exchange() -> Iterator[Exchange]:
    with exchange_of(ALL_SYMBOLS) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _no_fault_is_left(exchange: Exchange) -> Iterator[None]:
    yield
    exchange.faults.clear()


def symbols_of(service: str) -> tuple[str, str]:
    return YAHOO_SYMBOLS if service == "yahoo" else SYMBOLS


def switch_on(exchange: Exchange, service: str, case: str) -> bool:
    """Switch a fault on for one symbol only where that is possible, and return whether it was."""
    faulty = symbols_of(service)[0]
    options = OPTIONS.get(f"{case}[{service}]", OPTIONS.get(case, {}))
    stage = CASES[case].stage
    if stage == LISTENER or (stage == ANSWER and service == "history"):
        exchange.faults.set(service, case, **options)
        return False
    at_wire = stage in (ANSWER, "body") and service != "history"
    ticker = faulty.partition(":")[2]
    # Each page of a symbol would lack a bar otherwise.
    times = 1 if case == "gap" else None
    exchange.faults.set(service, case, match=ticker if at_wire else faulty, times=times, **options)
    return True


def gathered(batches: list[BarBatch]) -> tuple[pl.DataFrame, dict[str, str]]:
    failures = {symbol: text for batch in batches for symbol, text in batch.failures.items()}
    frames = [batch.bars for batch in batches if batch.bars.height]
    return pl.concat(frames) if frames else pl.DataFrame(schema=BAR_SCHEMA), failures


@pytest.mark.parametrize(("service", "case"), MATRIX)
def test_a_fault_of_bars_ends_as_it_should(
    exchange: Exchange, venues: Venues, service: str, case: str, request: pytest.FixtureRequest
) -> None:
    faulty, intact = symbols_of(service)
    source = sources_of(exchange, venues)[service]()
    is_matched = switch_on(exchange, service, case)
    started = time.perf_counter()
    batches = list(source.bars(request_of((faulty, intact))))
    seconds = time.perf_counter() - started
    request.node.user_properties.append(("seconds", round(seconds, 3)))
    assert seconds < LONGEST_S
    assert exchange.faults.fired or case == "refuse"
    bars, failures = gathered(batches)
    expected = outcome(service, case)
    request.node.user_properties.append(("outcome", expected))
    truth = made_bars(ALL_SYMBOLS)
    if expected.endswith("Error"):
        assert set(bars["symbol"]) <= {intact}
        assert failures[faulty].startswith(f"{expected}: {source.name} (127.0.0.1:")
        assert faulty in failures[faulty]
        assert "; " in failures[faulty].partition(faulty)[2]
    else:
        assert faulty not in failures
        kept = bars.filter(pl.col("symbol") == faulty)
        n_true = truth.filter(pl.col("symbol") == faulty).height
        if expected == "ok":
            assert (
                kept.select("session_date", "close")
                .unique()
                .sort("session_date")
                .equals(truth.filter(pl.col("symbol") == faulty).select("session_date", "close"))
            )
        elif expected == "fewer":
            assert kept.height == n_true - 1
        else:
            calendars = pl.DataFrame({"symbol": [faulty], "calendar": [CALENDARS[faulty.partition(":")[0]]]})
            checked_bars = check_bars(kept, calendars, as_of_at=NOW, fetched_at=NOW)
            assert set(checked_bars.quarantined["reason"]) == {expected}
            assert checked_bars.accepted.join(truth, on=["symbol", "session_date", "close"], how="anti").is_empty()
    if is_matched:
        assert intact not in failures
        mine = bars.filter(pl.col("symbol") == intact).select("session_date", "close")
        assert mine.equals(truth.filter(pl.col("symbol") == intact).select("session_date", "close"))
    assert not [entry for entry in exchange.requests if entry.service == "elsewhere"]


@pytest.mark.parametrize("case", SCANNER_CASES)
def test_a_fault_of_the_scanner_ends_as_it_should(
    exchange: Exchange, venues: Venues, case: str, request: pytest.FixtureRequest
) -> None:
    source = TradingViewSource(
        venues, endpoints=endpoints_of(exchange), http_limits=HTTP_LIMITS, breaker=breaker_that_stays_closed
    )
    scanner = trend_scanner()
    day = made_bars(["NASDAQ:E0"])["session_date"][-1]
    complete_series = source.scan(scanner, as_of=day)["symbol"].to_list()
    assert len(complete_series) == 10
    stage = CASES[case].stage
    options = OPTIONS.get(case, {})
    match = None if stage == LISTENER else "/scan" if stage in (ANSWER, "body") else "NASDAQ:E3"
    exchange.faults.set("scanner", case, match=match, **options)
    expected = outcome("scanner", case)
    started = time.perf_counter()
    if expected.endswith("Error"):
        with pytest.raises(IngestError) as caught:
            source.scan(scanner, as_of=day)
        assert type(caught.value).__name__ == expected
        text = str(caught.value)
        assert text.startswith("tradingview (127.0.0.1:")
        assert "scanner trend on america" in text or "NASDAQ:E3" in text
        assert "; " in text
    else:
        found = source.scan(scanner, as_of=day)["symbol"].to_list()
        assert sorted(found) == sorted(set(complete_series) - ({"NASDAQ:E3"} if expected == "left out" else set()))
    seconds = time.perf_counter() - started
    request.node.user_properties.append(("seconds", round(seconds, 3)))
    request.node.user_properties.append(("outcome", expected))
    assert seconds < LONGEST_S
    assert not [entry for entry in exchange.requests if entry.service == "elsewhere"]


@pytest.mark.parametrize("service", BARS)
@pytest.mark.parametrize("case", ["server_error_500", "server_error_502", "server_error_503", "too_many_seconds"])
def test_a_fault_that_passes_is_waited_out(exchange: Exchange, venues: Venues, service: str, case: str) -> None:
    source = sources_of(exchange, venues)[service]()
    exchange.faults.set(service, case, times=1, seconds=0.1)
    batches = list(source.bars(request_of(symbols_of(service))))
    bars, failures = gathered(batches)
    assert failures == {}
    assert bars["symbol"].n_unique() == 2


def test_a_demanded_pause_is_kept_and_one_beyond_the_cap_is_not_waited_for(exchange: Exchange, venues: Venues) -> None:
    limits = replace(HTTP_LIMITS, retry_after_cap_s=1.5)
    source = BinanceSource(venues, endpoints=endpoints_of(exchange), limits=limits, breaker=breaker_that_stays_closed)
    exchange.faults.set("binance_spot", "too_many_seconds", times=1, seconds=1)
    started = time.perf_counter()
    assert gathered(list(source.bars(request_of(SYMBOLS[:1]))))[1] == {}
    assert 1.0 <= time.perf_counter() - started < 2.5
    exchange.faults.set("binance_spot", "too_many_seconds", seconds=600)
    started = time.perf_counter()
    failures = gathered(list(source.bars(request_of(SYMBOLS[:1]))))[1]
    assert time.perf_counter() - started < 1.0
    assert "demands a pause of 600 s; run again after the pause" in failures[SYMBOLS[0]]


@pytest.mark.parametrize("service", BARS)
def test_what_failed_leaves_the_lake_as_it_was(exchange: Exchange, venues: Venues, lake: Lake, service: str) -> None:
    faulty, intact = symbols_of(service)
    source = sources_of(exchange, venues)[service]()
    early = made_bars(ALL_SYMBOLS).filter(pl.col("symbol") == faulty)["session_date"][20]
    land_bars(lake, source, venues, landing_of(early, symbols=(faulty, intact)))
    before = lake.read("raw.bars", "symbol = ?", [faulty]).sort("session_date")
    assert before["session_date"][-1] == early
    assert before["session_date"][0] == FIRST
    switch_on(exchange, service, "truncated_json")
    report = land_bars(lake, source, venues, landing_of(symbols=(faulty, intact)))
    assert list(report.failures) == [faulty]
    assert lake.read("raw.bars", "symbol = ?", [faulty]).sort("session_date").equals(before)
    result = lake.query("select error from raw.fetches where symbol = ? and status = 'failed'", [faulty])["error"][0]
    assert result.startswith(f"UnreadableError: {source.name} (")
    exchange.faults.clear()
    assert land_bars(lake, source, venues, landing_of(symbols=(faulty, intact))).n_requested == 1
    truth = made_bars(ALL_SYMBOLS).filter(pl.col("symbol").is_in([faulty, intact]))
    stored = lake.read("raw.bars").sort("symbol", "session_date")
    assert stored.select("symbol", "session_date", "close").equals(truth.select("symbol", "session_date", "close"))


@pytest.mark.parametrize("service", BARS)
def test_bad_rows_go_to_quarantine_and_the_others_land(
    exchange: Exchange, venues: Venues, lake: Lake, service: str
) -> None:
    faulty = symbols_of(service)[0]
    truth = made_bars(ALL_SYMBOLS).filter(pl.col("symbol") == faulty)
    source = sources_of(exchange, venues)[service]()
    source.instruments([faulty], as_of=FIRST)
    cases = ["nan", "infinite", "duplicate_different", "future", "negative", "zero", "high_below_low", "tenfold_jump"]
    for position, case in enumerate(cases):
        options = {} if case == "future" else {"at": 2 + 4 * position}
        exchange.faults.set(service, case, match=faulty, times=1, **options)
    report = land_bars(lake, source, venues, landing_of(symbols=(faulty,)))
    assert report.failures == {}
    assert set(report.quarantined) == {outcome(service, case) for case in cases}
    stored = lake.read("raw.bars").sort("session_date").select("session_date", "close")
    assert stored.join(truth, on=["session_date", "close"], how="anti").is_empty()
    assert stored.height == truth.height - 7


def test_every_error_of_the_matrix_is_a_remote_error() -> None:
    names = {name for name in OUTCOMES.values() if name.endswith("Error")} - {"ScannerInputError"}
    known = {kind.__name__ for kind in _descendants(RemoteError)}
    assert names <= known


def _descendants(kind: type) -> set[type]:
    return {kind, *(one for child in kind.__subclasses__() for one in _descendants(child))}
