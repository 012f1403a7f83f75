"""A command on a run that ended early says where it ended and exits with the code of the documentation."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakefolio.audit.ledger import Ledger
from lakefolio.audit.signing import SigningKey
from lakefolio.cli.app import main
from lakefolio.pipeline.sequence import STEPS
from lakehouse.connection.catalog import Lake
from lakehouse.paths import Paths


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs without rows: one stopped after selection, one failed at health, one finished."""
    root = tmp_path_factory.mktemp("home")
    paths = Paths.at(root)
    with Lake.open(paths):
        pass
    key = SigningKey.open(paths.ledger_keys, None)
    for run_id, last, status in (("stopped", 7, "done"), ("failed", 9, "failed"), ("finished", 17, "done")):
        ledger = Ledger(paths.run_dir(run_id) / "audit.jsonl", paths.checkpoints / f"{run_id}.jsonl", run_id, key)
        ledger.append("environment", "cleanup", {"source": "sample", "as_of": "2025-12-30"})
        for step in STEPS[:last]:
            intent = ledger.append("intent", step.name, {"number": step.number})
            body = {"status": status if step.number == last else "done", "outputs": {}, "intent": intent.line}
            ledger.append("outcome", step.name, {**body, "error": "GAPS", "is_last": step is STEPS[-1]})
            ledger.sign(step.name)
    return root


def run(home: Path, *words: str) -> int:
    return main([*words, "--home", str(home)])


@pytest.mark.parametrize(
    ("words", "what", "step"),
    [
        (["show", "weights", "--run-id"], "weights", "optimize"),
        (["show", "gate", "--run-id"], "audit checks", "audit"),
        (["orders"], "orders", "optimize"),
        (["orders", "--json"], "orders", "optimize"),
        (["display"], "report", "report"),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, list) else one,
)
@pytest.mark.parametrize(("run_id", "ending"), [("stopped", "'selection' (done)"), ("failed", "'health' (failed)")])
def test_a_table_that_a_run_never_wrote_is_refused_with_its_end(
    home: Path, words: list[str], what: str, step: str, run_id: str, ending: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [words[0], run_id, *words[1:]] if words[-1] != "--run-id" else [*words, run_id]
    assert run(home, *command) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert f"run {run_id} has no {what}: it ended at step {ending}; " in shown.err
    assert f"step {step!r} makes it" in shown.err


def test_a_step_that_wrote_no_row_says_so(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(home, "orders", "finished") == 0
    assert "run finished has no orders: step 'optimize' is done and wrote none" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("run_id", "code", "sentence"),
    [
        ("stopped", 5, "run stopped was not published: the run ends after step 'selection': it was stopped there"),
        ("failed", 5, "run failed was not published: the run failed at step 'health': GAPS"),
        ("finished", 0, "run finished was published"),
    ],
)
def test_verify_says_plainly_what_the_run_is(
    home: Path, run_id: str, code: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(home, "verify", run_id) == code
    shown = capsys.readouterr()
    assert sentence in shown.out + shown.err
