"""Serve the scanner: POST /{market}/scan and /scan2, GET or POST /{market}/metainfo.

See docs/protocols.md#tradingview-scanner.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.servers.bad_rows import row_with_fault
from tests.servers.catalogue import MARKETS
from tests.servers.fault_cases import SCANNER
from tests.servers.faults import Faults
from tests.servers.market_data import MarketData
from tests.servers.predicates import QueryRefusedError, Reader, Row, Test
from tests.servers.raw_http import Reply, Request, encode

DEFAULT_RANGE = (0, 50)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a scan: total, symbols and their cells."""

    total: int
    rows: list[tuple[str, list[Any]]]


class ScannerService:
    """Answers scans from the data."""

    def __init__(self, data: MarketData, faults: Faults) -> None:
        self._data = data
        self._faults = faults

    def answer(self, request: Request) -> Reply:
        """The reply to a scan or a field catalogue."""
        parts = request.path.strip("/").split("/")
        if len(parts) != 2 or parts[0] not in MARKETS or parts[1] not in {"scan", "scan2", "metainfo"}:
            return Reply(404, encode({"totalCount": 0, "error": "Not found", "data": None}))
        market, verb = parts
        if verb == "metainfo":
            fields = self._data.catalogue.fields(market)
            return Reply(200, encode({"fields": [{"n": name, "t": kind, "r": None} for name, kind in fields.items()]}))
        if request.method != "POST":
            return Reply(405, encode({"totalCount": 0, "error": "Method not allowed", "data": None}))
        try:
            query = _query(request.body)
            page = self._scan(market, query)
        except QueryRefusedError as error:
            return _refused(str(error))
        names = [str(name) for name in query.get("columns") or []]
        return Reply(200, encode(self._columnar(page, names) if verb == "scan2" else _rowwise(page)))

    def names(self, request: Request) -> str:
        """Return the text of the request, which holds its symbols."""
        del request
        return ""

    def refusal(self, case: str) -> Reply:
        """An unknown field with 400, or an error object with 200."""
        if case == "unknown_field":
            return _refused('Unknown field "close"')
        return Reply(200, encode({"totalCount": 0, "error": "Internal error", "data": None}))

    def _columnar(self, page: Page, names: list[str]) -> dict[str, Any]:
        rows = [{"s": symbol, "f": cells} for symbol, cells in page.rows]
        at = self._data.now.strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"totalCount": page.total, "fields": names, "symbols": rows, "time": at}

    def _scan(self, market: str, query: Mapping[str, Any]) -> Page:
        data = self._data
        reader = Reader(data.catalogue, market, data.now.date(), bool(query.get("ignore_unknown_fields")))
        names = query.get("columns") or []
        for name in names:
            reader.kind(name)
        tests = [reader.expression(node) for node in query.get("filter") or []]
        if query.get("filter2"):
            tests.append(reader.tree(query["filter2"]))
        found = [symbol for symbol in self._listed(market, query) if _passes(data.rows[symbol], tests)]
        found = _sorted(found, data.rows, reader, query.get("sort"))
        first, last = _range(query.get("range"))
        rows = [(symbol, [self._cell(symbol, str(name)) for name in names]) for symbol in found[first:last]]
        return self._with_faults(Page(len(found), rows), [str(name) for name in names], found, (first, last))

    def _cell(self, symbol: str, name: str) -> Any:
        row = self._data.rows[symbol]
        return row.get(name, row.get(name.removesuffix(".tr")))

    def _listed(self, market: str, query: Mapping[str, Any]) -> list[str]:
        data, symbols = self._data, query.get("symbols") or {}
        markets = set(query.get("markets") or ()) if market == "global" else {market}
        requested = symbols.get("tickers") or data.symbols
        kept = [symbol for symbol in requested if symbol in data.instruments]
        kept = [symbol for symbol in kept if not markets or data.market(symbol) in markets]
        types = set((symbols.get("query") or {}).get("types") or ())
        indexes = {str(one).removeprefix("SYML:").replace(";", ":") for one in symbols.get("symbolset") or ()}
        indexes |= {str(one) for group in symbols.get("groups") or () for one in group.get("values") or ()}
        if types:
            kept = [symbol for symbol in kept if data.rows[symbol].get("type") in types]
        if indexes:
            kept = [symbol for symbol in kept if indexes & set(data.instruments[symbol].get("indexes") or ())]
        # A watchlist belongs to an account, and no client is logged in.
        return [] if symbols.get("watchlist") else kept

    def _with_faults(self, page: Page, names: list[str], found: list[str], window: tuple[int, int]) -> Page:
        rows: list[tuple[str, list[Any]]] = []
        for symbol, cells in page.rows:
            versions = [cells]
            for fault in self._faults.take_rows(SCANNER, {symbol}, pages=False):
                versions = [row for one in versions for row in row_with_fault(fault, names, one)]
            rows += [(symbol, version) for version in versions]
        total = page.total
        for fault in self._faults.take_rows(SCANNER, [symbol for symbol, _ in page.rows] or found, pages=True):
            if fault.case == "unsorted":
                rows.reverse()
            elif fault.case == "total_without_rows":
                rows = []
            else:
                # Every page is full and announces another, whatever the requested range.
                first, last = window
                again = itertools.islice(itertools.cycle(found), last - first)
                rows = [(symbol, [self._cell(symbol, name) for name in names]) for symbol in again]
                total = last + len(rows)
        return Page(total, rows)


def _query(body: bytes) -> Mapping[str, Any]:
    # Whatever the Content-Type says, the body is JSON.
    try:
        query = json.loads(body or b"{}")
    except ValueError:
        raise QueryRefusedError("can't parse request") from None
    if not isinstance(query, dict):
        raise QueryRefusedError("a query is an object")
    return query


def _range(requested_range: Any) -> tuple[int, int]:
    first, last = requested_range or DEFAULT_RANGE
    if not (isinstance(first, int) and isinstance(last, int)) or first < 0 or last < 0:
        raise QueryRefusedError(f"Invalid range [{first}, {last}]")
    return first, max(first, last)


def _passes(row: Row, tests: list[Test]) -> bool:
    return all(test(row) for test in tests)


def _sorted(found: list[str], rows: Mapping[str, Row], reader: Reader, sort: Mapping[str, Any] | None) -> list[str]:
    if not sort or not sort.get("sortBy"):
        return found
    name = str(sort["sortBy"])
    reader.kind(name)
    known = [symbol for symbol in found if rows[symbol].get(name) is not None]
    unknown = [symbol for symbol in found if rows[symbol].get(name) is None]
    key: Callable[[str], Any] = lambda symbol: rows[symbol][name]  # noqa: E731 named for its type
    known.sort(key=key, reverse=sort.get("sortOrder", "asc") == "desc")
    return unknown + known if sort.get("nullsFirst") else known + unknown


def _rowwise(page: Page) -> dict[str, Any]:
    return {"totalCount": page.total, "data": [{"s": symbol, "d": cells} for symbol, cells in page.rows]}


def _refused(text: str) -> Reply:
    return Reply(400, encode({"totalCount": 0, "error": text, "data": None}))
