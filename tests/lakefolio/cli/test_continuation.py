"""Where `--continue` goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lakefolio.cli.continuation import continued
from lakefolio.cli.run_planning import RunRequest, first_unfinished, newest_run
from lakehouse.paths import Paths

STEPS = ("one", "two", "three", "four")


def begin(paths: Paths, run_id: str, at: str, done: int, *, repeated: str | None = None) -> Path:
    """Write the ledger of a run that has finished its first `done` steps, and began one of them again."""
    entries = [{"kind": "environment", "step": "one", "at": at, "body": {}}]
    for step in STEPS[:done]:
        entries.append({"kind": "intent", "step": step, "at": at, "body": {}})
        entries.append({"kind": "outcome", "step": step, "at": at, "body": {"status": "done"}})
    if repeated is not None:
        entries.append({"kind": "intent", "step": repeated, "at": at, "body": {}})
    folder = paths.run_dir(run_id)
    folder.mkdir(parents=True)
    ledger = folder / "audit.jsonl"
    ledger.write_text("".join(f"{json.dumps(entry)}\n" for entry in entries) + '{"torn', encoding="utf-8")
    return ledger


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    made = Paths.at(tmp_path)
    begin(made, "run-b", "2025-01-02T08:00:00", 2)
    begin(made, "run-a", "2025-01-01T08:00:00", 4)
    return made


def asked(**words: object) -> RunRequest:
    return RunRequest(continue_run=True, **words)  # type: ignore[arg-type]


def test_the_newest_run_is_the_one_that_was_begun_last(paths: Paths, tmp_path: Path) -> None:
    assert newest_run(paths) == "run-b"
    assert newest_run(Paths.at(tmp_path / "empty")) is None


@pytest.mark.parametrize(
    ("done", "repeated", "expected"), [(0, None, "one"), (2, None, "three"), (4, None, None), (4, "two", "two")]
)
def test_the_first_unfinished_step(tmp_path: Path, done: int, repeated: str | None, expected: str | None) -> None:
    ledger = begin(Paths.at(tmp_path), "run-c", "2025-01-01T08:00:00", done, repeated=repeated)
    assert first_unfinished(ledger, STEPS) == expected


def test_a_run_goes_on_at_its_first_unfinished_step(paths: Paths) -> None:
    assert continued(paths, asked(stop_step="three"), STEPS) == asked(stop_step="three", run_id="run-b")


def test_a_start_step_is_the_latest_at_which_a_run_goes_on(paths: Paths) -> None:
    assert continued(paths, asked(start_step="four"), STEPS) == asked(run_id="run-b")
    resumed = continued(paths, asked(start_step="two"), STEPS)
    assert resumed == RunRequest(start_step="two", run_id="run-b")
    finished = continued(paths, asked(start_step="four", run_id="run-a"), STEPS)
    assert finished == RunRequest(start_step="four", run_id="run-a")


def test_a_step_that_is_finished_leaves_nothing_to_do_unless_a_setting_is_given(paths: Paths) -> None:
    assert continued(paths, asked(stop_step="two"), STEPS) is None
    assert continued(paths, asked(run_id="run-a"), STEPS) is None
    again = continued(paths, asked(stop_step="two", settings=("a.b=1",)), STEPS)
    assert again == asked(stop_step="two", settings=("a.b=1",), run_id="run-b")


def test_a_new_run_begins_where_none_can_go_on(paths: Paths, tmp_path: Path) -> None:
    assert continued(Paths.at(tmp_path / "empty"), asked(stop_step="two"), STEPS) == RunRequest(stop_step="two")
    assert continued(paths, asked(run_id="run-z"), STEPS) == RunRequest(run_id="run-z")
    begin(paths, "run-d", "2025-01-03T08:00:00", 4)
    assert continued(paths, asked(stop_step="two"), STEPS) == RunRequest(stop_step="two")


def test_a_request_without_continue_stays_as_it_is(paths: Paths) -> None:
    assert continued(paths, RunRequest(start_step="two"), STEPS) == RunRequest(start_step="two")
