"""The run and the step at which `--continue` goes on, read from real ledgers."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lakefolio.audit.ledger import Ledger
from lakefolio.audit.signing import SigningKey
from lakefolio.cli.continuation import continued, why_new
from lakefolio.pipeline.sequence import STEPS
from lakefolio.runs.run import RESOLVED
from lakefolio.runs.start import RunRequest, newest_run
from lakehouse.paths import Paths

KEY = SigningKey(Ed25519PrivateKey.generate())


def begin(paths: Paths, run_id: str, done: int, *, repeated: str | None = None) -> None:
    """Write the ledger of a run that has finished its first `done` steps, and began one of them again."""
    folder = paths.run_dir(run_id)
    ledger = Ledger(folder / "audit.jsonl", paths.checkpoints / f"{run_id}.jsonl", run_id, KEY)
    ledger.append("environment", STEPS[0].name, {})
    for step in STEPS[:done]:
        intent = ledger.append("intent", step.name, {"number": step.number})
        ledger.append("outcome", step.name, {"status": "done", "outputs": {}, "intent": intent.line})
    if repeated is not None:
        number = next(step.number for step in STEPS if step.name == repeated)
        ledger.append("intent", repeated, {"number": number})
    (folder / RESOLVED).write_text("{}", encoding="utf-8")


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """A finished run, and a newer one that stopped after its second step."""
    made = Paths.at(tmp_path)
    begin(made, "run-a", len(STEPS))
    begin(made, "run-b", 2)
    return made


def request(**words: object) -> RunRequest:
    return RunRequest(continue_run=True, **words)  # type: ignore[arg-type]


def test_the_newest_run_is_the_one_that_was_begun_last(paths: Paths, tmp_path: Path) -> None:
    assert newest_run(paths) == "run-b"
    assert newest_run(Paths.at(tmp_path / "empty")) is None


def test_a_run_goes_on_at_its_first_unfinished_step(paths: Paths) -> None:
    assert continued(paths, request(stop_step="discovery")) == request(stop_step="discovery", run_id="run-b")


def test_a_start_step_is_the_latest_at_which_a_run_goes_on(paths: Paths) -> None:
    assert continued(paths, request(start_step="selection")) == request(run_id="run-b")
    resumed = continued(paths, request(start_step="env-check"))
    assert resumed == RunRequest(start_step="env-check", run_id="run-b")
    finished = continued(paths, request(start_step="optimize", run_id="run-a"))
    assert finished == RunRequest(start_step="optimize", run_id="run-a")


def test_a_step_that_is_finished_leaves_nothing_to_do_unless_a_setting_is_given(paths: Paths) -> None:
    assert continued(paths, request(stop_step="env-check")) is None
    assert continued(paths, request(run_id="run-a")) is None
    again = continued(paths, request(stop_step="env-check", settings=("allocation.cap=0.3",)))
    assert again == request(stop_step="env-check", settings=("allocation.cap=0.3",), run_id="run-b")


def test_a_step_that_was_begun_again_is_unfinished(paths: Paths) -> None:
    begin(paths, "run-c", len(STEPS), repeated="optimize")
    assert continued(paths, request(stop_step="selection")) is None
    assert continued(paths, request(stop_step="audit")) == request(stop_step="audit", run_id="run-c")


def test_a_new_run_begins_where_none_can_go_on(paths: Paths, tmp_path: Path) -> None:
    assert continued(Paths.at(tmp_path / "empty"), request(stop_step="audit")) == RunRequest(stop_step="audit")
    assert continued(paths, request(run_id="run-z")) == RunRequest(run_id="run-z")
    begin(paths, "run-d", len(STEPS))
    assert continued(paths, request(stop_step="audit")) == RunRequest(stop_step="audit")


def test_a_request_without_continue_stays_as_it_is(paths: Paths) -> None:
    assert continued(paths, RunRequest(start_step="audit")) == RunRequest(start_step="audit")


def test_a_new_run_in_place_of_one_that_could_go_on_has_a_reason(paths: Paths, tmp_path: Path) -> None:
    assert why_new(Paths.at(tmp_path / "empty"), request()) == "no run here has got through env-check"
    assert why_new(paths, request(run_id="run-z")) == "there is no run 'run-z' here yet"
    begin(paths, "run-d", len(STEPS))
    assert why_new(paths, request()) == "the newest run, run-d, is finished"
