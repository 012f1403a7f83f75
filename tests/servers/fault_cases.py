"""List the faults that can be switched on, and the services that have them."""

from __future__ import annotations

from dataclasses import dataclass

SCANNER = "scanner"
HISTORY = "history"
BINANCE_SPOT = "binance_spot"
BINANCE_FUTURES = "binance_futures"
YAHOO = "yahoo"

BINANCE = frozenset({BINANCE_SPOT, BINANCE_FUTURES})
HTTP_BARS = BINANCE | {YAHOO}
HTTP = HTTP_BARS | {SCANNER}
BARS = HTTP_BARS | {HISTORY}
ALL = HTTP | {HISTORY}

# Stage of a fault: the listening socket, the answer to a request (over a websocket: the handshake), the body of an
# answer (over a websocket: the frame that carries the series), single rows in it, its rows as a whole, or the order of
# websocket packets.
LISTENER = "listener"
ANSWER = "answer"
BODY = "body"
ROWS = "rows"
PAGES = "pages"
PACKETS = "packets"


@dataclass(frozen=True, slots=True)
class Case:
    """One fault: stage at which it acts, and services that have it."""

    stage: str
    services: frozenset[str]


CASES: dict[str, Case] = {
    "refuse": Case(LISTENER, ALL),
    "accept_then_silent": Case(ANSWER, ALL),
    "reset_before_headers": Case(ANSWER, ALL),
    "reset_after_headers": Case(ANSWER, ALL),
    "too_many_seconds": Case(ANSWER, ALL),
    "too_many_date": Case(ANSWER, ALL),
    "too_many_absurd": Case(ANSWER, ALL),
    "banned": Case(ANSWER, BINANCE),
    "server_error_500": Case(ANSWER, ALL),
    "server_error_502": Case(ANSWER, ALL),
    "server_error_503": Case(ANSWER, ALL),
    "unauthorized": Case(ANSWER, ALL),
    "forbidden": Case(ANSWER, ALL),
    "not_found": Case(ANSWER, ALL),
    "unknown_field": Case(ANSWER, HTTP),
    "redirect": Case(ANSWER, ALL),
    "stall_mid_body": Case(BODY, ALL),
    "drip": Case(BODY, ALL),
    "truncated_json": Case(BODY, ALL),
    "short_content_length": Case(BODY, HTTP),
    "early_close": Case(BODY, HTTP),
    "html": Case(BODY, ALL),
    "empty_body": Case(BODY, ALL),
    "error_object": Case(BODY, ALL),
    "null_chart": Case(BODY, frozenset({YAHOO})),
    "huge_body": Case(BODY, ALL),
    "compression_bomb": Case(BODY, ALL),
    "deep_json": Case(BODY, ALL),
    "wrong_types": Case(ROWS, ALL),
    "nan": Case(ROWS, ALL),
    "infinite": Case(ROWS, ALL),
    "null_values": Case(ROWS, frozenset({SCANNER, YAHOO})),
    "duplicate_equal": Case(ROWS, ALL),
    "duplicate_different": Case(ROWS, ALL),
    "unsorted": Case(PAGES, ALL),
    "future": Case(ROWS, BARS),
    "epoch_zero": Case(ROWS, BARS),
    "milliseconds": Case(ROWS, BARS),
    "negative": Case(ROWS, ALL),
    "zero": Case(ROWS, ALL),
    "high_below_low": Case(ROWS, ALL),
    "tenfold_jump": Case(ROWS, ALL),
    "gap": Case(ROWS, BARS),
    "total_without_rows": Case(PAGES, ALL),
    "endless_page": Case(PAGES, frozenset({SCANNER, HISTORY}) | BINANCE),
    "bad_length": Case(PACKETS, frozenset({HISTORY})),
    "split_frames": Case(PACKETS, frozenset({HISTORY})),
    "interleaved_series": Case(PACKETS, frozenset({HISTORY})),
    "heartbeat_only": Case(PACKETS, frozenset({HISTORY})),
    "symbol_error_silence": Case(PACKETS, frozenset({HISTORY})),
    "close_mid_series": Case(PACKETS, frozenset({HISTORY})),
    "late_duplicate_bars": Case(PACKETS, frozenset({HISTORY})),
}
