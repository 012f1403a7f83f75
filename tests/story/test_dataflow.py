"""Every step uses what it declares: a whole run, its reads and writes noted by the runner and its settings here."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import polars as pl
import pytest

from analytics.settings import Settings
from lakefolio.audit.ledger import digest
from lakefolio.cli.app import main
from lakefolio.config.manifest import Profile
from lakefolio.pipeline.sequence import STEPS, Step
from lakefolio.runs.run import Run
from lakefolio.runs.step_access import StepAccess, is_declared
from tests.story.conftest import SMALL
from tests.story.home import Home

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("story")]

RUN = "watched"
PRICE_INPUTS = ("raw.sessions", "results.runs", "marts.candidates", "marts.bars_daily")
# Read only where a source over a network landed bars or instruments meanwhile, so that models are built again.
CONDITIONAL = {(step, name) for step in ("enrichment", "light-prep", "full-prep", "health") for name in PRICE_INPUTS}


@dataclass
class Watched:
    """What each step of one run used."""

    home: Home
    accesses: dict[str, StepAccess] = field(default_factory=dict)
    settings: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))


def keys_by_section() -> dict[tuple[type[Settings], str], str]:
    """Manifest key of each field of each section."""
    keys: dict[tuple[type[Settings], str], str] = {}
    for name, info in Profile.model_fields.items():
        section = info.annotation
        if isinstance(section, type) and issubclass(section, Settings):
            keys |= {(section, inner): f"{name}.{inner}" for inner in section.model_fields}
        else:
            keys[Profile, name] = name
    return keys


@pytest.fixture(scope="module")
def watched(new_home: Callable[..., Home], market: pl.DataFrame) -> Watched:
    """A small run in this process, in a lake of its own."""
    seen = Watched(new_home("watched", market))
    keys, plain_read, plain_held = keys_by_section(), Settings.__getattribute__, Run.held_to
    under_way: list[str] = []

    def noted_read(self: Settings, name: str) -> object:
        key = keys.get((type(self), name))
        if key is not None and under_way:
            seen.settings[under_way[-1]].add(key)
        return plain_read(self, name)

    @contextmanager
    def noted_held(self: Run, access: StepAccess) -> Iterator[None]:
        seen.accesses[access.step] = access
        under_way.append(access.step)
        try:
            with plain_held(self, access):
                yield
        finally:
            under_way.pop()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Settings, "__getattribute__", noted_read)
        patch.setattr(Run, "held_to", noted_held)
        patch.chdir(seen.home.work)
        with seen.home.inside():
            assert main(["--home", str(seen.home.root), *SMALL, "--run-id", RUN]) == 0
    assert "LAKEFOLIO_RUN_ID" not in os.environ
    return seen


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_step_reads_every_input_and_writes_every_result(watched: Watched, step: Step) -> None:
    """That nothing else is read or written, the run itself enforces: it would have failed."""
    access = watched.accesses[step.name]
    unread = [name for name in step.inputs if not any(is_declared(table, [name]) for table in access.reads)]
    assert [name for name in unread if (step.name, name) not in CONDITIONAL] == []
    results = [name for name in step.outputs if name.startswith("results.")]
    assert [name for name in results if not any(is_declared(table, [name]) for table in access.writes)] == []


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_step_reads_no_setting_that_it_does_not_declare(watched: Watched, step: Step) -> None:
    assert sorted(key for key in watched.settings[step.name] if not step.reads_setting(key)) == []


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
