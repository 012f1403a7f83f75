"""Hash the tables that a step wrote.

See docs/method/11-audit.md#11.2.

A table of `results` is hashed over this run's rows; `raw` and `marts` over the rows within the run's clock and source.
Volatile columns (times and durations) are left out, so that equal data have equal hashes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from lakehouse.connection.catalog import Lake
from lakehouse.schema.tables import CONTRACTS
from lakehouse.storage.hashing import content_hash

# Timestamps of arrival differ between two landings of the same bars.
_VOLATILE = ("run_id", "first_seen_at", "fetched_at", "valid_from", "scanned_at")


class Scope(Protocol):
    """The part of a run that says which rows are its own."""

    @property
    def run_id(self) -> str:
        """Id of the run."""
        ...

    @property
    def source_name(self) -> str:
        """Name of the source in the `raw` tables."""
        ...

    @property
    def as_of_text(self) -> str:
        """Session of the run, ISO."""
        ...


@dataclass(frozen=True, slots=True)
class RecordedScope:
    """The scope of a run that is over, from its ledger."""

    run_id: str
    source_name: str
    as_of_text: str


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """One output: its name, content hash and rows."""

    name: str
    sha256: str
    rows: int


def measure(lake: Lake, name: str, scope: Scope) -> Fingerprint | None:
    """Hash one table as the run sees it; None where it does not exist.

    `table:stage` names the rows of one stage, where a table holds several (`results.health:light`).
    """
    table, _, stage = name.partition(":")
    if table not in lake.tables():
        return None
    contract = CONTRACTS.get(table)
    if contract is None:
        held = _column_names(lake, table)
        lasting = ", ".join(f'"{column}"' for column in held if column not in _VOLATILE)
        of_run, run_id = (" where run_id = ?", [scope.run_id]) if "run_id" in held else ("", [])
        frame = lake.query(f"select {lasting} from {table}{of_run}", run_id)  # noqa: S608 - names are the code's own
        return Fingerprint(name, content_hash(frame), frame.height)
    columns = ", ".join(f'"{column}"' for column in contract.hashed_columns)
    parameters: list[object]
    if "run_id" in contract.names:
        condition, parameters = "run_id = ?", [scope.run_id]
    elif table == "raw.bars":
        condition, parameters = "source = ? and session_date <= ?", [scope.source_name, scope.as_of_text]
    else:
        condition, parameters = "source = ?", [scope.source_name]
    if stage:
        condition, parameters = f"{condition} and {stage_column(table)} = ?", [*parameters, stage]
    frame = lake.query(f"select {columns} from {table} where {condition}", parameters)  # noqa: S608 - as above
    return Fingerprint(name, content_hash(frame), frame.height)


def stage_column(table: str) -> str:
    """Name the column that `table:stage` selects by."""
    return "purpose" if "purpose" in CONTRACTS[table].names else "stage"


def hash_of(lake: Lake, name: str, scope: Scope) -> str | None:
    """Content hash of one table as a run sees it; None where it does not exist."""
    output = measure(lake, name, scope)
    return output.sha256 if output is not None else None


def _column_names(lake: Lake, name: str) -> list[str]:
    schema, table = name.split(".")
    held = lake.rows(
        "select column_name from duckdb_columns() where database_name = 'lake' and schema_name = ? and table_name = ?",
        [schema, table],
    )
    return [str(column) for (column,) in held]
