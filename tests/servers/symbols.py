"""Describe instruments as the websocket does: resolved symbols and quotes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.servers.market_data import MarketData

SESSIONS = {"spot": "24x7", "swap": "24x7", "forex": "1700-1700:23456", "stock": "0930-1600", "fund": "0930-1600"}


def resolved(data: MarketData, symbol: str) -> dict[str, Any]:
    """The third parameter of symbol_resolved."""
    venue, _, ticker = symbol.partition(":")
    kind, currency = data.text(symbol, "type"), data.text(symbol, "currency")
    session, description = SESSIONS.get(kind, "24x7"), data.text(symbol, "description", ticker)
    return {
        "source_id": venue,
        "currency_code": currency,
        "currency_id": currency,
        "name": ticker,
        "full_name": symbol,
        "pro_name": symbol,
        "base_name": [symbol],
        "legs": [symbol],
        "description": description,
        "short_description": description,
        "exchange": data.text(symbol, "exchange", venue),
        "listed_exchange": venue,
        "type": kind,
        "typespecs": list(data.instruments[symbol].get("typespecs") or []),
        "timezone": data.text(symbol, "timezone", "Etc/UTC"),
        "session": session,
        "session_display": session,
        "subsession_id": "regular",
        "format": "price",
        "pricescale": 100,
        "minmov": 1,
        "minmove2": 0,
        "pointvalue": 1.0,
        "fractional": False,
        "has_intraday": False,
        "is_tradable": True,
        "visible_plots_set": "ohlcv" if _has_volume(data, symbol) else "ohlc",
        "aliases": [],
        "alternatives": [],
    }


def quote(data: MarketData, spec: str, symbol: str, fields: Sequence[str]) -> dict[str, Any]:
    """Return the second parameter of qsd: the requested fields, or all."""
    if symbol not in data.instruments:
        return {"n": spec, "s": "error", "errmsg": "no_such_symbol", "v": {}}
    row = data.rows[symbol]
    close, previous = row.get("close"), row.get("close[1]")
    values = {
        "lp": close,
        "ch": None if close is None or previous is None else close - previous,
        "chp": row.get("change"),
        "volume": row.get("volume"),
        "open_price": row.get("open"),
        "high_price": row.get("high"),
        "low_price": row.get("low"),
        "prev_close_price": previous,
        "short_name": symbol.partition(":")[2],
        "pro_name": symbol,
        "original_name": symbol,
        "exchange": row.get("exchange"),
        "description": row.get("description"),
        "type": row.get("type"),
        "currency_code": row.get("currency"),
        "update_mode": row.get("update_mode"),
    }
    return {"n": spec, "s": "ok", "v": {name: value for name, value in values.items() if not fields or name in fields}}


def _has_volume(data: MarketData, symbol: str) -> bool:
    return any(bar.volume is not None for bar in data.bars(symbol)[-1:])
