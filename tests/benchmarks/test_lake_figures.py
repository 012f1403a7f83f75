"""Figures, their tables and the measurement of a process; nothing here asserts a time."""

from __future__ import annotations

import json
import resource
import sqlite3
from pathlib import Path

import pytest

from benchmarks.lake.__main__ import parse
from benchmarks.lake.figures import (
    Failure,
    Figure,
    Outcome,
    comparison_table,
    failed,
    figures_table,
    read_figures,
    steps_table,
    write_json,
)
from benchmarks.lake.landings import day_figures
from benchmarks.lake.size import LakeSize, lake_size
from benchmarks.lake.usage import measure, read_step

STEP = " 3 discovery        1,119 rows   29.1 s  119 finds of 28 scanners\n"
FIGURES = [
    Figure("run", "CPU", 91.5, "s", 90.0),
    Figure("run", "wall", 2048.0, "s"),
    Figure("demo", "wall", 30.0, "s", 30.0),
]


def cells(table: str) -> list[list[str]]:
    """Return the cells of each line, which two spaces part."""
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in table.splitlines()]


def test_the_line_of_a_step_is_read() -> None:
    assert read_step(STEP) == (3, "discovery", 1119, 29.1)
    assert read_step("12 optimize           241 rows    2.1 s") == (12, "optimize", 241, 2.1)
    assert read_step("run 20251210-production-317c45dc: profile production, as of 2025-12-10") is None


def test_a_process_is_measured_with_its_steps_and_its_own_memory() -> None:
    program = (
        "import sys, time\n"
        "spent = bytearray(150 * 2**20)\n"
        f"sys.stderr.write({STEP!r}); sys.stderr.flush(); time.sleep(0.2)\n"
        "del spent\n"
        "began = time.process_time()\n"
        "while time.process_time() - began < 0.3: pass\n"
        f"sys.stderr.write({STEP.replace(' 3 discovery', ' 4 aggregation')!r}); sys.stderr.flush(); time.sleep(0.2)\n"
        "sys.exit(3)\n"
    )
    usage = measure(["-c", program])
    assert usage.exit_code == 3
    assert [step.name for step in usage.steps] == ["discovery", "aggregation"]
    assert usage.cpu_s >= 0.3
    # Until it begins its own program, a process has the memory of the one that made it.
    assert 150.0 < usage.peak_mib < 450.0 + resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    first, second = usage.steps
    if second.cpu_s is not None:
        assert second.cpu_s >= 0.25
        assert first.peak_mib is not None
        assert first.peak_mib > 150.0
    assert usage.tail[-1].startswith(" 4 aggregation")
    assert "aggregation" in steps_table(usage)


def test_a_figure_is_met_up_to_its_target() -> None:
    assert [figure.is_met for figure in FIGURES] == [False, None, True]


def test_the_table_marks_what_is_missed_and_names_what_failed() -> None:
    head, *lines = cells(figures_table(FIGURES, [Failure("4,000 instruments", "exit 1: out of memory")]))
    assert head == ["case", "figure", "value", "unit", "target", "met"]
    assert lines[0] == ["run", "CPU", "91.5", "s", "90", "MISSED"]
    assert lines[1] == ["run", "wall", "2,048", "s", "-", "-"]
    assert lines[2] == ["demo", "wall", "30", "s", "30", "yes"]
    assert lines[3] == ["4,000 instruments: not measured, exit 1: out of memory"]


def test_two_measurements_are_compared_by_case_and_figure() -> None:
    before = [Figure("run", "CPU", 183.0, "s", 90.0), Figure("old", "CPU", 5.0, "s")]
    _, *lines = cells(comparison_table(before, FIGURES[:2]))
    assert lines == [
        ["run", "CPU", "183", "91.5", "0.50", "s", "90", "MISSED"],
        ["run", "wall", "-", "2,048", "-", "s", "-", "-"],
        ["old", "CPU", "5", "-", "-", "s", "-", "-"],
    ]


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    usage = measure(["-c", "import sys; sys.exit('no such file')"])
    outcome = Outcome(list(FIGURES), {}, [])
    outcome.add(failed("market data", usage))
    write_json(tmp_path / "bench" / "lake.json", outcome)
    content = json.loads((tmp_path / "bench" / "lake.json").read_text(encoding="utf-8"))
    assert read_figures(tmp_path / "bench" / "lake.json") == FIGURES
    assert [row["is_met"] for row in content["figures"]] == [False, None, True]
    assert content["failures"] == [{"case": "market data", "reason": "exit 1: no such file"}]
    assert content["commands"]["market data"]["exit_code"] == 1
    assert {"python", "processor", "commit", "duckdb", "cores"} <= content["machine"].keys()


def test_the_days_at_the_end_are_compared_with_the_first() -> None:
    days = [{"cpu_s": 1.0 + number, "wall_s": 2.0, "n_files": 3, "n_snapshots": 7} for number in range(40)]
    end = LakeSize({"raw": 2**20, "marts": 2**21, "results": 2**20}, 90, 80)
    values = {figure.name: figure for figure in day_figures("days", days, end)}
    assert values["landing of a day, first"].value == 5.5
    assert values["last, times the first"].value == pytest.approx(35.5 / 5.5)
    assert values["last, times the first"].is_met is False
    assert values["lake without results, times raw"].value == 3.0
    assert values["lake without results, times raw"].is_met is False
    assert [values[name].value for name in ("files, first day", "files, at the end")] == [3, 90]


def test_a_lake_is_measured_by_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LAKEFOLIO_CATALOG", "LAKEFOLIO_DATA"):
        monkeypatch.delenv(name, raising=False)
    files = tmp_path / "data" / "lakehouse" / "files"
    for name, size in (("raw/bars/a.parquet", 100), ("raw/bars/b.parquet", 50), ("marts/bars_daily/c.parquet", 30)):
        (files / name).parent.mkdir(parents=True, exist_ok=True)
        (files / name).write_bytes(b"x" * size)
    catalog = tmp_path / "data" / "lakehouse" / "catalog.sqlite"
    connection = sqlite3.connect(catalog)
    connection.execute("create table ducklake_snapshot (snapshot_id integer)")
    connection.executemany("insert into ducklake_snapshot values (?)", [(number,) for number in range(4)])
    connection.commit()
    connection.close()
    size = lake_size(tmp_path)
    assert size.bytes_of == {"catalog": catalog.stat().st_size, "marts": 30, "raw": 150}
    assert size.total == 180 + catalog.stat().st_size
    assert (size.n_files, size.n_snapshots) == (3, 4)


def test_market_data_need_the_session_of_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert str(parse(["--market", "bars.parquet", "--as-of", "2026-02-05"]).as_of) == "2026-02-05"
    assert parse([]).sizes == [250, 1000, 4000]
    with pytest.raises(SystemExit, match="2"):
        parse(["--market", "bars.parquet"])
    assert "--market and --as-of are given together" in capsys.readouterr().err
