from __future__ import annotations

import datetime as dt

import polars as pl

from ingest.landing.discovery import land_scans, scope_writes, session_rows
from ingest.reference.calendars import as_of_clock
from ingest.screening.predicates import scan_from_columns
from ingest.screening.scanners import Scanner
from lakehouse.connection.catalog import Lake
from lakehouse.storage.writes import Write, write

FRIDAY, SUNDAY = dt.date(2024, 3, 8), dt.date(2024, 3, 10)


def test_a_run_asks_for_its_scanners_and_its_session(lake: Lake) -> None:
    momentum = Scanner(
        name="momentum", title="M", direction="SHORT", strategy="price_momentum", asset_classes=("equity",), limit=7
    )
    for scanners in ((momentum, momentum.model_copy(update={"name": "other"})), (momentum,)):
        write(
            lake, scope_writes(scanners, [(SUNDAY, as_of_clock(SUNDAY))], run_id="run-1"), run_id="run-1", step="scan"
        )
    assert lake.rows("select scanner, direction, row_limit, universe, size_limit from scope.scanners") == [
        ("momentum", "SHORT", 7, "asset_class in ('equity')", None)
    ]
    write(
        lake,
        Write("scope.sessions", session_rows([(FRIDAY, as_of_clock(FRIDAY))], "replay", "run-1"), mode="replace_run",
              keys={"purpose": "replay"}),
        run_id="run-1", step="tournament",
    )  # fmt: skip
    assert lake.rows("select purpose, session_date, decided_at from scope.sessions order by all") == [
        ("discovery", SUNDAY, as_of_clock(SUNDAY)), ("replay", FRIDAY, as_of_clock(FRIDAY)),
    ]  # fmt: skip


def test_scans_of_a_run_replace_each_other(lake: Lake) -> None:
    columns = pl.DataFrame(
        {
            "symbol": ["NYSE:A", "NYSE:B"],
            "session_date": [FRIDAY] * 2,
            "asset_class": ["equity"] * 2,
            "product": ["cash"] * 2,
            "venue": ["NYSE"] * 2,
            **{name: [9.0, 9.0] for name in ("perf_w", "perf_1m", "perf_3m")},
        }
    )
    momentum = Scanner(
        name="momentum", title="M", direction="LONG", strategy="price_momentum", asset_classes=("equity",)
    )
    for n_rows in (2, 1):
        scans = scan_from_columns(
            momentum, columns.head(n_rows), source="s", run_id="run-1", scanned_at=as_of_clock(SUNDAY)
        )
        land_scans(lake, scans, run_id="run-1", step="discovery")
    assert lake.read("raw.scans")["symbol"].to_list() == ["NYSE:A"]
