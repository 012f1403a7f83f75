"""Make variables reach the commands, and a variable that no target reads is an error."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}
    return subprocess.run(
        ["make", "--no-print-directory", "-n", *words], cwd=ROOT, capture_output=True, text=True, check=False,
        env=kept | variables,
    )  # fmt: skip


def command(*words: str, **variables: str) -> str:
    done = make(*words, **variables)
    assert done.returncode == 0, done.stderr
    return " ".join(done.stdout.split()).partition("&& ")[2]


STAGE = ".venv/bin/lakefolio run --continue"
FETCH = (
    f"{STAGE} --set 'source.batch=5' --set data.backfill=true --set data.gap_fill=false --stop-step light-prep "
    "--set 'data.light_sessions=100'"
)
NEWEST = ".venv/bin/lakefolio run --continue --run-id 'newest'"
TUNED = "--set 'selection.top_n=3' --set 'dependence.threshold=0.4' --set flags.feat_adaptive_threshold=false"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("scan-run", ".venv/bin/lakefolio run --continue --stop-step discovery"),
        ("scan-run SCANNERS=a,b", ".venv/bin/python -m ingest scan --scanner 'a' --scanner 'b'"),
        ("data-prep-raw", ".venv/bin/lakefolio run --continue --stop-step enrichment"),
        ("data-fetch LOOKBACK=100 BATCH=5 GAPFILL=0 BACKFILL=1", FETCH),
        ("prune TOP_N=3 THRESHOLD=0.4", f"{NEWEST} {TUNED} --start-step selection --stop-step selection"),
        ("port-select RUN_ID=mine",
         ".venv/bin/lakefolio run --continue --run-id 'mine' --start-step selection --stop-step selection"),
        ("port-analyze CLUSTER=2",
         f"{NEWEST} --stop-step regime && .venv/bin/lakefolio analyze 'newest' --cluster '2'"),
        ("port-optimize", f"{NEWEST} --start-step optimize --stop-step optimize"),
        ("port-test", f"{NEWEST} --start-step tournament --stop-step tournament"),
        ("port-report", f"{NEWEST} --start-step report"),
        ("clean-run", ".venv/bin/lakefolio clean --all && .venv/bin/lakefolio run --profile 'production'"),
        ("clean RUN_ID=old", ".venv/bin/lakefolio clean --run-id 'old'"),
        ("demo TOP_N=2 LOOKBACK=300",
         ".venv/bin/lakefolio run --profile demo --set 'selection.top_n=2' --set 'data.full_sessions=300'"),
        ("data-refresh-targeted TARGETED_CANDIDATES=stale.json",
         ".venv/bin/python -m ingest refresh --candidates 'stale.json'"),
        ("accept-state", ".venv/bin/lakefolio accept 'latest'"),
    ],
)  # fmt: skip
def test_a_target_is_one_line_over_a_command(words: str, expected: str) -> None:
    assert command(*words.split()) == expected


def test_the_runbook_sets_the_forex_audit_by_the_environment() -> None:
    shown = command("forex-analyze", BACKFILL="1", GAPFILL="0", FOREX_LOOKBACK_DAYS="365")
    assert shown == ".venv/bin/lakefolio forex --lookback-days '365' --no-gap-fill"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("demo TOPN=3", "no target reads the variable TOPN; did you mean TOP_N?"),
        ("port-select THRESHHOLD=0.4", "did you mean THRESHOLD?"),
        ("demo XYZZY=1", "there are PROFILE SOURCE"),
        ("data-fetch BACKFILL=yes", "BACKFILL=yes is neither 0 nor 1"),
    ],
)
def test_a_variable_that_no_target_reads_is_an_error(words: str, message: str) -> None:
    done = make(*words.split())
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stdout == ""


def test_help_lists_every_target_under_a_heading() -> None:
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {word for line in text.splitlines() if line.startswith(".PHONY:") for word in line.split()[1:]}
    listed = {line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")}
    assert listed == targets
    assert "Portfolio, step by step" in done.stdout
