"""Run dbt in process on the lake of a home: one thread, no usage statistics.

See docs/lake.md#dbt.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from lakehouse.connection.catalog import Lake, LakeSettings
from lakehouse.dbt.parse_cache import PARSED, parse_key
from lakehouse.errors import DbtError, LockHeldError
from lakehouse.paths import Paths
from lakehouse.storage.row_counts import verify_counts

if TYPE_CHECKING:
    from dbt.cli.main import dbtRunnerResult
    from dbt.contracts.graph.manifest import Manifest

DBT_LOCK = "dbt"
LOCK_SECONDS = 300.0

_DBT_LOGGER = "file_log"

_PASSED = frozenset({"success", "pass", "skipped", "warn", "no-op"})
_PARSED_FOR = frozenset({"build", "run", "test", "seed", "snapshot", "parse"})
_VIEWS = ("view", "view_in_place")
_NAMED_ROWS = 5
_TABLE_KINDS = frozenset({"model", "seed", "snapshot"})
# What these commands print is their result.
_PRINTING = (["list"], ["ls"], ["show"])
# run_dbt sets these: docs/lake.md#1 allows one thread, and the paths are those of the home.
_OWN_FLAGS = ("--threads", "--project-dir", "--profiles-dir", "--target-path", "--log-path", "--vars")


@dataclass(frozen=True, slots=True)
class DbtNode:
    """Result of one model, test, seed or snapshot.

    Attributes
    ----------
    failures : int or None
        Failing rows that a test found; None for nodes that count none.
    relation : str
        `schema.name` of the table or view that was built; for a test, of the table with the rows that fail it, where it keeps
        them.
    reads : tuple of str
        Tables that a model reads; a view counts as the tables below it.
    is_view : bool
        The model is a view, which reads its tables only when it is itself read.
    """

    name: str
    kind: str
    status: str
    seconds: float
    failures: int | None
    message: str
    relation: str = ""
    reads: tuple[str, ...] = ()
    is_view: bool = False

    @property
    def is_good(self) -> bool:
        """True unless the node failed or raised an error; warnings and skips are no failures."""
        return self.status in _PASSED


@dataclass(frozen=True, slots=True)
class DbtResult:
    """Result of one dbt call; `snapshot_id` is the newest snapshot after it."""

    success: bool
    nodes: tuple[DbtNode, ...]
    snapshot_id: int

    @property
    def failed(self) -> tuple[DbtNode, ...]:
        """Nodes that failed or raised an error."""
        return tuple(node for node in self.nodes if not node.is_good)

    def require(self) -> DbtResult:
        """Return the result, or raise a `DbtError` with the message of each failed node."""
        if self.success:
            return self
        failures = "; ".join(f"{node.name} ({node.status}): {node.message}" for node in self.failed)
        raise DbtError(
            f"dbt failed: {failures or 'no node is named; see dbt.log'}", tuple(node.name for node in self.failed)
        )


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables during one call."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _arguments(
    paths: Paths, args: Sequence[str], variables: Mapping[str, Any], project: Path, log_path: Path
) -> list[str]:
    for arg in args:
        if arg.split("=")[0] in _OWN_FLAGS:
            raise DbtError(f"{arg} is refused: run_dbt sets it (one thread, paths of this home); leave it out")
    return [
        *args,
        *("--project-dir", str(project), "--profiles-dir", str(project)),
        *("--target-path", str(paths.dbt_target), "--log-path", str(log_path)),
        *("--vars", json.dumps(dict(variables), default=str)),
        *(("--quiet",) if args[:1] in _PRINTING else ("--log-level", "none")),
        *("--log-level-file", "info", "--no-use-colors", "--no-send-anonymous-usage-stats"),
        *(("--threads", "1") if args[:1] not in (["deps"], ["clean"], ["parse"], ["list"], ["ls"]) else ()),
    ]


def _invoke(arguments: list[str], manifest: Manifest | None = None) -> dbtRunnerResult:
    # dbt takes seconds to import, and most commands never need it.
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager  # noqa: PLC0415
    from dbt.cli.main import dbtRunner  # noqa: PLC0415

    try:
        return dbtRunner(manifest).invoke(arguments)
    finally:
        # dbt-duckdb keeps its in-memory database with this lake attached, and the next call may use another home.
        DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
        _close_log_file()


def _close_log_file() -> None:
    # dbt removes its log handler without closing the file.
    logger = logging.getLogger(_DBT_LOGGER)
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()


def _nodes(outcome: dbtRunnerResult, manifest: Manifest | None) -> tuple[DbtNode, ...]:
    results = getattr(outcome.result, "results", None) or ()
    return tuple(
        DbtNode(
            name=str(result.node.name),
            kind=str(result.node.resource_type),
            status=str(result.status),
            seconds=float(result.execution_time),
            failures=result.failures,
            message=str(result.message or ""),
            relation=_relation(result.node) if _has_table(result.node) else "",
            reads=tuple(sorted(_tables_read(result.node, manifest))) if manifest and _is_model(result.node) else (),
            is_view=_is_view(result.node),
        )
        for result in results
        if hasattr(result, "node")
    )


def _relation(node: Any) -> str:
    return f"{node.schema}.{node.alias}"


def _has_table(node: Any) -> bool:
    """True for what has a table or view in the lake: models, seeds, and tests that keep the rows that fail them."""
    kind = str(node.resource_type)
    return kind in _TABLE_KINDS or (kind == "test" and bool(node.config.store_failures))


def _is_model(node: Any) -> bool:
    return str(node.resource_type) == "model"


def _is_view(node: Any) -> bool:
    return _is_model(node) and node.config.materialized in _VIEWS


def _tables_read(node: Any, manifest: Manifest) -> set[str]:
    """Tables that a node reads; a view stands for the tables below it."""
    found: set[str] = set()
    for unique_id in node.depends_on_nodes:
        if unique_id in manifest.sources:
            source = manifest.sources[unique_id]
            found.add(f"{source.schema}.{source.identifier}")
            continue
        parent = manifest.nodes[unique_id]
        found |= _tables_read(parent, manifest) if _is_view(parent) else {_relation(parent)}
    return found


def _table_names(outcome: dbtRunnerResult) -> list[str]:
    """List the tables (not views) that this call has written."""
    return [
        f"{result.node.schema}.{result.node.alias}"
        for result in getattr(outcome.result, "results", None) or ()
        if str(getattr(getattr(result, "node", None), "resource_type", "")) in _TABLE_KINDS
        and result.node.config.materialized not in (*_VIEWS, "ephemeral")
        and str(result.status) == "success"
    ]


def run_dbt(
    paths: Paths,
    args: Sequence[str],
    variables: Mapping[str, Any] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    log_path: Path | None = None,
    project: Path | None = None,
    settings: LakeSettings | None = None,
    lake: Lake | None = None,
) -> DbtResult:
    """Run dbt in this process on this home's lake.

    A `Lake` may stay open meanwhile, since dbt has its own DuckDB. Its next statement sees what dbt committed.

    Parameters
    ----------
    args : sequence of str
        The command and its selection: `["build", "--select", "marts"]`.
    variables : mapping, optional
        Values of `var(...)` in the models; the project is parsed once for each set of values.
    environment : mapping, optional
        Values of `env_var(...)` in the models, read when the models run. Not for configs, which are read at the parse.
    log_path : Path, optional
        Folder of `dbt.log`; the dbt log folder of the home by default.
    project : Path, optional
        Folder with `dbt_project.yml` and `profiles.yml`; the shipped project by default.
    lake : Lake, optional
        An open lake of this home, used to count rows; by default one is opened.

    Returns
    -------
    DbtResult
        Also when nodes failed; `result.require()` raises for these.

    Raises
    ------
    DbtError
        When dbt could not run any node: wrong arguments, a model that does not parse, no connection.
    LakeDamagedError
        When a table that dbt wrote is damaged.
    LockHeldError
        When another dbt run or maintenance held the lock for too long.
    """
    folder = project or paths.dbt_project
    if not (folder / "dbt_project.yml").is_file():
        raise DbtError(f"there is no dbt project in {folder}: dbt_project.yml is missing")
    arguments = _arguments(paths, args, variables or {}, folder, log_path or paths.dbt_logs)
    if lake is None:
        # Attaching by a dbt profile cannot create the contract tables.
        with Lake.open(paths, settings=settings) as opened:
            return run_dbt(
                paths, args, variables, environment=environment, log_path=log_path, project=project, lake=opened
            )
    try:
        variables_of_process = {**paths.environment(), **(environment or {})}
        with FileLock(paths.table_lock(DBT_LOCK), timeout=LOCK_SECONDS), _environment(variables_of_process):
            manifest = _manifest(paths, args, folder, variables or {})
            outcome = _invoke(arguments, manifest)
    except Timeout as error:
        raise LockHeldError(
            f"another dbt run held the lock of this lake for {LOCK_SECONDS:.0f} s: try again when it has ended"
        ) from error
    _raise_from(outcome, args)
    written = _table_names(outcome)
    if written:
        verify_counts(lake, written)
    nodes = tuple(_with_failing_rows(node, lake) for node in _nodes(outcome, manifest))
    return DbtResult(bool(outcome.success), nodes, lake.snapshot_id())


def _with_failing_rows(node: DbtNode, lake: Lake) -> DbtNode:
    """Add to the message of a failed test the first rows that it kept in the lake."""
    if not node.failures or not node.relation:
        return node
    rows = lake.query(f"select * from {node.relation} limit {_NAMED_ROWS}")  # noqa: S608 - dbt's own name
    named = "; ".join(
        ", ".join(f"{name} {value}" for name, value in row.items() if value is not None) for row in rows.to_dicts()
    )
    more = f" and {node.failures - rows.height} more in {node.relation}" if node.failures > rows.height else ""
    return replace(node, message=f"{named}{more}")


def _manifest(paths: Paths, args: Sequence[str], project: Path, variables: Mapping[str, Any]) -> Manifest | None:
    """Return the parsed project for commands that run nodes; other commands parse it themselves."""
    if not args or args[0] not in _PARSED_FOR:
        return None
    key = parse_key(project, variables)
    manifest = PARSED.get(key)
    if manifest is None:
        outcome = _invoke(_arguments(paths, ["parse", "--no-write-json"], variables, project, paths.dbt_logs))
        _raise_from(outcome, ["parse"])
        PARSED.put(key, outcome.result)  # type: ignore[arg-type]
        manifest = PARSED.get(key)
    return manifest


def _raise_from(outcome: dbtRunnerResult, args: Sequence[str]) -> None:
    if isinstance(outcome.exception, KeyboardInterrupt | SystemExit):
        raise outcome.exception
    if outcome.exception is not None:
        raise DbtError(f"dbt {' '.join(args)} could not run: {outcome.exception}") from outcome.exception
