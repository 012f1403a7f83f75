"""Describe what a run depends on: interpreter, packages, code, configuration.

See docs/method/11-audit.md#11.2.
"""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

from lakefolio.config.engine_plugins import plugin_packages
from lakefolio.runs.run import Run
from lakehouse.storage.hashing import file_hash

PACKAGES = (
    "duckdb", "duckdb-extension-ducklake", "duckdb-extension-sqlite-scanner", "dbt-core", "dbt-duckdb", "polars",
    "pyarrow", "numpy", "scipy", "piqp", "exchange-calendars", "pydantic", "cryptography",
)  # fmt: skip


def describe_environment(run: Run) -> dict[str, Any]:
    """Facts that the ledger records when a run begins; no path of the machine is among them."""
    return {
        "profile": run.profile,
        "parent": run.parent_run_id,
        "as_of": run.as_of_text,
        "as_of_at": run.as_of_at.isoformat(),
        "source": run.source_name,
        "is_simulated": run.source.is_simulated,
        "scans_from_bars": run.source.scans_from_bars,
        "random_seed": run.settings.random_seed,
        "manifest_sha256": run.manifest_sha256,
        "python": platform.python_version(),
        "platform": f"{platform.system()}-{platform.machine()}",
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES}
        | plugin_packages(run.settings.tournament.engines),
        "code_revision": code_revision(),
        "seed_files": {path.name: file_hash(path) for path in sorted((run.paths.dbt_project / "seeds").glob("*.csv"))},
    }


def code_revision() -> str:
    """The commit that the packages come from, with `+changed` where files differ from it; the version when installed."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return f"lakefolio {importlib.metadata.version('lakefolio')}"
    try:
        head = _git(root, "rev-parse", "HEAD")
        changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return f"lakefolio {importlib.metadata.version('lakefolio')}, revision unknown"
    return head + ("+changed" if changed else "")


def python_is_supported() -> bool:
    """Tell whether the lock was resolved for this interpreter."""
    return (3, 11) <= sys.version_info[:2] < (3, 14)


def _git(root: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603, S607
