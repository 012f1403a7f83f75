"""Errors of the lake, all derived from `LakehouseError`.

LakehouseError
├── PathRefusedError          an id, symbol or name of a form that is not allowed, or a path outside its folder
├── ExtensionMissingError     a DuckDB extension whose wheel is not installed
├── LakeMissingError          there is no lake to read
├── LakeMismatchError         a lake with another data path or other tables than expected
│   └── LakeVersionError      a lake of another layout than this code knows
├── ContractError             a frame that violates the contract of its table
├── UnknownTableError         a table without contract and model
├── ReadOnlyLakeError         a write to a lake opened for reading
├── WriteConflictError        a transaction that failed in all its attempts
├── LakeDamagedError          a table whose rows differ from its metadata, or a file that cannot be read
├── LockHeldError             another process holds a lock
├── MaintenanceError          a maintenance task that could not be done
├── QueryRefusedError         SQL of a user that is not one read-only SELECT, or that DuckDB refused
├── QueryLimitError           SQL of a user that takes more time or memory than it may
├── UnhashableFrameError      a frame with a column type that cannot be hashed
└── DbtError                  dbt could not run, or some nodes failed
"""

from __future__ import annotations

from functools import partial
from typing import Any


class LakehouseError(Exception):
    """Root of the errors that `lakehouse` raises."""


class PathRefusedError(LakehouseError):
    """An id, a symbol or a name has a form that is not allowed, or a path lies outside its folder."""


class ExtensionMissingError(LakehouseError):
    """A DuckDB extension is needed and its wheel is not installed."""


class LakeMissingError(LakehouseError):
    """There is no lake, and it may not be created."""


class LakeMismatchError(LakehouseError):
    """The lake records another data path, or a table differs from its contract."""


class LakeVersionError(LakeMismatchError):
    """The lake has another layout; the message says what to install, or the command that migrates it."""


class ContractError(LakehouseError):
    """A frame violates the contract of its table.

    Attributes
    ----------
    table, column, key : str
        Place of the violation; `column` and `key` are empty when it concerns the whole table.
    """

    def __init__(self, table: str, problem: str, *, column: str = "", key: str = "") -> None:
        self.table, self.problem, self.column, self.key = table, problem, column, key
        where = table + (f".{column}" if column else "") + (f" at {key}" if key else "")
        super().__init__(f"{where}: {problem}")

    def __reduce__(self) -> tuple[Any, ...]:
        # Keeps all attributes when a worker process sends the error.
        return partial(type(self), self.table, self.problem, column=self.column, key=self.key), ()


class UnknownTableError(LakehouseError):
    """A table to be written has no contract, or a table to be read does not exist."""


class ReadOnlyLakeError(LakehouseError):
    """A write to a lake that was opened for reading."""


class WriteConflictError(LakehouseError):
    """A transaction failed on locks or conflicts in all its attempts; nothing was written."""


class LakeDamagedError(LakehouseError):
    """A scan finds other rows than the metadata record, or a data file cannot be read."""


class LockHeldError(LakehouseError):
    """Another process held a required lock for too long."""


class MaintenanceError(LakehouseError):
    """A maintenance task could not be done, or its process ended without a report."""


class QueryRefusedError(LakehouseError):
    """SQL of a user was refused: not one read-only SELECT, a file or function outside the lake, or invalid SQL."""


class QueryLimitError(LakehouseError):
    """SQL of a user takes more time or memory than it may; the message names the limit."""


class UnhashableFrameError(LakehouseError):
    """A frame has a column of a type that cannot be hashed."""


class DbtError(LakehouseError):
    """Dbt could not run, or some nodes failed.

    Attributes
    ----------
    nodes : tuple of str
        Names of the failed nodes; empty when dbt ran none.
    """

    def __init__(self, message: str, nodes: tuple[str, ...] = ()) -> None:
        self.nodes = nodes
        super().__init__(message, nodes)

    def __str__(self) -> str:
        return str(self.args[0])
