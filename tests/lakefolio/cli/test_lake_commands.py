"""`lakefolio lake` shows sizes, pinned snapshots and what may go, and brings a lost lake back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lakefolio.cli.app import main
from lakehouse.connection.catalog import Lake
from lakehouse.paths import Paths

Call = Callable[..., Any]


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """A home with one pinned snapshot, and one after it in which another program changed a table."""
    home = Paths.at(tmp_path / "home")
    with Lake.open(home) as lake:
        for sql in (
            "begin",
            "insert into lake.scope.winners select 'run-a', 'TEST:' || range from range(30)",
            "call ducklake_set_commit_message('lake', 'lakefolio', 'test')",
            "commit",
        ):
            lake.rows(sql)
        record = {"kind": "pin", "body": {"snapshot": lake.snapshot_id()}}
        lake.rows("delete from lake.scope.winners")
    ledger = home.run_file("run-a", "audit.jsonl")
    ledger.parent.mkdir(parents=True)
    ledger.write_text(json.dumps(record) + "\n", encoding="utf-8")
    return home


@pytest.fixture
def call(paths: Paths, capsys: pytest.CaptureFixture[str]) -> Call:
    def run(*words: str, code: int = 0) -> Any:
        assert main(["--home", str(paths.root), "lake", *words, "--json"]) == code
        out = capsys.readouterr()
        return json.loads(out.out) if code == 0 else out.err

    return run


def test_the_status_counts_rows_pins_and_what_expire_would_free(call: Call) -> None:
    status = call()
    totals = status["Lake"][0]
    assert (totals["n_snapshots"], totals["n_pinned"], totals["n_snapshots_expirable"]) == (4, 1, 2)
    assert totals["n_bytes_expirable"] == 0
    winners = next(row for row in status["Tables"] if row["table"] == "scope.winners")
    assert (winners["n_rows"], winners["n_files"]) == (0, 1)
    assert status["Pinned_snapshots"][0]["run_id"] == "run-a"
    assert [row["table"] for row in status["Changed_by_other_programs"]] == ["scope.winners"]
    assert [row["table"] for row in call("acknowledge")] == ["scope.winners"]
    assert "Changed_by_other_programs" not in call("status")


def test_a_lost_catalog_is_restored_or_made_anew_by_command(call: Call, paths: Paths, tmp_path: Path) -> None:
    call("backup", "--to", str(tmp_path / "copy"))
    assert paths.catalog_file is not None
    paths.catalog_file.unlink()
    assert "lakefolio lake restore --from FOLDER" in call("status", code=2)
    assert "needs the folder of the backup" in call("restore", code=2)
    call("restore", "--from", str(tmp_path / "copy"))
    assert call()["Lake"][0]["n_snapshots"] == 4
    paths.catalog_file.unlink()
    call("create")
    assert call()["Lake"][0]["n_pinned"] == 0
    assert call("migrate")[0]["note"] == "nothing to do"
