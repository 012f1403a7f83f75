"""Build a small lake with the dbt project: real calendars, one fault of each kind, and the scans of one run.

All lakes are copies of one in which every model was built without rows, so seeds and views are made once.
"""

from __future__ import annotations

import datetime as dt
import gc
import math
import os
import random
import shutil
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import exchange_calendars
import polars as pl
import pytest
from dbt_common.events.event_manager_client import get_event_manager

from lakehouse.connection.catalog import Lake, LakeSettings
from lakehouse.dbt.runner import DbtResult, run_dbt
from lakehouse.paths import Paths
from lakehouse.schema.tables import CONTRACTS
from lakehouse.storage.writes import Mode, Write, write

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = LakeSettings(memory_limit="1GB", threads=1)
AS_OF = dt.date(2026, 1, 15)
FIRST = dt.date(2025, 8, 1)
NOW = dt.datetime(2026, 2, 1, 12, 0, 0)  # noqa: DTZ001 - the lake's timestamps are naive UTC
TYPES = {
    "VARCHAR": pl.String,
    "DATE": pl.Date,
    "TIMESTAMP": pl.Datetime("us"),
    "DOUBLE": pl.Float64,
    "BIGINT": pl.Int64,
    "BOOLEAN": pl.Boolean,
}
# symbol: (asset class, product, calendar); the venue and the ticker are the two halves of the symbol.
LISTINGS = {
    "US:AAA": ("equity", "cash", "XNYS"),
    "US:GAPPY": ("equity", "cash", "XNYS"),
    "US:LATE": ("equity", "cash", "XNYS"),
    "US:DEAD": ("equity", "cash", "XNYS"),
    "US:BAD": ("equity", "cash", "XNYS"),
    "US:GONE": ("equity", "cash", "XNYS"),
    "US:SPY": ("etf", "cash", "XNYS"),
    "CBOE:^VIX": ("index", "index", "XNYS"),
    "BINANCE:BTCUSDT": ("crypto", "spot", "24/7"),
    "BINANCE_USDM:BTCUSDT.P": ("crypto", "perp", "24/7"),
    "YAHOO_FX:EURUSD": ("fx", "spot", "24/5"),
}
GAPS = {
    ("US:GAPPY", dt.date(2026, 1, 7)),
    ("US:BAD", dt.date(2026, 1, 8)),
    ("BINANCE:BTCUSDT", dt.date(2026, 1, 10)),
}
LAST_BAR_OF_DEAD = dt.date(2025, 12, 15)
FIRST_BAR_OF_LATE = dt.date(2026, 1, 5)


def frame_of(table: str, rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """Return a frame with the columns of the contract; values that a row does not give are NULL."""
    schema = {column.name: TYPES[column.type] for column in CONTRACTS[table].columns}
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema)


def sessions_of(calendar: str) -> list[dict[str, Any]]:
    with warnings.catch_warnings():
        # exchange_calendars uses a pandas feature that pandas 4 removes.
        warnings.simplefilter("ignore", DeprecationWarning)
        found = exchange_calendars.get_calendar(calendar, start="2025-01-01", end="2026-02-27")
    return [
        {
            "calendar": calendar,
            "session_date": day.date(),
            "opens_at": found.session_open(day).tz_localize(None).to_pydatetime(),
            "closes_at": found.session_close(day).tz_localize(None).to_pydatetime(),
        }
        for day in found.sessions_in_range("2025-08-01", "2026-02-20")
    ]


def instrument_row(symbol: str, asset_class: str, product: str, **known: object) -> dict[str, Any]:
    venue, ticker = symbol.split(":", 1)
    at = dt.datetime(2025, 1, 1)  # noqa: DTZ001
    return {
        "symbol": symbol,
        "source": "files",
        "venue": venue,
        "ticker": ticker,
        "asset_class": asset_class,
        "product": product,
        "is_close_only": asset_class == "fx",
        "content_hash": symbol,
        "valid_from": at,
        **known,
    }


