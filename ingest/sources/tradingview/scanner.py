"""Send requests to TradingView's scanner and check that its responses are complete."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from ingest.errors import (
    IncompleteError,
    MalformedError,
    Origin,
    RemoteError,
    RequestRefusedError,
    ScannerInputError,
    nearest,
)
from ingest.screening.service_fields import DESCRIBING, USD_LIKE
from ingest.screening.service_query import Query
from ingest.sources.rest import KEPT
from ingest.transport.bodies import quoted
from ingest.transport.http import HttpClient, Response

PAGE_ROWS = 500
MOST_ROWS = 20_000
_TICKERS_AT_ONCE = 250
# Currencies in hundredths of another one.
_FRACTIONS = {
    "GBX": ("GBP", 0.01),
    "GBp": ("GBP", 0.01),
    "ILA": ("ILS", 0.01),
    "ZAC": ("ZAR", 0.01),
    "USX": ("USD", 0.01),
}


class ScannerClient:
    """Client of the scanner.

    Parameters
    ----------
    page_rows : int
        Rows of one page.
    most_rows : int
        Most rows that a query may match.
    """

    def __init__(self, http: HttpClient, *, page_rows: int = PAGE_ROWS, most_rows: int = MOST_ROWS) -> None:
        self.http = http
        self.page_rows = page_rows
        self.most_rows = most_rows

    async def fields(self, market: str) -> frozenset[str]:
        """Return the fields that a market has.

        Raises
        ------
        RemoteError
            When the list of fields cannot be fetched.
        """
        subject = f"fields of {market}"
        response = await self.http.get(f"/{market}/metainfo", subject)
        fields = response.value.get("fields") if isinstance(response.value, dict) else None
        if not isinstance(fields, list) or not all(
            isinstance(field, dict) and isinstance(field.get("n"), str) for field in fields
        ):
            raise MalformedError(self.http.origin(subject), "not a list of fields", "run again")
        return frozenset(field["n"] for field in fields)

    async def rows(self, query: Query, known: Iterable[str] = ()) -> list[dict[str, Any]]:
        """Return all rows that match a query, each as its symbol and fields.

        Parameters
        ----------
        known : iterable of str
            Fields that the market has, to name the nearest when one is unknown.

        Raises
        ------
        IncompleteError
            When fewer rows arrive than the total, a page repeats, or more rows match than `most_rows`.
        MalformedError
            When a page is larger than requested, or a symbol has two different rows.
        ScannerInputError
            When the service does not know a field; the message names the nearest that it has.
        """
        found: dict[str, dict[str, Any]] = {}
        origin = self.http.origin(query.subject)
        total = None
        while total is None or len(found) < total:
            first = len(found)
            body = query.body(first, first + self.page_rows)
            try:
                response = await self.http.post(f"/{query.path_market}/scan", query.subject, body)
            except RequestRefusedError as error:
                raise _field_error(error, query, known) from error
            total, rows = _parse_page(response, query.columns, origin)
            if total > self.most_rows:
                raise IncompleteError(
                    origin, f"{total} rows match, at most {self.most_rows} are read", "narrow the scanner"
                )
            new = {symbol: row for symbol, row in self._unique(rows, origin).items() if symbol not in found}
            if not new and len(found) < total:
                problem = (
                    f"the page from row {first} on repeats earlier rows"
                    if rows
                    else f"totalCount is {total}, {first} rows arrived"
                )
                raise IncompleteError(origin, problem, KEPT)
            found.update(new)
        return list(found.values())

    def _unique(self, rows: Sequence[tuple[str, dict[str, Any]]], origin: Origin) -> dict[str, dict[str, Any]]:
        """Return the rows of a page by symbol; equal repetitions count once."""
        if len(rows) > self.page_rows:
            raise MalformedError(origin, f"a page of {len(rows)} rows, {self.page_rows} were requested", KEPT)
        unique: dict[str, dict[str, Any]] = {}
        for symbol, row in rows:
            if repr(unique.setdefault(symbol, row)) != repr(row):
                raise MalformedError(origin, f"{quoted(symbol)} has two rows with different values", KEPT)
        return unique

    async def described(self, symbols: Sequence[str], known: frozenset[str]) -> list[dict[str, Any]]:
        """Return the descriptive fields of symbols; a symbol that the service does not have is left out."""
        found: list[dict[str, Any]] = []
        columns = [name for name in DESCRIBING if name in known]
        for start in range(0, len(symbols), _TICKERS_AT_ONCE):
            found += await self.tickers("global", symbols[start : start + _TICKERS_AT_ONCE], columns)
        return found

    async def tickers(self, market: str, symbols: Sequence[str], columns: Sequence[str]) -> list[dict[str, Any]]:
        """Return fields of the named symbols with one request.

        Raises
        ------
        IncompleteError
            When fewer rows arrive than the total.
        MalformedError
            When a symbol was not requested.
        """
        subject = ", ".join(symbols[:3]) + (", ..." if len(symbols) > 3 else "")
        origin = self.http.origin(subject)
        body = {
            "symbols": {"tickers": list(symbols), "query": {"types": []}},
            "columns": list(columns),
            "range": [0, len(symbols)],
            "options": {"lang": "en"},
        }
        response = await self.http.post(f"/{market}/scan", subject, body)
        total, rows = _parse_page(response, columns, origin)
        if total != len(rows):
            raise IncompleteError(origin, f"totalCount is {total}, {len(rows)} rows arrived", KEPT)
        others = sorted({symbol for symbol, _ in rows} - set(symbols))
        if others:
            raise MalformedError(origin, f"{quoted(others[0])} was not requested", KEPT)
        return [row for _, row in rows]

    async def usd_rates(self, currencies: Iterable[str]) -> dict[str, float]:
        """Return the value of one unit of each currency in US dollars; a currency without a rate is left out."""
        rates = dict.fromkeys(USD_LIKE, 1.0)
        whole = {_FRACTIONS.get(name, (name, 1.0))[0] for name in currencies} - set(rates)
        pairs = {
            f"FX_IDC:{name}USD": name for name in sorted(whole) if len(name) == 3 and name.isalpha() and name.isupper()
        }
        if pairs:
            for row in await self.tickers("forex", list(pairs), ("close",)):
                close = row["close"]
                if isinstance(close, int | float) and math.isfinite(close) and close > 0:
                    rates[pairs[row["symbol"]]] = float(close)
        for name, (unit, part) in _FRACTIONS.items():
            if unit in rates:
                rates[name] = rates[unit] * part
        return rates


def _parse_page(
    response: Response, columns: Sequence[str], origin: Origin
) -> tuple[int, list[tuple[str, dict[str, Any]]]]:
    """Return the total number of rows, and symbol and fields of each row of the page."""
    page = response.value
    if not isinstance(page, dict) or not isinstance(page.get("totalCount"), int) or page["totalCount"] < 0:
        raise MalformedError(origin, f"no totalCount: {quoted(page)}", KEPT)
    if page.get("error"):
        raise RequestRefusedError(origin, quoted(page["error"]), KEPT, payload=page)
    rows = page.get("data")
    if rows is None and page["totalCount"] == 0:
        rows = []
    if not isinstance(rows, list):
        raise MalformedError(origin, "data is not a list of rows", KEPT)
    return page["totalCount"], [_parse_row(row, columns, origin) for row in rows]


def _parse_row(row: Any, columns: Sequence[str], origin: Origin) -> tuple[str, dict[str, Any]]:
    symbol, values = (row.get("s"), row.get("d")) if isinstance(row, dict) else (None, None)
    if not isinstance(symbol, str) or not isinstance(values, list) or len(values) != len(columns):
        raise MalformedError(origin, f"a row does not have its {len(columns)} columns: {quoted(row)}", KEPT)
    return symbol, {"symbol": symbol, **dict(zip(columns, values, strict=True))}


def _field_error(error: RequestRefusedError, query: Query, known: Iterable[str]) -> RemoteError | ScannerInputError:
    """Return an error with the nearest field where the service does not know a field, else the refusal itself."""
    reason = error.payload.get("error") if isinstance(error.payload, dict) else None
    parts = str(reason).split('"')
    if reason is None or "nknown field" not in str(reason) or len(parts) < 3:
        return error
    hint = nearest(parts[1], known) if known else "see its metainfo"
    return ScannerInputError(f"{error.origin.source} ({error.origin.host}), {query.subject}: {reason}; {hint}")
