"""Build every path of a home, and check each id before it becomes part of a path."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from lakehouse.errors import PathRefusedError

SYMBOL_PATTERN = r"^[A-Z0-9_]{1,24}:[A-Z0-9^][A-Z0-9._^!=&-]{0,39}$"
RUN_ID_PATTERN = r"^[a-z0-9][a-z0-9_-]{2,63}$"
SCANNER_PATTERN = r"^[a-z0-9][a-z0-9_]{1,63}$"
FILE_NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$"

_PACKAGES = Path(__file__).resolve().parents[1]


def _checked(value: str, pattern: str, kind: str, example: str) -> str:
    # fullmatch, because `$` would let a trailing newline through
    if re.fullmatch(pattern, value) is None or ".." in value:
        raise PathRefusedError(f"{kind} {value!r} is refused: it must match {pattern} without '..', such as {example}")
    return value


def check_symbol(symbol: str) -> str:
    """Return a symbol, `VENUE:TICKER`; `PathRefusedError` for any other form."""
    return _checked(symbol, SYMBOL_PATTERN, "symbol", "NASDAQ:AAPL")


def check_run_id(run_id: str) -> str:
    """Return a run id; `PathRefusedError` for any other form."""
    return _checked(run_id, RUN_ID_PATTERN, "run id", "demo-20251230-1a2b")


def check_scanner_name(name: str) -> str:
    """Return the name of a scanner; `PathRefusedError` for any other form."""
    return _checked(name, SCANNER_PATTERN, "scanner", "equity_trend_long")


def check_file_name(name: str) -> str:
    """Return a bare file name; `PathRefusedError` for separators, hidden names and '..'."""
    return _checked(name, FILE_NAME_PATTERN, "file name", "portfolio_report.md")


def inside(base: Path, *parts: str) -> Path:
    """Join `parts` to `base` and resolve links; `PathRefusedError` when the result is outside `base`."""
    root = base.resolve()
    target = root.joinpath(*parts).resolve()
    if target == root or not target.is_relative_to(root):
        raise PathRefusedError(f"{'/'.join(parts)!r} is refused: it is not inside {base}")
    return target


def _catalog(root: Path, given: str | None) -> str:
    """Return the attach target without the `ducklake:` prefix; relative files are under the root."""
    if not given:
        return f"sqlite:{root / 'data' / 'lakehouse' / 'catalog.sqlite'}"
    target = given.removeprefix("ducklake:")
    kind, _, rest = target.partition(":")
    if kind not in ("sqlite", "postgres", "duckdb") or not rest:
        raise PathRefusedError(
            f"LAKEFOLIO_CATALOG of kind {kind!r} is refused: give sqlite:FILE, postgres:CONNECTION or duckdb:FILE"
        )
    return target if kind == "postgres" else f"{kind}:{(root / rest).resolve()}"


def _data(root: Path, given: str | None) -> str:
    if given and "://" in given:
        return given
    return str((root / given).resolve() if given else root / "data" / "lakehouse" / "files")


def _shipped(name: str, packaged: Path) -> Path:
    """Return the folder beside the packages (a checkout), else the copy inside the installed distribution."""
    beside = _PACKAGES / name
    return beside if beside.is_dir() else packaged


def shipped_dbt_project() -> Path:
    """Return the folder of the dbt project that belongs to this code."""
    return _shipped("dbt_project", _PACKAGES / "lakehouse" / "_dbt_project")


@dataclass(frozen=True, slots=True)
class Paths:
    """Paths of one home; create them with `Paths.at`.

    Attributes
    ----------
    catalog : str
        DuckLake attach target without the `ducklake:` prefix. It may contain a password; keep it out of messages.
    data : str
        Folder or URL of the Parquet files.
    """

    root: Path
    catalog: str
    data: str
    extensions: Path
    dbt_project: Path
    configs: Path

    @classmethod
    def at(cls, root: Path | str | None = None) -> Paths:
        """Return the paths of a home: `root`, else LAKEFOLIO_HOME, else the current folder.

        LAKEFOLIO_CATALOG, LAKEFOLIO_DATA and LAKEFOLIO_EXTENSIONS move the catalog, the data and the extensions.
        """
        home = Path(root or os.environ.get("LAKEFOLIO_HOME") or Path.cwd()).expanduser().resolve()
        extensions = os.environ.get("LAKEFOLIO_EXTENSIONS")
        return cls(
            root=home,
            catalog=_catalog(home, os.environ.get("LAKEFOLIO_CATALOG")),
            data=_data(home, os.environ.get("LAKEFOLIO_DATA")),
            extensions=(home / extensions).resolve() if extensions else home / "data" / "extensions",
            dbt_project=shipped_dbt_project(),
            configs=_shipped("configs", _PACKAGES / "lakefolio" / "_configs"),
        )

    @property
    def catalog_kind(self) -> str:
        """`sqlite`, `postgres` or `duckdb`."""
        return self.catalog.partition(":")[0]

    @property
    def catalog_file(self) -> Path | None:
        """File of the catalog; None for a catalog on a server."""
        return None if self.catalog_kind == "postgres" else Path(self.catalog.partition(":")[2])

    @property
    def data_dir(self) -> Path | None:
        """Folder of the Parquet files; None when they are behind a URL."""
        return None if "://" in self.data else Path(self.data)

    @property
    def artifacts(self) -> Path:
        """Folder of the published runs."""
        return self.root / "artifacts" / "summaries"

    @property
    def latest(self) -> Path:
        """Link to the last verified run."""
        return self.artifacts / "latest"

    @property
    def ledger_keys(self) -> Path:
        """Folder of the signing key and its public key."""
        return self.root / "data" / "keys"

    @property
    def checkpoints(self) -> Path:
        """Folder of the signed checkpoints kept outside the run folders."""
        return self.root / "data" / "checkpoints"

    @property
    def state(self) -> Path:
        """Folder of the accepted holdings."""
        return self.root / "data" / "state"

    @property
    def backups(self) -> Path:
        """Folder of the lake's backups."""
        return self.root / "data" / "backups"

    @property
    def locks(self) -> Path:
        """Folder of the advisory locks of tables."""
        return self.root / "data" / "locks"

    @property
    def lock_file(self) -> Path:
        """Lock that a run holds from its first step to its last."""
        return self.locks / "run.lock"

    @property
    def dbt_target(self) -> Path:
        """Folder of the compiled files of dbt."""
        return self.root / "data" / "dbt" / "target"

    @property
    def dbt_logs(self) -> Path:
        """Folder of the dbt log when a run gives none."""
        return self.root / "data" / "dbt" / "logs"

    def run_dir(self, run_id: str) -> Path:
        """Folder of one run's artifacts."""
        return inside(self.artifacts / "runs", check_run_id(run_id))

    def run_file(self, run_id: str, *names: str) -> Path:
        """Path of one artifact of a run; each name is a bare file or folder name."""
        return inside(self.run_dir(run_id), *(check_file_name(name) for name in names))

    def export_dir(self, run_id: str) -> Path:
        """Folder of one run's scan exports."""
        return inside(self.root / "export", check_run_id(run_id))

    def export_file(self, run_id: str, scanner: str) -> Path:
        """Path of the envelope that one scanner of one run exports.

        See docs/architecture.md#run.
        """
        return self.export_dir(run_id) / f"universe_selector_{check_scanner_name(scanner)}.json"

    def table_lock(self, table: str) -> Path:
        """Path of the advisory lock of one table."""
        return inside(self.locks, check_file_name(f"table.{table}.lock"))

    def environment(self) -> dict[str, str]:
        """Return the environment variables that point dbt or another process to this home."""
        return {
            "LAKEFOLIO_HOME": str(self.root),
            "LAKEFOLIO_CATALOG": self.catalog,
            "LAKEFOLIO_DATA": self.data,
            "LAKEFOLIO_EXTENSIONS": str(self.extensions),
        }
