"""Serve a seeded, SIMULATED market as the source `sample`; no number in it is real."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from ingest.errors import CalendarRangeError
from ingest.reference.calendars import all_sessions
from ingest.reference.venues import Venues
from ingest.screening.scanners import Scanner
from ingest.sources.protocol import BAR_SCHEMA, INSTRUMENT_SCHEMA, BarBatch, BarRequest, no_scanner
from ingest.sources.sample.prices import draw_bars, price_decimals
from ingest.sources.sample.universe import FIRST_DAY, HORIZON, Listing, bad_ticks, listings, planted_gaps

# With this seed the planted trends and pullbacks are visible at SAMPLE_AS_OF in many clusters and both directions.
DEFAULT_SEED = 111
_ADJUSTED = ("equity", "etf")


class SampleSource:
    """Simulated market, from 2021-08-02 to 2027-12-31; the bars of a symbol depend on the seed only.

    Equities and ETFs carry an `adj_close` equal to their close, since no corporate action is simulated.
    """

    name = "sample"
    is_simulated = True
    scans_from_bars = True
    is_remote = False

    def __init__(self, venues: Venues, seed: int = DEFAULT_SEED) -> None:
        self.venues = venues
        self.seed = seed

    def instruments(self, symbols: Sequence[str] | None = None, *, as_of: dt.date) -> pl.DataFrame:
        """Return the instruments listed at or before `as_of`."""
        rows = []
        for one in self._listed(symbols):
            first = self._first_session(one)
            if first > as_of:
                continue
            venue = self.venues.require(one.venue)
            is_pair = one.asset_class in ("crypto", "fx")
            rows.append(
                {
                    **dict.fromkeys(INSTRUMENT_SCHEMA),
                    **{field: getattr(one, field) for field in ("symbol", "venue", "ticker", "asset_class", "product")},
                    **{field: getattr(one, field) for field in ("name", "base", "root", "sector", "industry")},
                    "quote": one.quote if is_pair else None,
                    "country": None if is_pair else venue.country,
                    "currency": one.quote,
                    "lot_size": 1.0 if one.product in ("cash", "continuous") else None,
                    "tick_size": 10.0 ** -price_decimals(one.price),
                    "is_close_only": one.is_close_only,
                    "first_session": first,
                }
            )
        return pl.DataFrame(rows, schema=INSTRUMENT_SCHEMA)

    def bars(self, request: BarRequest) -> Iterator[BarBatch]:
        """Yield all requested bars in one batch.

        Raises
        ------
        CalendarRangeError
            When bars after the horizon of the simulation are requested.
        """
        if request.last > HORIZON:
            raise CalendarRangeError(f"sample is simulated up to {HORIZON}, bars up to {request.last} were requested")
        requested = self._listed(request.symbols)
        frames = [frame for one in requested if (frame := self._bars_of(one, request)).height]
        bars = pl.concat(frames) if frames else pl.DataFrame(schema=_DRAWN_SCHEMA)
        known = {one.symbol for one in requested}
        yield BarBatch(
            tuple(sorted(known)),
            bars.with_columns(pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("row_number")).select(
                list(BAR_SCHEMA)
            ),
            failures={
                symbol: "the simulated market lists no such symbol" for symbol in request.symbols if symbol not in known
            },
        )

    def scan(self, scanner: Scanner, *, as_of: dt.date, as_of_at: dt.datetime | None = None) -> pl.DataFrame:
        """Refuse the scan, since simulated bars are scanned in the lake."""
        raise no_scanner(self.name, scanner, as_of_at or as_of)

    def _listed(self, symbols: Sequence[str] | None) -> tuple[Listing, ...]:
        requested = None if symbols is None else set(symbols)
        return tuple(one for one in listings() if requested is None or one.symbol in requested)

    def _sessions(self, listing: Listing) -> pl.Series:
        days = all_sessions(self.venues.require(listing.venue).calendar)["session_date"]
        return days.filter(days.is_between(FIRST_DAY, HORIZON))

    def _first_session(self, listing: Listing) -> dt.date:
        days = self._sessions(listing)
        first: dt.date = days[int(days.search_sorted(listing.first_session or FIRST_DAY, side="left"))]
        return first

    def _bars_of(self, listing: Listing, request: BarRequest) -> pl.DataFrame:
        sessions = self._sessions(listing)
        days: npt.NDArray[np.int64] = sessions.to_physical().to_numpy().astype(np.int64) - _DAY_ZERO
        drawn = draw_bars(self.seed, listing, days)
        frame = pl.DataFrame(
            {
                "symbol": pl.repeat(listing.symbol, len(days), eager=True),
                "session_date": sessions,
                **{name: getattr(drawn, name) for name in ("open", "high", "low", "close", "volume")},
            }
        ).with_columns(
            pl.col("open", "high", "low", "volume").fill_nan(None),
            (pl.col("close") if listing.asset_class in _ADJUSTED else pl.lit(None, pl.Float64)).alias("adj_close"),
        )
        first = max(self._first_session(listing), request.first or FIRST_DAY)
        last = min(listing.last_session or HORIZON, request.last)
        kept = frame.filter(pl.col("session_date").is_between(first, last))
        return _with_faults(kept, listing.symbol)


_DAY_ZERO = (FIRST_DAY - dt.date(1970, 1, 1)).days
_DRAWN_SCHEMA = {name: kind for name, kind in BAR_SCHEMA.items() if name != "row_number"}


def _with_faults(bars: pl.DataFrame, symbol: str) -> pl.DataFrame:
    """Remove the sessions of the planted gaps and falsify the planted bad bars of one symbol."""
    missing = [day for one, day in planted_gaps() if one == symbol]
    if missing:
        bars = bars.filter(~pl.col("session_date").is_in(missing))
    for (one, day), reason in bad_ticks().items():
        if one != symbol:
            continue
        is_bad = pl.col("session_date") == day
        if reason == "unconfirmed_jump":
            faulty = [
                pl.when(is_bad).then(pl.col(name) * 10.0).otherwise(name).alias(name)
                for name in ("open", "high", "low", "close", "adj_close")
            ]
        else:
            faulty = [pl.when(is_bad).then(pl.col("low") * 0.9).otherwise("high").alias("high")]
        bars = bars.with_columns(faulty)
    return bars
