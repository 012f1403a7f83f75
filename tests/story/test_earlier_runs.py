"""A later run on another source and date changes nothing that the reports say of an earlier run."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lakehouse.connection.catalog import Lake
from lakehouse.storage.hashing import content_hash
from tests.story.home import Home

pytestmark = pytest.mark.slow

LATER = (
    "run", "--profile", "demo", "--as-of", "2025-11-26", "--run-id", "later", "--stop-step", "optimize",
    "--set", "data.full_sessions=200", "--set", 'allocation.risk_profiles=["equal_weight"]',
)  # fmt: skip


def reported(home: Home, run_id: str) -> dict[str, tuple[str, int]]:
    """Content hash and rows of every report table and of every mart that is keyed by run, for one run."""
    found = {}
    with Lake.open(home.paths, read_only=True) as lake:
        tables = lake.rows(
            "select distinct schema_name || '.' || table_name from duckdb_columns() where database_name = 'lake' "
            "and schema_name in ('reports', 'marts') and column_name = 'run_id'"
        )
        for (table,) in tables:
            rows = lake.query(f"select * from {table} where run_id = ?", [run_id])  # noqa: S608 - names of the lake
            found[table] = (content_hash(rows), rows.height)
    return found


def test_every_report_of_a_run_is_what_it_was_after_a_run_of_another_source(
    copy_of_small: Callable[[str], Home],
) -> None:
    home = copy_of_small("memory")
    before = reported(home, "one")
    assert len([table for table in before if table.startswith("reports.")]) > 40
    assert {"marts.candidates", "marts.instruments", "marts.data_health", "marts.gap_audit"} <= before.keys()
    assert sum(rows > 0 for _, rows in before.values()) > 40
    home.run(*LATER).ended(0)
    after = reported(home, "one")
    of_scope = {"marts.returns_matrix", "marts.candidates_replayed"}
    assert {table for table in before if before[table] != after.get(table)} <= of_scope
    sources = home.query("select source, count(distinct symbol) as n from marts.bars_daily group by source")
    assert set(sources["source"]) == {"files", "sample"}
