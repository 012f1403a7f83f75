"""A run may be stopped anywhere, and goes on from there to the same end.

See docs/architecture.md#run.
"""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from ingest.sources.sample.universe import SAMPLE_AS_OF
from tests.story.conftest import SMALL, CopyHome, with_future_noise
from tests.story.home import Home

pytestmark = pytest.mark.slow

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
def second(small: Home, market: pl.DataFrame) -> dict[str, object]:
    """Interrupted once, killed three times, resumed each time; in the lake in which `one` ran undisturbed.

    The file has another future by then: every bar after the session of the runs is another one.
    """
    told: dict[str, object] = {}
    with_future_noise(market, SAMPLE_AS_OF).write_parquet(small.work / "market.parquet")
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
    market.write_parquet(small.work / "market.parquet")
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
    """Two runs from the same lake (docs/method/11-audit.md#11.4): raw, marts, results and tournament, bit by bit.

    A step that read a bar after the session would have other outputs, since the second run had other bars there.
    """
    assert small.hashes("one") == small.hashes(RUN)
    assert len(small.hashes("one")) > 30


def test_both_runs_decided_the_same_in_every_window(second: dict[str, object], small: Home) -> None:
    n_windows = len(small.windows("one"))
    assert n_windows == 5
    # The tournament of the killed run may have been begun twice; what counts is what it ended with.
    assert small.windows("one") == small.windows(RUN)[-n_windows:]


def test_diff_finds_nothing_but_the_names_of_the_runs(second: dict[str, object], small: Home) -> None:
    assert small.call("diff", "one", RUN, "--json").ended(0).document == []
    assert "Tournament trades: the same." in small.call("diff", "one", RUN).ended(0).out


@pytest.mark.parametrize(
    ("word", "hint"),
    [("optimise", "did you mean 'optimize'?"), ("18", "`lakefolio steps` lists them"), ("tournamen", "'tournament'")],
)
def test_an_unknown_step_is_refused_with_the_nearest(small: Home, word: str, hint: str) -> None:
    refused = small.call("run", "--run-id", "one", "--start-step", word).ended(2)
    assert f"{word!r} is no step" in refused.err
    assert hint in refused.err


