"""Scan markets with TradingView's scanner and fetch history over its websocket, as the source `tradingview`.

See docs/architecture.md#sources.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import time
from collections.abc import Callable, Iterator, Sequence

import polars as pl
from pydantic import SecretStr

from ingest.errors import RemoteError
from ingest.reference.calendars import as_of_clock, now_utc
from ingest.reference.venues import Venues
from ingest.screening.predicates import scan_from_columns
from ingest.screening.scanners import Scanner
from ingest.screening.service_fields import markets_of, venues_of
from ingest.screening.service_query import Query, build_query
from ingest.sources.bar_parsing import bars_of, n_sessions
from ingest.sources.pacing import GroupResult, Pace, PacedFetch, Report
from ingest.sources.protocol import INSTRUMENT_SCHEMA, BarBatch, BarRequest
from ingest.sources.tradingview.chart_series import ChartSeries
from ingest.sources.tradingview.history import HistoryClient, HistoryLimits
from ingest.sources.tradingview.newest_bars import newest_bars, only_missing_session
from ingest.sources.tradingview.scanner import PAGE_ROWS, ScannerClient
from ingest.sources.tradingview.scanner_rows import ColumnConversion, instruments_of_rows
from ingest.transport.breaker import Breaker
from ingest.transport.endpoints import Endpoints, checked, tradingview_token
from ingest.transport.http import HttpClient, HttpLimits

_LOGGER = logging.getLogger(__name__)
_SPARE_BARS = 5
_PRESENT = dt.timedelta(hours=1)
"""Greatest age of the clock of a run whose discovery may use what the service shows now."""
_BROWSER = {"origin": "https://www.tradingview.com", "referer": "https://www.tradingview.com/"}


class TradingViewSource:
    """Scanner and daily history of TradingView; no credentials are needed.

    Parameters
    ----------
    scanners : sequence of Scanner
        Scanners that define the universe: `instruments()` without symbols returns all that these could find.
    endpoints : Endpoints, optional
        Addresses; by default from the environment.
    token : SecretStr, optional
        Session token of the history; by default LAKEFOLIO_TRADINGVIEW_TOKEN, else anonymous.
    countries : sequence of str
        ISO codes of the countries whose stocks and funds are requested.
    connections : int
        Websocket connections at once; the service usually refuses more than seven.
    page : int
        Rows of one page of the scanner.
    report : callable, optional
        Called with the progress of a fetch after every group of symbols.
    """

    name = "tradingview"
    is_simulated = False
    scans_from_bars = False
    is_remote = True

    def __init__(
        self,
        venues: Venues,
        scanners: Sequence[Scanner] = (),
        *,
        endpoints: Endpoints | None = None,
        token: SecretStr | None = None,
        http_limits: HttpLimits | None = None,
        history_limits: HistoryLimits | None = None,
        pace: Pace | None = None,
        breaker: Callable[[], Breaker] = Breaker,
        countries: Sequence[str] = ("US",),
        connections: int = 4,
        page: int = PAGE_ROWS,
        clock: Callable[[], dt.datetime] = now_utc,
        report: Report | None = None,
    ) -> None:
        addresses = endpoints or Endpoints.from_environment()
        self.venues = venues
        self.scanners = tuple(scanners)
        self.countries = tuple(countries)
        self.connections = connections
        self.page = page
        self.clock = clock
        self.report = report
        self.pace = pace or Pace(size=16, largest=50)
        self._scanner_url = checked(addresses.scanner)
        self._http_limits = http_limits
        self._scanner_breaker = breaker()
        self.history = HistoryClient(
            self.name,
            checked(addresses.history),
            breaker=breaker(),
            limits=history_limits,
            token=token or tradingview_token(),
        )
        self._fields: dict[str, frozenset[str]] = {}
        self._described: dict[str, pl.DataFrame] = {}
        self._universe: pl.DataFrame | None = None

    def instruments(self, symbols: Sequence[str] | None = None, *, as_of: dt.date) -> pl.DataFrame:
        """Return the named instruments, or all that the scanners could find; each is requested once.

        Raises
        ------
        RemoteError
            When the scanner does not answer completely.
        """
        if symbols is None:
            if self._universe is None:
                self._universe = asyncio.run(self._fetch_universe(as_of))
                self._remember(self._universe)
            return self._universe
        unknown = [symbol for symbol in dict.fromkeys(symbols) if symbol not in self._described]
        if unknown:
            self._remember(asyncio.run(self._fetch_described(unknown, as_of)))
        frames = [self._described[symbol] for symbol in sorted(set(symbols)) if symbol in self._described]
        return pl.concat(frames) if frames else pl.DataFrame(schema=INSTRUMENT_SCHEMA)

    def scan(self, scanner: Scanner, *, as_of: dt.date, as_of_at: dt.datetime | None = None) -> pl.DataFrame:
        """Return what the service finds and the rules of the scanner confirm: `raw.scans` without `run_id`.

        Raises
        ------
        RemoteError
            When the scanner does not answer completely.
        ScannerInputError
            When the clock is before the session that the service shows, since it shows the present only.
        """
        columns = asyncio.run(self._fetch_columns(scanner, as_of, as_of_at or as_of_clock(as_of)))
        found = scan_from_columns(scanner, columns, source=self.name, run_id="", scanned_at=self.clock())
        return found.drop("run_id")

    def bars(self, request: BarRequest) -> Iterator[BarBatch]:
        """Yield batches of complete series; a symbol whose series is not complete is in `failures`.

        Bars of series that lack only the newest session are fetched from the scanner, many with one request.
        """
        with asyncio.Runner() as runner:
            started = time.perf_counter()
            newest = runner.run(self._fetch_newest(request))
            if newest:
                yield BarBatch(tuple(newest), pl.concat(newest.values()), seconds=time.perf_counter() - started)
            fetch = PacedFetch(
                self.name, lambda group: self._fetch_history(group, request), self.pace, runner, self.report
            )
            yield from fetch.batches([symbol for symbol in request.symbols if symbol not in newest])

    def _client(self) -> HttpClient:
        return HttpClient(
            self.name, self._scanner_url, breaker=self._scanner_breaker, limits=self._http_limits, headers=_BROWSER
        )

    async def _queries(self, client: ScannerClient, scanner: Scanner, *, is_universe: bool) -> list[Query]:
        queries = []
        for asset_class in scanner.asset_classes:
            names = venues_of(scanner, asset_class, self.venues)
            for market in markets_of(asset_class, names, self.venues, self.countries):
                known = await self._fields_of(client, market)
                queries.append(build_query(scanner, market, asset_class, names, known, is_universe=is_universe))
        return queries

    async def _fetch_columns(self, scanner: Scanner, as_of: dt.date, as_of_at: dt.datetime) -> pl.DataFrame:
        frames = []
        is_present = self.clock() - as_of_at < _PRESENT
        async with self._client() as http:
            client = ScannerClient(http, page_rows=self.page)
            for query in await self._queries(client, scanner, is_universe=False):
                if query.missing:
                    _LOGGER.warning("%s finds nothing: the market has no %s", query.subject, ", ".join(query.missing))
                    continue
                rows = await client.rows(query, self._fields[query.market])
                instruments = instruments_of_rows(rows, self.venues, as_of)
                self._remember(instruments.select(list(INSTRUMENT_SCHEMA)))
                rates = await client.usd_rates(sorted({str(row["currency"]) for row in rows if row.get("currency")}))
                conversion = ColumnConversion(query, self.venues, rates, as_of_at, is_present, http.origin)
                frames.append(conversion.frame(rows, instruments))
        joined = pl.concat(frames, how="diagonal") if frames else pl.DataFrame(schema=_NO_COLUMNS)
        return joined.unique("symbol", keep="first", maintain_order=True)

    async def _fetch_universe(self, as_of: dt.date) -> pl.DataFrame:
        found: dict[str, pl.DataFrame] = {}
        async with self._client() as http:
            client = ScannerClient(http, page_rows=self.page)
            for scanner in self.scanners:
                for query in await self._queries(client, scanner, is_universe=True):
                    conditions = repr((query.market, query.filters, query.floor, query.indexes))
                    if conditions not in found:
                        instruments = instruments_of_rows(await client.rows(query), self.venues, as_of)
                        found[conditions] = instruments.select(list(INSTRUMENT_SCHEMA))
        if not found:
            return pl.DataFrame(schema=INSTRUMENT_SCHEMA)
        return pl.concat(found.values()).unique("symbol", keep="first", maintain_order=True).sort("symbol")

    async def _fetch_described(self, symbols: Sequence[str], as_of: dt.date) -> pl.DataFrame:
        async with self._client() as http:
            client = ScannerClient(http, page_rows=self.page)
            rows = await client.described(symbols, await self._fields_of(client, "global"))
            return instruments_of_rows(rows, self.venues, as_of).select(list(INSTRUMENT_SCHEMA))

    def _remember(self, instruments: pl.DataFrame) -> None:
        for row in instruments.iter_slices(1):
            self._described[row["symbol"][0]] = row

    async def _fetch_newest(self, request: BarRequest) -> dict[str, pl.DataFrame]:
        calendars = {self.venues.calendar_of(symbol) for symbol in request.symbols}
        if all(only_missing_session(calendar, request) is None for calendar in calendars):
            return {}
        async with self._client() as http:
            client = ScannerClient(http, page_rows=self.page)
            try:
                known = await self._fields_of(client, "global")
                return await newest_bars(client, request.symbols, request, self.venues, known)
            except RemoteError as error:
                _LOGGER.warning("%s: fetching the history instead", error)
                return {}

    async def _fields_of(self, client: ScannerClient, market: str) -> frozenset[str]:
        if market not in self._fields:
            self._fields[market] = await client.fields(market)
        return self._fields[market]

    async def _fetch_history(self, symbols: Sequence[str], request: BarRequest) -> GroupResult:
        calendars = {symbol: self.venues.calendar_of(symbol) for symbol in symbols}
        depths = {}
        for symbol, calendar in calendars.items():
            spanned = n_sessions(calendar, request)
            depths[symbol] = None if spanned is None else spanned + _SPARE_BARS
        n_connections = min(-(-len(symbols) // self.history.limits.sessions_at_once), self.connections)
        parts = [dict(list(depths.items())[start::n_connections]) for start in range(n_connections)]
        results = await asyncio.gather(*(self.history.fetch(part) for part in parts))
        return {
            symbol: _bars(found, calendars[symbol], request) if isinstance(found, ChartSeries) else found
            for result in results
            for symbol, found in result.items()
        }


_NO_COLUMNS = {
    **{name: pl.String() for name in ("symbol", "asset_class", "product", "venue")},
    "session_date": pl.Date(),
    "value_traded_usd": pl.Float64(),
}


def _bars(series: ChartSeries, calendar: str, request: BarRequest) -> pl.DataFrame | RemoteError:
    try:
        return bars_of(series.rows(), series.symbol, calendar, request, series.origin)
    except RemoteError as error:
        return error
