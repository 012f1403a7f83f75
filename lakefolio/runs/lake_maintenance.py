"""Check and maintain the lake when a run begins: rebuild or refuse what was changed by hand, and keep it small.

See docs/decisions/0011-bounded-growth.md.
"""

from __future__ import annotations

from lakefolio.audit.pinned_snapshots import pinned_snapshots
from lakefolio.errors import ForeignChangeError, LakefolioError
from lakefolio.runs.run import Run
from lakehouse.connection.catalog import Lake
from lakehouse.errors import LakehouseError
from lakehouse.maintenance import commands
from lakehouse.maintenance.routine import Limits, due
from lakehouse.maintenance.run_snapshot import MARTS_OF_RUN_IN_SCOPE
from lakehouse.storage.foreign_changes import ForeignChange, acknowledge_changes, foreign_changes
from lakehouse.storage.writes import AUTHOR

REBUILT_FACTS = ("marts.bars_daily", "marts.scanner_columns")
"""Incremental marts that the next build fills from `raw` when they are empty."""

_LIMITS = Limits()


def check_changes(run: Run) -> tuple[str, ...]:
    """Empty the marts that were changed by hand, so that this run builds them again; returns their names.

    Raises
    ------
    ForeignChangeError
        Tables of `raw`, `scope` or `results`, or marts keyed by run, were changed: nothing can build these again.
    """
    lake = _unwatched(run)
    changes = foreign_changes(lake)
    refused = [change for change in changes if change.table not in (*REBUILT_FACTS, *MARTS_OF_RUN_IN_SCOPE)]
    if refused:
        raise ForeignChangeError(
            f"another program changed {_named(refused)} of this lake: restore a backup, or take the lake as it is with "
            "`lakefolio lake acknowledge`"
        )
    emptied = [change for change in changes if change.table in REBUILT_FACTS and lake.table_exists(change.table)]
    for change in emptied:
        run.logger.warning("another program changed %s: it is built again", _named([change]))
        _empty(lake, change.table)
    if changes:
        acknowledge_changes(lake)
    return tuple(change.table for change in emptied)


def maintain_lake(run: Run) -> str:
    """Expire, merge and delete what is due, in a process of its own; returns the result in a few words, or ''.

    Another home may share a catalog that is not inside this one, and its ledgers are not known here: such a lake is left
    to `lakefolio lake expire`. Where another process writes, the next run does it.
    """
    file = run.paths.catalog_file
    if file is None or not file.is_relative_to(run.paths.root):
        return ""
    try:
        keep = pinned_snapshots(run.paths)
        if not due(_unwatched(run), keep, _LIMITS).is_enough(_LIMITS):
            return ""
        run.close()
        report = commands.maintain(run.paths, keep, _LIMITS)
    except (LakehouseError, LakefolioError) as error:
        run.logger.warning("the lake was not maintained: %s", error)
        return ""
    run.logger.info("maintained the lake: %s", report)
    return f"{report.n_expired} snapshots expired, {report.n_tables_merged} tables merged"


def _unwatched(run: Run) -> Lake:
    """The run's lake without the step's declaration: the catalog's own tables are no tables of a step."""
    return Lake(run.lake.connection, run.paths, read_only=False)


def _named(changes: list[ForeignChange]) -> str:
    return ", ".join(f"{change.table} (snapshot {change.snapshot_id})" for change in changes)


def _empty(lake: Lake, table: str) -> None:
    lake.rows("begin")
    lake.rows(f"delete from lake.{table}")  # noqa: S608  # one of REBUILT_FACTS
    lake.rows(f"call ducklake_set_commit_message('lake', '{AUTHOR}', 'empty {table}')")
    lake.rows("commit")
