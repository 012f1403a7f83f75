"""One home of a whole run, as a user sees it: commands, exit codes, files, and the lake through plain DuckDB SQL."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from lakefolio.cli.app import main
from lakehouse.connection.catalog import Lake, LakeSettings
from lakehouse.paths import Paths

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 600
"""After this long without an end, a process is taken to hang."""


def is_foreign(variable: str) -> bool:
    """Whether an environment variable sets another home; the cache of parsed dbt projects is shared by all."""
    return variable.startswith("LAKEFOLIO_") and variable != "LAKEFOLIO_CACHE"


@dataclass(frozen=True)
class Finished:
    """How a command ended."""

    code: int
    out: str
    err: str

    def ended(self, code: int) -> Finished:
        assert self.code == code, f"exit {self.code}, {code} expected\n{self.out[-2000:]}\n{self.err[-4000:]}"
        return self

    @property
    def document(self) -> Any:
        return json.loads(self.out)


@dataclass
class Home:
    """A home of its own and the folder in which commands are typed."""

    root: Path
    work: Path
    extensions: Path
    extra: dict[str, str] = field(default_factory=dict)
    started: list[subprocess.Popen[str]] = field(default_factory=list)
    finished: list[Finished] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not is_foreign(name)}
        own = {"PYTHONPATH": str(ROOT), "LAKEFOLIO_EXTENSIONS": str(self.extensions), "OMP_NUM_THREADS": "1"}
        return kept | own | {"PYTHONDONTWRITEBYTECODE": "1"} | self.extra

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Let this process find the home as a process of its own would."""
        before = dict(os.environ)
        foreign = [name for name in before if is_foreign(name)]
        for name in foreign:
            del os.environ[name]
        os.environ["LAKEFOLIO_EXTENSIONS"] = str(self.extensions)
        try:
            yield
        finally:
            del os.environ["LAKEFOLIO_EXTENSIONS"]
            os.environ.update({name: before[name] for name in foreign})

    def start(self, *words: str, module: str = "lakefolio") -> subprocess.Popen[str]:
        """Begin a command in a process of its own."""
        home = ["--home", str(self.root)]
        process = subprocess.Popen(
            [sys.executable, "-m", module, *((*words, *home) if module == "ingest" else (*home, *words))],
            cwd=self.work, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.started.append(process)
        return process

    def run(self, *words: str, module: str = "lakefolio") -> Finished:
        """One command in a process of its own, to its end."""
        process = self.start(*words, module=module)
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
        self.finished.append(Finished(process.returncode, out, err))
        return self.finished[-1]

    def call(self, *words: str) -> Finished:
        """One command in this process: for those that start neither dbt nor a run."""
        out, err = io.StringIO(), io.StringIO()
        with self.inside(), contextlib.chdir(self.work), redirect_stdout(out), redirect_stderr(err):
            code = main(["--home", str(self.root), *words])
        return Finished(code, out.getvalue(), err.getvalue())

    @property
    def paths(self) -> Paths:
        with self.inside():
            return Paths.at(self.root)

    def folder(self, run_id: str) -> Path:
        return self.root / "artifacts" / "summaries" / "runs" / run_id

    def ledger(self, run_id: str) -> list[dict[str, Any]]:
        """What the ledger holds, read as JSON lines and nothing more."""
        text = (self.folder(run_id) / "audit.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    def outcomes(self, run_id: str) -> dict[str, dict[str, Any]]:
        """The last outcome of each step, by step."""
        return {line["step"]: line["body"] for line in self.ledger(run_id) if line["kind"] == "outcome"}

    def hashes(self, run_id: str) -> dict[tuple[str, str], str]:
        """Content hash of every output of every step."""
        return {
            (step, name): sha256
            for step, body in self.outcomes(run_id).items()
            for name, sha256 in body["outputs"].items()
        }

    def windows(self, run_id: str) -> list[dict[str, Any]]:
        """What was decided in each window of the tournament."""
        return [line["body"] for line in self.ledger(run_id) if line["kind"] == "window"]

    def weights(self, run_id: str) -> dict[str, pl.DataFrame]:
        """The published weights, from the files."""
        return {file.stem: pl.read_csv(file) for file in sorted((self.folder(run_id) / "weights").glob("*.csv"))}

    def query(self, sql: str, *parameters: object) -> pl.DataFrame:
        with Lake.open(self.paths, settings=LakeSettings(memory_limit="1GiB", threads=1), read_only=True) as lake:
            return lake.query(sql, list(parameters))

    def change(self, sql: str) -> None:
        """Change the lake behind the system's back."""
        with Lake.open(self.paths, settings=LakeSettings(memory_limit="1GiB", threads=1)) as lake:
            lake.connection.execute(sql)

    def end_all(self) -> None:
        """Kill what still runs, by its id."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.communicate()
