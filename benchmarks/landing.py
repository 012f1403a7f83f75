"""Measure the time from a price service into the marts: `python -m benchmarks.landing [SYMBOLS] [SESSIONS]`.

The service is the loopback exchange of the tests, in a process of its own, so that its memory is not counted; the bars
come over the chart websocket and end in `marts.returns_daily`.
"""

from __future__ import annotations

import datetime as dt
import json
import multiprocessing
import resource
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import polars as pl

from ingest.landing.bars import land_bars
from ingest.landing.reference import land_instruments, land_sessions
from ingest.landing.scope import LandingScope
from ingest.reference.calendars import sessions
from ingest.reference.venues import Venues
from ingest.sources.tradingview.source import TradingViewSource
from ingest.transport.endpoints import Endpoints
from lakehouse.connection.catalog import Lake
from lakehouse.dbt.runner import run_dbt
from lakehouse.paths import Paths
from lakehouse.storage.writes import Write, write
from tests.ingest.live.loopback_market import exchange_of, made_bars
from tests.servers.settings import Settings

LAST = dt.date(2024, 5, 31)


def serve(symbols: list[str], first: dt.date, channel: Connection) -> None:
    """Serve until the channel receives a message."""
    bars = made_bars(symbols, first, LAST)
    with exchange_of(symbols, bars, Settings(max_sessions=64, lifetime_seconds=1800.0)) as exchange:
        channel.send((exchange.scanner_url, exchange.history_url))
        channel.recv()


def measure(n_symbols: int, n_sessions: int) -> dict[str, float]:
    """Land and build once, in a new home directory."""
    symbols = [f"NASDAQ:B{position:04d}" for position in range(n_symbols)]
    days = sessions("XNYS", dt.date(2000, 1, 1), LAST)["session_date"].sort()
    first = days[-n_sessions]
    here, there = multiprocessing.get_context("spawn").Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(symbols, first, there), daemon=True)
    server.start()
    scanner, history = here.recv()
    try:
        with tempfile.TemporaryDirectory() as folder:
            return _into_marts(Paths.at(Path(folder)), symbols, first, scanner, history)
    finally:
        here.send("stop")
        server.join(10)


def _into_marts(paths: Paths, symbols: list[str], first: dt.date, scanner: str, history: str) -> dict[str, float]:
    venues = Venues.of(paths)
    source = TradingViewSource(venues, endpoints=Endpoints(scanner, history, scanner, scanner, scanner))
    now = dt.datetime.combine(LAST + dt.timedelta(days=1), dt.time(12))
    landing = LandingScope("bench", "landing", LAST, now, first=first, symbols=tuple(symbols), fetched_at=now)
    began = time.perf_counter()
    with Lake.open(paths) as lake:
        land_sessions(lake, ["XNYS"], first, LAST, landing)
        land_instruments(lake, source, landing)
        report = land_bars(lake, source, venues, landing)
        landed = time.perf_counter()
        write(lake, Write("scope.runs", _scope(now), mode="replace_run"), run_id="bench", step="landing")
        selected = ["--select", "tag:columns", "tag:candidates", "tag:prices", "--exclude-resource-type", "unit_test"]
        run_dbt(paths, ["build", *selected], {"run_id": "bench"}, lake=lake).require()
        (rows,) = lake.rows("select count(*) from marts.returns_daily")
    done = time.perf_counter()
    if report.failures:
        raise SystemExit(f"not answered: {report.failures}")
    return {
        "symbols": len(symbols), "bars": report.n_inserted, "returns": rows[0], "landing_s": round(landed - began, 2),
        "marts_s": round(done - landed, 2), "total_s": round(done - began, 2),
        "bars_per_s": round(report.n_inserted / (landed - began)),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }  # fmt: skip


def _scope(now: dt.datetime) -> pl.DataFrame:
    row = {
        "run_id": "bench", "profile": "bench", "source": "tradingview", "as_of": LAST, "as_of_at": now,
        "light_sessions": 60, "full_sessions": 500, "settle_minutes": 10, "max_stale_sessions": 2,
        "min_history_sessions": 60, "benchmark": "NASDAQ:B0000", "excluded_symbols": "", "strict_health": True,
        "is_simulated": True, "manifest_sha256": "0" * 64, "parent_run_id": None, "started_at": now,
    }  # fmt: skip
    return pl.DataFrame([row])


if __name__ == "__main__":
    arguments = [int(word) for word in sys.argv[1:3]]
    sys.stdout.write(json.dumps(measure(*(arguments + [400, 500][len(arguments) :]))) + "\n")
