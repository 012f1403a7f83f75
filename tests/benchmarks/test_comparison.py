"""Rows, refusals and files of the benchmark; nothing here asserts a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import ours, peers
from benchmarks.__main__ import THREADS, main, parse
from benchmarks.accuracy import Answer
from benchmarks.comparison import QUICK, VARIANTS, WORKS, Refusal, Row, Scale, WrongAnswerError, compare, installed
from benchmarks.growth import charge, grow
from benchmarks.inputs import Market
from benchmarks.tables import TARGETS, against_best, write_growth, write_solvers

ROOT = Path(__file__).parents[2]
TINY = Scale(sizes=(24,), sessions=120, walk_size=15, walk_windows=2, portfolios=5, metric_sessions=60, rounds=1)


def ignore_progress(_line: str) -> None:
    """Discard progress."""


def row(**changes: object) -> Row:
    base = Row("min_variance", 200, 500, 0.001, "skfolio", 0.02, 20.0, 0.001, 0.02, 20.0, (9, 9), 0.0, 1e-6)
    return replace(base, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("work", WORKS)
def test_a_right_peer_is_timed(work: str) -> None:
    names = {"right": dict(ours.WORKS)}
    outcomes = list(compare([work], TINY, names, ignore_progress))
    assert outcomes
    for outcome in outcomes:
        assert isinstance(outcome, Row)
        assert outcome.work in (*WORKS, *VARIANTS)
        assert min(outcome.ours_cpu_s, outcome.peer_cpu_s) > 0.0
        assert outcome.ratio == outcome.peer_cpu_s / outcome.ours_cpu_s


def test_a_wrong_peer_is_named_and_not_timed() -> None:
    def equal(market: Market) -> Answer:
        return np.full(market.n_instruments, 1.0 / market.n_instruments)

    (outcome,) = compare(["min_variance"], TINY, {"wrong": {"min_variance": equal}}, ignore_progress)
    assert isinstance(outcome, Refusal)
    assert outcome.peer == "wrong"
    assert "off by" in outcome.reason


def test_a_peer_that_raises_is_named_and_not_timed() -> None:
    def fails(_market: Market) -> Answer:
        raise RuntimeError("solver failed")

    (outcome,) = compare(["min_cvar"], TINY, {"fails": {"min_cvar": fails}}, ignore_progress)
    assert isinstance(outcome, Refusal)
    assert outcome.reason == "RuntimeError: solver failed"


def test_our_own_wrong_answer_ends_the_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def equal(market: Market) -> Answer:
        return np.full(market.n_instruments, 1.0 / market.n_instruments)

    monkeypatch.setattr(ours, "WORKS", {**ours.WORKS, "risk_parity": equal})
    with pytest.raises(WrongAnswerError, match="risk_parity at N = 24: ours"):
        list(compare(["risk_parity"], TINY, {}, ignore_progress))
    assert main(["--quick", "--works", "risk_parity", "--peers", "empyrical", "--out", str(tmp_path)]) == 1


def test_an_absent_peer_costs_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "PEERS", {"skfolio": "no_such_side"})
    lines: list[str] = []
    assert installed(["skfolio"], lines.append) == {}
    assert lines[0].startswith("skipped: skfolio is not installed (extra peers)")
    assert len(lines) == 1


def test_the_best_peer_sets_the_ratio_and_cvxpy_does_not() -> None:
    rows = [row(), row(peer="riskfolio", ratio=16.0), row(peer="cvxpy", ratio=3.0), row(work="metrics", n=1000)]
    first, second = against_best(rows)
    assert (first.peer, first.ratio, first.target, first.is_reached) == ("riskfolio", 16.0, 15.0, True)
    assert (second.target, second.is_reached) == (None, None)
    assert TARGETS["risk_parity", 1000] == 100.0
    assert against_best([row(ratio=14.9)])[0].is_reached is False


def test_the_tables_say_what_was_measured(tmp_path: Path) -> None:
    refusal = Refusal("max_sharpe", 1000, 500, "riskfolio", "wrong answer")
    write_solvers(tmp_path, [row(), row(work="hrp_plain"), refusal], ["skipped: quantstats is not installed"])
    content = json.loads((tmp_path / "solvers.json").read_text(encoding="utf-8"))
    (only,) = content["rows"]
    assert {"work", "n", "t", "ours_cpu_s", "peer", "peer_cpu_s", "ratio"} <= set(only)
    assert only["work"] in WORKS
    assert only["peer"] in peers.PEERS
    assert [variant["work"] for variant in content["variants"]] == ["hrp_plain"]
    assert content["refusals"][0]["reason"] == "wrong answer"
    text = (tmp_path / "solvers.md").read_text(encoding="utf-8")
    for expected in ("| min_variance | 200 | skfolio | 20.0 | 15.0 | yes |", "## Not timed", "skipped: quantstats"):
        assert expected in text


def test_growth_and_surcharges_are_written(tmp_path: Path) -> None:
    growth = list(grow((20, 40), 60, 1, ignore_progress, works=("min_variance", "clusters")))
    surcharges = list(charge((40,), 120, 1, ignore_progress, risk_profiles=("min_variance",)))
    write_growth(tmp_path, growth, surcharges)
    content = json.loads((tmp_path / "growth.json").read_text(encoding="utf-8"))
    assert {entry["n"] for entry in content["rows"]} == {20, 40}
    layers = {"two layers", "one layer", "one layer, covariance given"}
    assert {entry["layer"] for entry in content["surcharges"]} == layers
    assert (tmp_path / "growth.md").read_text(encoding="utf-8").count("\n| min_variance |") == 1


def test_the_command_pins_one_thread_and_writes_both_files(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in THREADS}
    environment["PYTHONPATH"] = str(ROOT)
    options = ["--quick", "--works", "ledoit_wolf", "--peers", "scikit_learn", "--out", str(tmp_path)]
    command = [sys.executable, "-m", "benchmarks", *options]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    content = json.loads((tmp_path / "solvers.json").read_text(encoding="utf-8"))
    assert content["environment"]["threads"] == "1"
    (only,) = content["rows"]
    assert (only["work"], only["peer"], only["n"]) == ("ledoit_wolf", "scikit_learn", QUICK.sizes[0])
    assert (tmp_path / "solvers.md").exists()


def test_an_unknown_work_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        parse(["--works", "alchemy"], WORKS)
    assert stopped.value.code == 2
    assert "alchemy" in capsys.readouterr().err
