"""Check everything that a run needs, a row for each."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
from collections.abc import Callable
from datetime import date

import polars as pl

from ingest.errors import IngestError
from ingest.reference.calendars import sessions
from ingest.reference.venues import Venues
from ingest.screening.scanners import load_scanners
from lakefolio.config.manifest import json_schema, resolve
from lakefolio.errors import LakefolioError
from lakefolio.runs.environment import PACKAGES, python_is_supported
from lakehouse.connection.catalog import Lake
from lakehouse.errors import LakehouseError
from lakehouse.paths import Paths

LEAST_FREE_BYTES = 2 * 1024**3
_PROBE = date(2024, 1, 2)


def diagnose(paths: Paths, profile: str) -> pl.DataFrame:
    """Examine the home; columns what, is_fine, detail. A missing lake is made, and nothing else is changed."""
    rows = [
        ("python", python_is_supported(), platform.python_version()),
        ("packages", True, ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES[:6])),
        (
            "disk",
            shutil.disk_usage(paths.root).free > LEAST_FREE_BYTES,
            f"{shutil.disk_usage(paths.root).free >> 30} GiB free",
        ),
        _try("manifest", lambda: f"{profile}: {len(_scanner_names(paths, profile))} scanners named"),
        _try("manifest schema", lambda: f"{len(json_schema()['$defs'])} sections"),
        _try("scanners", lambda: f"{len(load_scanners(paths.configs, _scanner_names(paths, profile)))} load"),
        _try("venues", lambda: _calendars(paths)),
        _try("lake", lambda: _lake(paths)),
    ]
    return pl.DataFrame(rows, schema={"what": pl.String, "is_fine": pl.Boolean, "detail": pl.String}, orient="row")


def _try(what: str, examine: Callable[[], str]) -> tuple[str, bool, str]:
    try:
        return what, True, examine()
    except (LakefolioError, IngestError, LakehouseError) as error:
        return what, False, str(error)


def _scanner_names(paths: Paths, profile: str) -> tuple[str, ...]:
    return resolve(paths.configs / "manifest.json", profile).discovery.scanners


def _calendars(paths: Paths) -> str:
    venues = Venues.of(paths)
    for calendar in venues.calendars:
        sessions(calendar, _PROBE, _PROBE)
    return f"{len(venues.by_name)} venues on {len(venues.calendars)} calendars"


def _lake(paths: Paths) -> str:
    with Lake.open(paths) as lake:
        return f"snapshot {lake.snapshot_id()}, {len(lake.tables())} tables and views"
