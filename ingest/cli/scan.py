"""The command `scan`: land bars, run scanners over them, and export what they find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import polars as pl

from ingest.cli.landing import land_market
from ingest.cli.request import Request
from ingest.landing.discovery import discover_at_source, land_scans, read_judged, read_screened, scope_writes
from ingest.landing.envelope import ScanOrigin, write_envelope
from ingest.landing.reference import instruments_of, land_instruments
from ingest.screening.predicates import evaluate, summarise
from ingest.screening.scanners import Scanner
from lakehouse.connection.catalog import Lake
from lakehouse.dbt.runner import run_dbt
from lakehouse.storage.writes import Write, write

_WINDOW_SESSIONS = 60


def scan(request: Request) -> dict[str, Any]:
    """Land bars, build the models that screen them, and export what the scanners found."""
    scanners = request.scanners
    landing = request.landing
    if not request.source.scans_from_bars:
        return {"scanners": _scan_at_source(request, scanners)}
    described = instruments_of(request.source, landing)
    with Lake.open(request.paths) as lake:
        report = land_market(request, lake, described)
        scope = scope_writes(scanners, [(landing.last, landing.as_of_at)], run_id=landing.run_id)
        run = Write("scope.runs", _scope(request), mode="replace_run")
        write(lake, [run, *scope], run_id=landing.run_id, step="scan")
    run_dbt(
        request.paths,
        ["build", "--select", "+int_scans_screened", "--exclude-resource-type", "test", "unit_test"],
        {"run_id": landing.run_id},
    ).require()
    with Lake.open(request.paths) as lake:
        found = read_screened(lake, landing.last, run_id=landing.run_id)
        judged = read_judged(lake, landing.last)
    provenance = ScanOrigin(
        landing.run_id, request.source.name, request.source.is_simulated, landing.last, landing.as_of_at
    )
    rows = []
    for scanner in scanners:
        mine = found.filter(pl.col("scanner") == scanner.name)
        evaluation = evaluate(scanner, judged)
        failed = summarise([evaluation])
        rows.append(
            {
                "scanner": scanner.name,
                "n_found": mine.height,
                "n_judged": evaluation.height,
                "most_failed": failed["reason"][0] if failed.height else None,
                "export": str(write_envelope(request.paths, scanner, mine, provenance)),
            }
        )
    return {"landing": asdict(report), "scanners": rows}


def _scan_at_source(request: Request, scanners: Sequence[Scanner]) -> list[dict[str, Any]]:
    """Run the scanners at the source itself, which needs no bars."""
    landing, source = request.landing, request.source
    found = discover_at_source(source, scanners, as_of=landing.last, as_of_at=landing.as_of_at, run_id=landing.run_id)
    with Lake.open(request.paths) as lake:
        symbols = tuple(sorted(set(found["symbol"])))
        if symbols:
            land_instruments(lake, source, replace(landing, symbols=symbols))
        land_scans(lake, found, run_id=landing.run_id, step="scan")
    provenance = ScanOrigin(landing.run_id, source.name, source.is_simulated, landing.last, landing.as_of_at)
    rows = []
    for scanner in scanners:
        mine = found.filter(pl.col("scanner") == scanner.name)
        target = write_envelope(request.paths, scanner, mine, provenance)
        rows.append({"scanner": scanner.name, "n_found": mine.height, "export": str(target)})
    return rows


def _scope(request: Request) -> pl.DataFrame:
    """Describe this scan as a run, since the marts are built for one run's source and clock."""
    landing = request.landing
    return pl.DataFrame(
        {
            "run_id": [landing.run_id],
            "parent_run_id": [None],
            "profile": ["scan"],
            "source": [request.source.name],
            "as_of": [landing.last],
            "as_of_at": [landing.as_of_at],
            "light_sessions": [_WINDOW_SESSIONS],
            "full_sessions": [_WINDOW_SESSIONS],
            "settle_minutes": [landing.settle_minutes],
            "max_stale_sessions": [2],
            "min_history_sessions": [_WINDOW_SESSIONS],
            "benchmark": [None],
            "excluded_symbols": [None],
            "strict_health": [False],
            "is_simulated": [request.source.is_simulated],
            "manifest_sha256": [None],
            "started_at": [landing.fetched_at],
        }
    )
