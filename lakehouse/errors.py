"""What the lake refuses, and why.

LakehouseError
├── PathRefusedError          an id, symbol or name outside its whitelist, or a path that leaves its folder
├── ExtensionMissingError     a DuckDB extension whose wheel is not installed
├── LakeMissingError          a lake that was to be read, and is not there
├── LakeMismatchError         a lake whose data path or tables are not those that were asked for
├── ContractError             a frame that is not what its table's contract says
├── UnknownTableError         a table that no contract and no model names
├── ReadOnlyLakeError         a write to a lake that was opened for reading
├── WriteConflictError        a commit that did not land within its attempts
├── LakeDamagedError          a table whose rows and metadata disagree
├── LockHeldError             another process holds the lake
├── MaintenanceError          a maintenance command that failed in its own process
├── QueryRefusedError         user SQL that is not one read-only SELECT, or that DuckDB refused
├── UnhashableFrameError      a frame with a column type that has no canonical bytes
└── DbtError                  dbt could not run, or nodes of it failed
"""

from __future__ import annotations

from functools import partial
from typing import Any


class LakehouseError(Exception):
    """Root of everything that `lakehouse` raises on purpose."""


class PathRefusedError(LakehouseError):
    """An id, a symbol or a name is outside its whitelist, or a path leaves the folder it belongs to."""


class ExtensionMissingError(LakehouseError):
    """A DuckDB extension is needed and the wheel that carries it is not installed."""


class LakeMissingError(LakehouseError):
    """The lake was to be opened without being created, and there is none."""


class LakeMismatchError(LakehouseError):
    """The lake stands, but with another data path, or with a table that its contract does not allow."""


class ContractError(LakehouseError):
    """A frame does not hold to its table's contract.

    Attributes
    ----------
    table, column, key : str
        Where it fails; `column` and `key` are empty when the failure has none.
    """

    def __init__(self, table: str, what: str, *, column: str = "", key: str = "") -> None:
        self.table, self.what, self.column, self.key = table, what, column, key
        where = table + (f".{column}" if column else "") + (f" at {key}" if key else "")
        super().__init__(f"{where}: {what}")

    def __reduce__(self) -> tuple[Any, ...]:
        # An error that a worker process raises must arrive whole.
        return partial(type(self), self.table, self.what, column=self.column, key=self.key), ()


class UnknownTableError(LakehouseError):
    """A table is written that no contract describes, or read that the lake does not have."""


class ReadOnlyLakeError(LakehouseError):
    """A write was asked of a lake that was opened for reading."""


class WriteConflictError(LakehouseError):
    """A transaction met locks or conflicts at every attempt; nothing of it was written."""


class LakeDamagedError(LakehouseError):
    """Rows counted by scan and rows promised by metadata differ, or a data file cannot be read."""


class LockHeldError(LakehouseError):
    """Another process holds a lock that is needed and did not let go in time."""


class MaintenanceError(LakehouseError):
    """A maintenance command failed in the process of its own."""


class QueryRefusedError(LakehouseError):
    """User SQL was refused: not one read-only SELECT, an outside file or function, or a mistake in the SQL."""


class UnhashableFrameError(LakehouseError):
    """A frame holds a column type that has no canonical bytes."""


class DbtError(LakehouseError):
    """Dbt could not run, or some of its nodes failed.

    Attributes
    ----------
    nodes : tuple of str
        Names of the nodes that failed; empty when dbt did not get that far.
    """

    def __init__(self, message: str, nodes: tuple[str, ...] = ()) -> None:
        self.nodes = nodes
        super().__init__(message, nodes)

    def __str__(self) -> str:
        return str(self.args[0])