def test_a_start_step_of_a_run_that_is_not_there_is_refused(small: Home, new_home: Callable[..., Home]) -> None:
    assert "there is no run 'nobody'" in small.call("run", "--run-id", "nobody", "--start-step", "12").ended(2).err
    nowhere = new_home("nowhere").call("run", "--start-step", "optimize").ended(2)
    assert "there is no run here yet" in nowhere.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--start-step", "factors", "--set", "selection.top_n=2"],
         "selection.top_n is read by step 7 selection: use --start-step selection"),
        (["--start-step", "optimize", "--as-of", "2025-12-29"],
         "--as-of is read by step 3 discovery: use --start-step discovery"),
        (["--start-step", "optimize", "--source", "sample"], "use --start-step discovery"),
        (["--start-step", "optimize", "--profile", "development"], "is read by step"),
        (["--start-step", "verify", "--set", "lake.threads=2"], "use --start-step report"),
        (["--start-step", "optimize", "--set", "allocation.capp=0.3"], "did you mean 'allocation.cap'?"),
        (["--start-step", "optimize", "--set", "allocation.cap"], "give KEY=VALUE"),
        (["--start-step", "optimize", "--set", "a.b=1", "--set", "a.b.c=2"], "contradicts --set a.b"),
        (["--continue", "--stop-step", "selection", "--set", "tournament.slippage_bps=9"],
         "tournament.slippage_bps is read by step 12 optimize, after --stop-step selection"),
    ],
)  # fmt: skip
def test_a_setting_that_an_earlier_step_read_is_refused_by_name(
    small: Home, words: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(small.work)
    before = {path.name for path in (small.root / "artifacts" / "summaries" / "runs").iterdir()}
    assert message in small.call("run", "--run-id", "one", *words).ended(2).err
    assert {path.name for path in (small.root / "artifacts" / "summaries" / "runs").iterdir()} == before


@pytest.fixture(scope="module")
def children(copied: Home) -> dict[str, str]:
    """Ids of `one` and of its line: a child of fewer winners, its child of another cap, and that one's of other costs."""
    made = {"parent": "one"}
    for name, words in {
        "winners": ("--run-id", "one", "--start-step", "selection", "--set", "selection.top_n=2"),
        "cap": ("--start-step", "optimize", "--set", "allocation.cap=0.4", "--stop-step", "optimize"),
        "costs": ("--continue", "--set", "tournament.borrow_rate_annual=0.09", "--stop-step", "tournament"),
    }.items():
        made[name] = str(copied.run("run", *words, "--json").ended(0).document["run_id"])
    return made


def test_a_changed_setting_makes_a_child_of_the_named_or_the_newest_run(children: dict[str, str], copied: Home) -> None:
    assert len(set(children.values())) == 4
    parents = dict(copied.query("select run_id, parent_run_id from scope.runs").iter_rows())
    assert parents["one"] is None
    assert parents[children["winners"]] == "one"
    assert parents[children["cap"]] == children["winners"]
    assert parents[children["costs"]] == children["cap"]
    environment = next(line["body"] for line in copied.ledger(children["cap"]) if line["kind"] == "environment")
    assert environment["parent"] == children["winners"]


def test_a_child_reuses_the_hashed_steps_before_its_first(children: dict[str, str], copied: Home) -> None:
    parent, child = copied.outcomes("one"), copied.outcomes(children["winners"])
    for step in ("discovery", "aggregation", "enrichment", "light-prep"):
        assert child[step]["outputs"] == parent[step]["outputs"]
        assert child[step]["reused_from"] == "one"
    assert "reused_from" not in child["selection"]
    assert child["selection"]["outputs"] != parent["selection"]["outputs"]
    statuses = copied.query("select step, status from results.steps where run_id = ?", children["winners"])
    assert dict(statuses.iter_rows())["discovery"] == "reused"
    held = copied.query(
        "select run_id, count(*) as n from results.health where stage = 'light' and run_id in ('one', ?) group by run_id",
        children["winners"],
    )
    assert held.height == 2
    assert held["n"].n_unique() == 1


def test_a_child_applies_its_setting(children: dict[str, str], copied: Home) -> None:
    most = dict(
        copied.query(
            "select run_id, max(n) as most from (select run_id, cluster_id, direction, count(*) as n from "
            "results.selection where is_selected group by all) group by run_id"
        ).iter_rows()
    )
    assert (most[children["winners"]], most["one"]) == (2, 3)
    caps = dict(copied.query("select run_id, max(cap) as cap from results.cluster_weights group by run_id").iter_rows())
    assert (caps[children["cap"]], caps[children["winners"]]) == (0.4, 0.25)


def test_a_continued_run_begins_at_the_first_step_that_is_unfinished_or_reads_a_change(
    children: dict[str, str], copied: Home
) -> None:
    costs = copied.outcomes(children["costs"])
    assert costs["optimize"]["reused_from"] == children["cap"]
    assert "reused_from" not in costs["tournament"]
    performed = [
        line["at"] for line in copied.ledger(children["cap"]) if (line["kind"], line["step"]) == ("outcome", "optimize")
    ]
    assert [costs["optimize"]["performed_at"]] == performed
    hashes = copied.query(
        "select distinct inputs_sha256, outputs_sha256 from results.steps where step = 'optimize' and run_id in (?, ?)",
        children["cap"], children["costs"],
    )  # fmt: skip
    assert hashes.height == 1


def test_a_whole_child_verifies_and_can_be_compared(children: dict[str, str], copied: Home) -> None:
    child = children["winners"]
    copied.call("verify", child).ended(0)
    copied.call("audit", child).ended(0)
    different = copied.call("diff", "one", child, "--json").ended(0).document
    settings = [row for row in different if row["what"] == "setting"]
    assert [(row["name"], row["left"], row["right"]) for row in settings] == [("selection.top_n", "3", "2")]
    assert {"tournament weights", "tournament trades", "tournament sessions"} <= {row["what"] for row in different}
    said = copied.call("diff", "one", child).ended(0).out
    assert "Settings: selection.top_n is 3 on the left and 2 on the right." in said


def test_a_child_of_a_child_is_reproduced_up_to_its_last_step(children: dict[str, str], copied: Home) -> None:
    """All before its only own step it took from its parent, and that one most of it from `one`."""
    compared = copied.run("reproduce", children["cap"], "--json").ended(0).document
    assert {row["name"] for row in compared} == {name for _, name in copied.hashes(children["cap"])}
    assert "results.weights" in {row["name"] for row in compared}
    assert all(row["is_equal"] for row in compared)


def test_continuing_a_finished_run_leaves_nothing_to_do(children: dict[str, str], copied: Home) -> None:
    child = children["winners"]
    before = copied.ledger(child)
    ended = copied.call("run", "--continue", "--run-id", child, "--stop-step", "audit").ended(0)
    assert "nothing to do: step audit is finished" in ended.err
    assert copied.ledger(child) == before


@pytest.mark.parametrize(
    ("resumed_at", "table", "change", "start_from"),
    [
        ("tournament", "results.weights", "update results.weights set weight = 0 where risk_profile = 'barbell'", "optimize"),
        ("15", "results.tournament_trades", "delete from results.tournament_trades where \"window\" = 0", "tournament"),
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


def test_a_resume_after_a_run_of_another_session_decides_on_its_own_prices(copy_of_small: CopyHome) -> None:
    """The models hold by then the scope of the other run, and are built for this one again."""
    other = copy_of_small("other")
    before = other.hashes("one")
    other.run(*SMALL, "--as-of", "2025-12-29", "--run-id", "earlier", "--stop-step", "aggregation").ended(0)
    other.run("run", "--run-id", "one", "--start-step", "selection", "--stop-step", "optimize").ended(0)
    assert other.hashes("one") == before


def test_a_moved_home_works_where_it_stands(copy_of_small: CopyHome, tmp_path: Path) -> None:
    copied = copy_of_small("before-the-move")
    moved = replace(copied, root=tmp_path / "moved")
    copied.root.rename(moved.root)
    assert "one" in moved.call("status").ended(0).out
    assert moved.call("sql", "select count(*) as n from raw.bars", "--format", "json").ended(0).document[0]["n"] > 0
    moved.call("verify", "one").ended(0)
    moved.run("run", "--run-id", "one", "--start-step", "report").ended(0)
    moved.call("verify", "one").ended(0)
    assert not copied.root.exists()
