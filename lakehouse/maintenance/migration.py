# ruff: noqa: S608 (table names are constants or come from the catalog itself)
"""Bring a lake of an older layout to the layout of this code.

See docs/lake.md#11.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from lakehouse.connection.catalog import Lake, attach, connect
from lakehouse.connection.layout import LAYOUT, check_data_path, check_layout, read_layout, record_layout
from lakehouse.errors import MaintenanceError
from lakehouse.maintenance.tasks import all_locks, maintenance_settings
from lakehouse.paths import Paths
from lakehouse.schema.tables import CONTRACTS

_BUILT_BY_DBT: Final = ("reports", "marts", "intermediate", "staging", "seeds")


@dataclass(frozen=True, slots=True)
class MigrationReport:
    """Layout before and after, runs that were copied, and what later commands cannot know of these runs."""

    layout_before: int
    layout: int
    n_runs: int
    note: str


def migrate(paths: Paths) -> MigrationReport:
    """See `commands.migrate`."""
    with all_locks(paths), ExitStack() as stack:
        connection = stack.enter_context(connect(paths, maintenance_settings()))
        attach(connection, paths, read_only=False, create=False)
        check_data_path(connection, paths, read_only=False)
        connection.execute("use lake")
        lake = Lake(connection, paths, read_only=False)
        before = read_layout(connection)
        if before >= LAYOUT:
            check_layout(connection)
            record_layout(connection)
            return MigrationReport(before, LAYOUT, 0, "nothing to do")
        return MigrationReport(before, LAYOUT, _migrate_runs(lake), _NOTE)


_NOTE: Final = (
    "marts and reports are built by the next run, and know the runs from then on; sessions, weights and trades of earlier "
    "tournaments were not recorded: results.tournament_returns keeps what was"
)


def _migrate_runs(lake: Lake) -> int:
    """Copy `results.runs`, which stays as it was signed, to `scope.runs`, and drop what dbt builds."""
    _require_equal_contracts(lake)
    connection, tables = lake.connection, set(lake.tables())
    lake.create_tables([contract for name, contract in CONTRACTS.items() if name not in tables])
    connection.execute("begin")
    with ExitStack() as undo:
        undo.callback(connection.execute, "rollback")
        columns = ", ".join(CONTRACTS["scope.runs"].names)
        connection.execute(f"insert into lake.scope.runs ({columns}) select {columns} from lake.results.runs")
        for kind in ("view", "table"):
            for (name,) in lake.rows(
                f"select schema_name || '.' || {kind}_name from duckdb_{kind}s() where database_name = 'lake' "
                "and schema_name in ?",
                [list(_BUILT_BY_DBT)],
            ):
                connection.execute(f"drop {kind} lake.{name}")
        connection.execute("call ducklake_set_commit_message('lake', 'lakefolio', 'migrate layout 1 to 2')")
        connection.execute("commit")
        undo.pop_all()
    record_layout(connection)
    return int(lake.rows("select count(*) from lake.scope.runs")[0][0])


def _require_equal_contracts(lake: Lake) -> None:
    """Refuse a lake in which a table that both layouts have is not as its contract says."""
    for name in sorted(CONTRACTS.keys() & set(lake.tables())):
        found = {str(column): str(kind) for column, kind, *_ in lake.rows(f"describe lake.{name}")}
        declared = {column.name: column.type for column in CONTRACTS[name].columns}
        if found != declared:
            raise MaintenanceError(
                f"table {name} of this lake is older than layout 1 and cannot be migrated: start a new lake "
                "(LAKEFOLIO_HOME) and land its bars again"
            )
