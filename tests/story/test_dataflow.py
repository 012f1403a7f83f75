"""Every step uses what it declares: a whole run, in which the tables and settings that each step uses are noted."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from lakefolio.audit.ledger import digest
from lakefolio.pipeline.sequence import STEPS, Step
from lakefolio.runs.step_access import is_declared
from tests.story.home import Home

pytestmark = pytest.mark.slow

RUN = "one"
PRICE_INPUTS = ("raw.sessions", "scope.runs", "marts.candidates", "marts.bars_daily")
# Read only where a source over a network landed bars or instruments meanwhile, so that models are built again.
CONDITIONAL = {(step, name) for step in ("enrichment", "light-prep", "full-prep", "health") for name in PRICE_INPUTS}
CONDITIONAL |= {("health", "scope.winners")}
# Prices are read through marts.bars_daily, which is built from raw.bars; the hash of an input is that of raw.bars.
CONDITIONAL |= {(step.name, "raw.bars") for step in STEPS if "marts.bars_daily" in step.inputs}
# Without feat_pit_fidelity, every window of the tournament has the candidates of today.
CONDITIONAL |= {("tournament", "marts.candidates")}


@dataclass(frozen=True)
class Watched:
    """A run, and what each of its steps used: its `reads`, `writes` and `settings`."""

    home: Home
    steps: dict[str, dict[str, list[str]]]


@pytest.fixture(scope="module")
def watched(small: Home) -> Watched:
    return Watched(small, small.finished[0].document)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_step_reads_every_input_and_writes_every_result(watched: Watched, step: Step) -> None:
    """That nothing else is read or written, the run itself enforces: it would have failed."""
    used = watched.steps[step.name]
    unread = [name for name in step.inputs if not any(is_declared(table, [name]) for table in used["reads"])]
    assert [name for name in unread if (step.name, name) not in CONDITIONAL] == []
    results = [name for name in step.outputs if name.startswith("results.")]
    assert [name for name in results if not any(is_declared(table, [name]) for table in used["writes"])] == []


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_step_reads_no_setting_that_it_does_not_declare(watched: Watched, step: Step) -> None:
    settings = watched.steps[step.name]["settings"]
    assert [key for key in settings if not step.reads_setting(key)] == []


def test_settings_were_noted_at_all(watched: Watched) -> None:
    assert "selection.top_n" in watched.steps["selection"]["settings"]
    assert "allocation.cap" in watched.steps["optimize"]["settings"]


def test_every_step_records_its_snapshot_and_the_hashes_of_its_inputs_and_outputs(watched: Watched) -> None:
    rows = watched.home.query("select * from results.steps where run_id = ? order by number", RUN)
    assert rows["step"].to_list() == [step.name for step in STEPS]
    assert rows.select("snapshot_read", "inputs_sha256", "outputs_sha256").null_count().sum_horizontal()[0] == 0
    ledger = watched.home.ledger(RUN)
    intents = {line["step"]: line["body"] for line in ledger if line["kind"] == "intent"}
    outcomes = watched.home.outcomes(RUN)
    for row in rows.to_dicts():
        assert row["inputs_sha256"] == digest(intents[row["step"]]["inputs"])
        assert row["outputs_sha256"] == digest(outcomes[row["step"]]["outputs"])
        assert row["snapshot_read"] == intents[row["step"]]["snapshot_read"]
    assert set(intents["optimize"]["inputs"]) >= {"results.clusters:full", "results.selection"}