def bar_rows(symbol: str, days: list[dt.date], noise_after: dt.date) -> list[dict[str, Any]]:
    """Return a random walk by symbol and day; bars after `noise_after` use another seed."""
    asset_class = LISTINGS[symbol][0]
    close, rows = 100.0, []
    for day in days:
        draw = random.Random(f"{symbol} {day} {'noise' if day > noise_after else ''}")  # noqa: S311 - prices, not keys
        opened, close = close, close * math.exp(draw.gauss(0.0, 0.02))
        has_range = asset_class != "fx"
        rows.append(
            {
                "symbol": symbol,
                "interval": "1d",
                "session_date": day,
                "source": "files",
                "open": opened if has_range else None,
                "high": max(opened, close) * (1 + draw.random() / 100) if has_range else None,
                "low": min(opened, close) * (1 - draw.random() / 100) if has_range else None,
                "close": close,
                "volume": draw.uniform(1e5, 2e5) if has_range else 0.0,
                "adj_close": close * 0.9 if asset_class == "equity" else None,
                "is_close_only": not has_range,
                "is_final": True,
                "fetched_at": NOW,
                "first_seen_at": NOW,
            }
        )
    return rows


def traded(symbol: str, days: list[dt.date]) -> list[dt.date]:
    """Return the sessions on which a symbol has a bar."""
    if symbol == "US:GONE":
        return []
    kept = [day for day in days if (symbol, day) not in GAPS]
    if symbol == "US:DEAD":
        kept = [day for day in kept if day <= LAST_BAR_OF_DEAD]
    if symbol == "US:LATE":
        kept = [day for day in kept if day >= FIRST_BAR_OF_LATE]
    return kept


def scan_row(scanner: str, symbol: str, direction: str, **columns: object) -> dict[str, Any]:
    asset_class, product, _ = LISTINGS[symbol]
    return {
        "run_id": "run-a",
        "scanner": scanner,
        "symbol": symbol,
        "session_date": AS_OF,
        "source": "files",
        "asset_class": asset_class,
        "product": product,
        "direction": direction,
        "strategy": "trend_momentum",
        "scanned_at": NOW,
        "volume": 10.0,
        **columns,
    }


def scan_rows() -> list[dict[str, Any]]:
    coin = {"adx": 25.0, "volatility_d": 4.0, "perf_3m": 10.0, "perf_6m": 20.0}
    return [
        scan_row("crypto_long", "BINANCE:BTCUSDT", "LONG", value_traded_usd=2e8, close=5.0, **coin),
        scan_row("perp_long", "BINANCE_USDM:BTCUSDT.P", "LONG", value_traded_usd=7e8, close=6.0, **coin),
        scan_row("up", "US:AAA", "LONG", value_traded_usd=1e8, adx=30.0, perf_3m=4.0, perf_6m=None, volatility_d=1.0),
        scan_row(
            "down", "US:AAA", "SHORT", value_traded_usd=1e8, adx=30.0, perf_3m=4.0, perf_6m=None, volatility_d=1.0
        ),
        scan_row("up", "US:SPY", "LONG", value_traded_usd=1e9, adx=30.0, perf_3m=4.0),
        scan_row("fx_long", "YAHOO_FX:EURUSD", "LONG", perf_3m=2.5, perf_6m=2.5),
    ]


def session_rows() -> list[dict[str, Any]]:
    """The run decides at its own session."""
    decided_at = dt.datetime.combine(AS_OF + dt.timedelta(days=1), dt.time(0, 10))
    return [{"run_id": "run-a", "purpose": "discovery", "session_date": AS_OF, "decided_at": decided_at}]


def run_row(run_id: str = "run-a", **known: object) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "profile": "test",
        "source": "files",
        "as_of": AS_OF,
        "as_of_at": dt.datetime(2026, 1, 16, 0, 10),  # noqa: DTZ001
        "light_sessions": 20,
        "full_sessions": 60,
        "settle_minutes": 10,
        "max_stale_sessions": 2,
        "min_history_sessions": 20,
        "benchmark": "AMEX:SPY",
        "strict_health": True,
        "is_simulated": True,
        "started_at": NOW,
        **known,
    }


def land(paths: Paths, frames: Mapping[str, pl.DataFrame], mode: Mode = "append") -> None:
    with Lake.open(paths, settings=SETTINGS) as lake:
        write(lake, [Write(table, frame, mode) for table, frame in frames.items()], run_id="run-a", step="test")


