"""The source `tradingview`: discovery by its scanner, history over its websocket.

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
from ingest.reference.calendars import as_of_clock
from ingest.reference.venues import Venues
from ingest.screening.predicates import scan_from_columns
from ingest.screening.scanners import Scanner
from ingest.screening.service_fields import markets_of, venues_of
from ingest.screening.service_query import Query, build_query
from ingest.sources.bar_series import bars_of, n_sessions
from ingest.sources.landing_request import now_utc
from ingest.sources.pacing import Answers, Lanes, Pace, Report
from ingest.sources.protocol import INSTRUMENT_SCHEMA, BarBatch, BarRequest
from ingest.sources.tradingview.chart_series import ChartSeries
from ingest.sources.tradingview.history import Depth, HistoryClient, HistoryLimits
from ingest.sources.tradingview.newest_bars import lacks_one_session, newest_or_none
from ingest.sources.tradingview.scanner import PAGE, ScannerClient
from ingest.transport.breaker import Breaker
from ingest.transport.endpoints import Endpoints, checked, tradingview_token
from ingest.transport.http import Http, HttpLimits

_LOGGER = logging.getLogger(__name__)
_SPARE_BARS = 5
_PRESENT = dt.timedelta(hours=1)
"""How old a run's clock may be when its discovery asks what the service shows now."""
_BROWSER = {"origin": "https://www.tradingview.com", "referer": "https://www.tradingview.com/"}


