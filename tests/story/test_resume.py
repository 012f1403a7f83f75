"""A run may be stopped anywhere, and goes on from there to the same end.

See docs/architecture.md#run.
"""

from __future__ import annotations

import re
import signal
import subprocess

import polars as pl
import pytest

from tests.story.conftest import SMALL
from tests.story.home import Home

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("story")]

RUN = "two"
LOOK_SECONDS = 0.02


def wait_for_intent(home: Home, process: subprocess.Popen[str], step: str, *, attempts: int) -> None:
    """Return when the ledger says for the n-th time that `step` begins, while the process still lives."""
    ledger = home.folder(RUN) / "audit.jsonl"
    while True:
        text = ledger.read_text(encoding="utf-8") if ledger.exists() else ""
        if len(re.findall(rf'"kind":"intent".*"step":"{step}"', text)) >= attempts:
            return
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=LOOK_SECONDS)


def killed_at(home: Home, step: str, *words: str, attempts: int = 1) -> None:
    """Begin with `words` and kill the process as soon as it says that it begins `step`."""
    process = home.start(*words)
    wait_for_intent(home, process, step, attempts=attempts)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL


@pytest.fixture(scope="module")
def second(small: Home) -> dict[str, object]:
    """Interrupted once, killed three times, resumed each time; in the lake in which `one` ran undisturbed."""
    told: dict[str, object] = {}
    process = small.start(*SMALL, "--run-id", RUN)
    wait_for_intent(small, process, "discovery", attempts=1)
    told["beside"] = small.call(*SMALL, "--run-id", "three")
    told["pid"] = process.pid
    process.send_signal(signal.SIGINT)
    _, told["interrupted"] = process.communicate(timeout=120)
    told["code"] = process.returncode

    resume = ("run", "--run-id", RUN, "--start-step")
    told["too early"] = small.call(*resume, "selection")
    killed_at(small, "selection", *resume, "3")
    told["unverified"] = small.call("verify", RUN)
    killed_at(small, "optimize", *resume, "selection")
    killed_at(small, "tournament", *resume, "12")
    told["end"] = small.run(*resume, "tournament", "--json")
    return told


def test_a_second_run_at_once_is_refused_and_the_holder_named(second: dict[str, object], small: Home) -> None:
    beside = second["beside"].ended(4)
    assert f"process {second['pid']}" in beside.err
    assert not small.folder("three").exists()


def test_an_interrupt_ends_with_130_and_says_how_to_go_on(second: dict[str, object]) -> None:
    assert second["code"] == 130
    assert "--start-step" in second["interrupted"]


def test_a_step_whose_predecessors_never_finished_names_the_one_to_start_from(second: dict[str, object]) -> None:
    assert "--start-step discovery" in second["too early"].ended(1).err


def test_a_killed_run_does_not_verify(second: dict[str, object]) -> None:
    assert "step 'selection' has an intent and no outcome" in second["unverified"].ended(5).err


def test_a_run_killed_and_resumed_ends_well_and_verifies(second: dict[str, object], small: Home) -> None:
    second["end"].ended(0)
    statuses = [line["body"]["status"] for line in small.ledger(RUN) if line["kind"] == "outcome"]
    assert statuses.count("interrupted") == 4
    assert small.call("verify", RUN).ended(0)


def test_a_run_killed_and_resumed_holds_the_same_weights(second: dict[str, object], small: Home) -> None:
    undisturbed, resumed = small.weights("one"), small.weights(RUN)
    assert undisturbed.keys() == resumed.keys() == {"barbell", "equal_weight", "min_variance"}
    for risk_profile, weights in undisturbed.items():
        assert weights.equals(resumed[risk_profile]), risk_profile
    orders = [pl.read_csv(small.folder(name) / "orders.csv") for name in ("one", RUN)]
    assert orders[0].equals(orders[1])


def test_every_output_has_the_hash_that_it_has_undisturbed(second: dict[str, object], small: Home) -> None:
    """Two runs from the same lake (docs/method/11-audit.md#11.4): raw, marts, results and tournament, bit by bit."""
    assert small.hashes("one") == small.hashes(RUN)
    assert len(small.hashes("one")) > 30


def test_both_runs_decided_the_same_in_every_window(second: dict[str, object], small: Home) -> None:
    n_windows = len(small.windows("one"))
    assert n_windows == 5
    # The tournament of the killed run may have been begun twice; what counts is what it ended with.
    assert small.windows("one") == small.windows(RUN)[-n_windows:]


def test_diff_finds_nothing_but_the_names_of_the_runs(second: dict[str, object], small: Home) -> None:
    assert small.call("diff", "one", RUN, "--json").ended(0).document == []


@pytest.mark.parametrize(
    ("word", "hint"),
    [("optimise", "did you mean 'optimize'?"), ("18", "`lakefolio steps` lists them"), ("tournamen", "'tournament'")],
)
def test_an_unknown_step_is_refused_with_the_nearest(small: Home, word: str, hint: str) -> None:
    refused = small.call("run", "--run-id", "one", "--start-step", word).ended(2)
    assert f"{word!r} is no step" in refused.err
    assert hint in refused.err


def test_a_start_step_without_a_run_is_refused(small: Home) -> None:
    assert "needs a run that began" in small.call("run", "--run-id", "nobody", "--start-step", "12").ended(2).err


@pytest.mark.parametrize(
    ("resumed_at", "table", "change", "start_from"),
    [
        ("tournament", "results.weights", "update results.weights set weight = 0 where risk_profile = 'barbell'", "optimize"),
        ("15", "results.tournament_returns", "delete from results.tournament_returns where \"window\" = 0", "tournament"),
        ("optimize", "results.clusters:full", "update results.clusters set cluster_id = 1 where stage = 'full'", "regime"),
        ("factors", "raw.bars", "update raw.bars set close = close * (1 + 1e-12) where session_date = '2025-12-30'", "discovery"),
        ("health", "marts.candidates", "drop table marts.candidates", "aggregation"),
    ],
)  # fmt: skip
def test_a_changed_output_names_the_step_to_start_from(
    copied: Home, resumed_at: str, table: str, change: str, start_from: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(copied.work)
    catalog = copied.root / "data" / "lakehouse" / "catalog.sqlite"
    whole = catalog.read_bytes()
    try:
        copied.change(change)
        refused = copied.call("run", "--run-id", "one", "--start-step", resumed_at).ended(1)
    finally:
        for beside in catalog.parent.glob("catalog.sqlite*"):
            beside.unlink()
        catalog.write_bytes(whole)
    what = "is gone" if change.startswith("drop") else "has changed"
    assert f"{table} {what} since step {start_from!r}: --start-step {start_from}" in refused.err