def market(noise_after: dt.date) -> dict[str, pl.DataFrame]:
    calendars = sorted({calendar for _, _, calendar in LISTINGS.values()})
    sessions = {calendar: sessions_of(calendar) for calendar in calendars}
    days = {calendar: [row["session_date"] for row in rows] for calendar, rows in sessions.items()}
    bars = [
        row
        for symbol, (_, _, calendar) in LISTINGS.items()
        for row in bar_rows(symbol, traded(symbol, days[calendar]), noise_after)
    ]
    refused = {"fetch_id": "f", "source": "files", "interval": "1d", "fetched_at": NOW}
    return {
        "raw.sessions": frame_of("raw.sessions", [row for rows in sessions.values() for row in rows]),
        "raw.instruments": frame_of(
            "raw.instruments", [instrument_row(symbol, *listing[:2]) for symbol, listing in LISTINGS.items()]
        ),
        "raw.bars": frame_of("raw.bars", bars),
        "raw.quarantine": frame_of(
            "raw.quarantine",
            [{**refused, "symbol": "US:BAD", "session_date": dt.date(2026, 1, 8), "reason": "not_positive"}],
        ),
        "raw.scans": frame_of("raw.scans", scan_rows()),
        "scope.sessions": frame_of("scope.sessions", session_rows()),
        "scope.runs": frame_of("scope.runs", [run_row()]),
    }


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Paths]:
    """Return the paths of a new home."""
    base = tmp_path_factory.mktemp("homes")

    def make(name: str) -> Paths:
        with pytest.MonkeyPatch.context() as patch:
            for variable in ("LAKEFOLIO_HOME", "LAKEFOLIO_CATALOG", "LAKEFOLIO_DATA"):
                patch.delenv(variable, raising=False)
            return Paths.at(base / name)

    return make


@pytest.fixture(scope="session")
def dbt() -> Callable[..., DbtResult]:
    """Run dbt on a home, and close the log file and the event loop that dbt leaves open.

    The project is parsed once for each set of variables, so all calls but the strict one share their variables.
    """

    def run(paths: Paths, *args: str, run_id: str = "", strict_health: bool = False) -> DbtResult:
        with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            patch.setenv("LAKEFOLIO_MEMORY_LIMIT", "1GiB")
            try:
                return run_dbt(
                    paths,
                    list(args),
                    {"strict_health": strict_health},
                    environment={"LAKEFOLIO_RUN_ID": run_id},
                    settings=SETTINGS,
                )
            finally:
                for log in get_event_manager().loggers:
                    for handler in getattr(getattr(log, "_python_logger", None), "handlers", ()):
                        handler.close()
                gc.collect()

    return run


@pytest.fixture(scope="session")
def empty(homes: Callable[[str], Paths], dbt: Callable[..., DbtResult]) -> Paths:
    """A lake in which all models were built without a single row."""
    paths = homes("empty")
    dbt(paths, "build", "--exclude", "tag:reports", "test_type:unit", "test_type:generic,path:models").require()
    return paths


@pytest.fixture(scope="session")
def copy_of(homes: Callable[[str], Paths]) -> Callable[[Paths, str], Paths]:
    """Copy the lake of a home to a new home."""

    def copy(source: Paths, name: str) -> Paths:
        paths = homes(name)
        assert paths.catalog_file is not None
        assert paths.data_dir is not None
        shutil.copytree(source.root / "data" / "lakehouse", paths.root / "data" / "lakehouse")
        return paths

    return copy


@pytest.fixture(scope="session")
def built(empty: Paths, copy_of: Callable[[Paths, str], Paths], dbt: Callable[..., DbtResult]) -> Paths:
    """The small lake after a build of all models, with data tests and unit tests."""
    paths = copy_of(empty, "built")
    land(paths, market(noise_after=dt.date.max))
    dbt(paths, "build", "--exclude", "tag:reports", "resource_type:seed").require()
    return paths


@pytest.fixture(scope="session")
def lake(built: Paths) -> Iterator[Lake]:
    """The small lake, opened for reading."""
    with Lake.open(built, settings=SETTINGS, read_only=True) as opened:
        yield opened


@pytest.fixture(scope="session")
def real_market() -> Path:
    """Return the market file beside the project; skip the test when it is missing."""
    given = os.environ.get("LAKEFOLIO_REAL_DATA")
    path = (Path(given) if given else ROOT.parent / "shared" / "data") / "market.parquet"
    if not path.is_file():
        pytest.skip(f"real market data is absent: no {path}")
    return path


@pytest.fixture(scope="session")
def kit() -> dict[str, Any]:
    """Give the tests access to this file, since test folders are not packages."""
    return {
        "SETTINGS": SETTINGS,
        "AS_OF": AS_OF,
        "GAPS": GAPS,
        "LISTINGS": LISTINGS,
        "frame_of": frame_of,
        "instrument_row": instrument_row,
        "run_row": run_row,
        "scan_row": scan_row,
        "sessions_of": sessions_of,
        "land": land,
        "market": market,
    }