class TradingViewSource:
    """Markets as TradingView tells them; no credentials are needed.

    Parameters
    ----------
    scanners : sequence of Scanner
        What discovery may ask; `instruments()` without symbols returns all that these could find.
    endpoints : Endpoints, optional
        Default: from the environment.
    token : SecretStr, optional
        Session token for the history; default LAKEFOLIO_TRADINGVIEW_TOKEN, else anonymous.
    countries : sequence of str
        Countries whose stocks and funds are asked for, ISO codes.
    connections : int
        Websocket connections at once; more than seven are refused as a rule.
    page : int
        Rows asked for in one page of the scanner.
    report : callable, optional
        Is told the progress of a fetch after every group of symbols.

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
        page: int = PAGE,
        clock: Callable[[], dt.datetime] = now_utc,
        report: Report | None = None,
    ) -> None:
        told = endpoints or Endpoints.from_environment()
        self.venues = venues
        self.scanners = tuple(scanners)
        self.countries = tuple(countries)
        self.connections = connections
        self.page = page
        self.clock = clock
        self.report = report
        self.pace = pace or Pace(size=16, largest=50)
        self._scanner_url = checked(told.scanner)
        self._http_limits = http_limits
        self._scanner_breaker = breaker()
        self.history = HistoryClient(
            self.name,
            checked(told.history),
            breaker=breaker(),
            limits=history_limits,
            token=token or tradingview_token(),
        )
        self._fields: dict[str, frozenset[str]] = {}
        self._described: dict[str, pl.DataFrame] = {}
        self._universe: pl.DataFrame | None = None

    def instruments(self, symbols: Sequence[str] | None = None, *, as_of: dt.date) -> pl.DataFrame:
        """Return the named instruments, or all that the scanners could find; asked for once.

        Raises
        ------
        RemoteError
            When the scanner does not answer in whole.
        """
        if symbols is None:
            if self._universe is None:
                self._universe = asyncio.run(self._all(as_of))
                self._remember(self._universe)
            return self._universe
        unknown = [symbol for symbol in dict.fromkeys(symbols) if symbol not in self._described]
        if unknown:
            self._remember(asyncio.run(self._named(unknown, as_of)))
        frames = [self._described[symbol] for symbol in sorted(set(symbols)) if symbol in self._described]
        return pl.concat(frames) if frames else pl.DataFrame(schema=INSTRUMENT_SCHEMA)

    def scan(self, scanner: Scanner, *, as_of: dt.date, as_of_at: dt.datetime | None = None) -> pl.DataFrame:
        """Return what the service's scanner finds and this house's rules confirm: `raw.scans` without `run_id`.

        Raises
        ------
        RemoteError
            When the scanner does not answer in whole.
        ScannerInputError
            When the clock lies before what the service shows: it knows the present only.
        """
        columns = asyncio.run(self._scan(scanner, as_of, as_of_at or as_of_clock(as_of)))
        found = scan_from_columns(scanner, columns, source=self.name, run_id="", scanned_at=self.clock())
        return found.drop("run_id")

    def bars(self, request: BarRequest) -> Iterator[BarBatch]:
        """Yield batches of whole series; a symbol that was not answered in whole stands in `failures`.

        Series that lack only the session that closed last are answered by the scanner, many with one question.
        """
        with asyncio.Runner() as runner:
            started = time.perf_counter()
            newest = runner.run(self._newest(request))
            if newest:
                yield BarBatch(tuple(newest), pl.concat(newest.values()), seconds=time.perf_counter() - started)
            lanes = Lanes(self.name, lambda group: self._history(group, request), self.pace, runner, self.report)
            yield from lanes.batches([symbol for symbol in request.symbols if symbol not in newest])

    def _http(self) -> Http:
        return Http(
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

    async def _scan(self, scanner: Scanner, as_of: dt.date, as_of_at: dt.datetime) -> pl.DataFrame:
        frames = []
        is_present = self.clock() - as_of_at < _PRESENT
        async with self._http() as http:
            client = ScannerClient(http, self.venues, page=self.page)
            for query in await self._queries(client, scanner, is_universe=False):
                if query.missing:
                    _LOGGER.warning("%s finds nothing: no %s there", query.subject, ", ".join(query.missing))
                    continue
                rows = await client.rows(query, self._fields[query.market])
                instruments = client.placed(rows, as_of)
                self._remember(instruments.select(list(INSTRUMENT_SCHEMA)))
                rates = await client.usd_rates(sorted({str(row["currency"]) for row in rows if row.get("currency")}))
                frames.append(client.columns_frame(query, rows, instruments, rates, as_of_at, is_present=is_present))
        joined = pl.concat(frames, how="diagonal") if frames else pl.DataFrame(schema=_NO_COLUMNS)
        return joined.unique("symbol", keep="first", maintain_order=True)

    async def _all(self, as_of: dt.date) -> pl.DataFrame:
        found: dict[str, pl.DataFrame] = {}
        async with self._http() as http:
            client = ScannerClient(http, self.venues, page=self.page)
            for scanner in self.scanners:
                for query in await self._queries(client, scanner, is_universe=True):
                    asked = repr((query.market, query.filters, query.floor, query.indexes))
                    if asked not in found:
                        found[asked] = client.placed(await client.rows(query), as_of).select(list(INSTRUMENT_SCHEMA))
        if not found:
            return pl.DataFrame(schema=INSTRUMENT_SCHEMA)
        return pl.concat(found.values()).unique("symbol", keep="first", maintain_order=True).sort("symbol")

    async def _named(self, symbols: Sequence[str], as_of: dt.date) -> pl.DataFrame:
        async with self._http() as http:
            client = ScannerClient(http, self.venues, page=self.page)
            rows = await client.described(symbols, await self._fields_of(client, "global"))
            return client.placed(rows, as_of).select(list(INSTRUMENT_SCHEMA))

    def _remember(self, instruments: pl.DataFrame) -> None:
        for row in instruments.iter_slices(1):
            self._described[row["symbol"][0]] = row

    async def _newest(self, request: BarRequest) -> dict[str, pl.DataFrame]:
        calendars = {self.venues.require(symbol.partition(":")[0]).calendar for symbol in request.symbols}
        if all(lacks_one_session(calendar, request) is None for calendar in calendars):
            return {}
        async with self._http() as http:
            client = ScannerClient(http, self.venues, page=self.page)
            try:
                known = await self._fields_of(client, "global")
            except RemoteError as error:
                _LOGGER.warning("%s: the history is asked instead", error)
                return {}
            return await newest_or_none(client, request.symbols, request, self.venues, known)

    async def _fields_of(self, client: ScannerClient, market: str) -> frozenset[str]:
        if market not in self._fields:
            self._fields[market] = await client.fields(market)
        return self._fields[market]

    async def _history(self, symbols: Sequence[str], request: BarRequest) -> Answers:
        calendars = {symbol: self.venues.require(symbol.partition(":")[0]).calendar for symbol in symbols}
        wanted = {}
        for symbol, calendar in calendars.items():
            spanned = n_sessions(calendar, request)
            wanted[symbol] = Depth(None if spanned is None else spanned + _SPARE_BARS)
        n_connections = min(-(-len(symbols) // self.history.limits.sessions_at_once), self.connections)
        parts = [dict(list(wanted.items())[place::n_connections]) for place in range(n_connections)]
        told = await asyncio.gather(*(self.history.fetch(part) for part in parts))
        return {
            symbol: _bars(answer, calendars[symbol], request) if isinstance(answer, ChartSeries) else answer
            for part in told
            for symbol, answer in part.items()
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
