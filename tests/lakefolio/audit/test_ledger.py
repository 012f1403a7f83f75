"""The ledger detects what docs/method/11-audit.md#11.3 lists, and names the line and the file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lakefolio.audit.ledger import Ledger, canonical, digest, read_entries
from lakefolio.audit.signing import SigningKey
from lakefolio.audit.verification import RunEvidence, verify_run
from lakefolio.errors import VerificationError
from lakehouse.storage.hashing import file_hash

RUN = "20251230-demo-0001"


class Written:
    """A finished two-step run with one artifact."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "runs" / RUN
        self.outside = root / "checkpoints" / f"{RUN}.jsonl"
        self.key = SigningKey.open(root / "keys", None)
        ledger = Ledger(self.folder / "audit.jsonl", self.outside, RUN, self.key)
        artifact = self.folder / "weights.csv"
        self.folder.mkdir(parents=True)
        artifact.write_text("symbol,weight\nSIMX:AAA,1.0\n", encoding="utf-8")
        for number, step in ((1, "optimize"), (2, "verify")):
            intent = ledger.append("intent", step, {"number": number})
            if step == "optimize":
                ledger.append("artifact", step, {"files": {"weights.csv": file_hash(artifact)}})
            ledger.append(
                "outcome",
                step,
                {"status": "done", "intent": intent.line, "outputs": {"results.weights": "ab"}, "is_last": number == 2},
            )
            ledger.sign(step)
        self.ledger = ledger

    @property
    def evidence(self) -> RunEvidence:
        return RunEvidence(RUN, self.folder, self.outside, self.key.trusted)

    def findings(self) -> list[str]:
        return [str(finding) for finding in verify_run(self.evidence)]

    def lines(self) -> list[str]:
        return self.ledger.path.read_text(encoding="utf-8").splitlines()

    def rewrite(self, lines: list[str]) -> None:
        self.ledger.path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")

    def rewrite_whole_chain(self, edit: Callable[[list[dict[str, object]]], None]) -> None:
        """Do what someone without the key can do: change the content and hash everything again."""
        documents = [json.loads(line) for line in self.lines()]
        edit(documents)
        previous = "0" * 64
        for number, document in enumerate(documents, start=1):
            document |= {"n": number, "previous": previous}
            document.pop("hash", None)
            previous = document["hash"] = digest(document)
        self.rewrite([canonical(document).decode() for document in documents])


@pytest.fixture
def written(tmp_path: Path) -> Written:
    return Written(tmp_path)


def test_an_untouched_run_has_no_finding(written: Written) -> None:
    assert written.findings() == []


def test_an_edited_line_is_named(written: Written) -> None:
    lines = written.lines()
    lines[1] = lines[1].replace("weights.csv", "weightz.csv")
    written.rewrite(lines)
    assert any("audit.jsonl line 2" in finding and "edited" in finding for finding in written.findings())


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda lines: [*lines[:1], *lines[2:]], 2),
        (lambda lines: [*lines[:1], *lines[0:]], 2),
        (lambda lines: [lines[1], lines[0], *lines[2:]], 1),
    ],
    ids=["deletion", "insertion", "reordering"],
)
def test_a_moved_line_breaks_the_chain_where_it_stood(
    written: Written, change: Callable[[list[str]], list[str]], line: int
) -> None:
    written.rewrite(change(written.lines()))
    assert any(f"audit.jsonl line {line}" in finding for finding in written.findings())


def test_a_chain_rewritten_whole_without_the_key_is_found(written: Written) -> None:
    def edit(documents: list[dict[str, object]]) -> None:
        documents[2]["body"] = {"status": "done", "intent": 1, "outputs": {"results.weights": "cd"}}

    written.rewrite_whole_chain(edit)
    assert any("the ledger was rewritten" in finding for finding in written.findings())


def test_truncation_is_found_by_the_checkpoint_outside(written: Written) -> None:
    written.rewrite(written.lines()[:-1])
    assert any("cut short" in finding for finding in written.findings())


def test_truncation_of_ledger_and_checkpoints_alike_is_still_found(written: Written) -> None:
    written.rewrite(written.lines()[:3])
    for file in (written.ledger.checkpoints, written.outside):
        first = file.read_bytes().split(b"\n")[0] + b"\n"
        file.write_bytes(first)
    assert any("ledger and checkpoints were cut alike" in finding for finding in written.findings())


def test_lines_added_after_the_last_signature_are_found(written: Written) -> None:
    written.ledger.append("outcome", "verify", {"status": "done", "intent": 4, "is_last": True})
    assert any("covered by no signed checkpoint" in finding for finding in written.findings())


def test_a_replaced_artifact_is_named_with_its_line(written: Written) -> None:
    (written.folder / "weights.csv").write_text("symbol,weight\nSIMX:BBB,1.0\n", encoding="utf-8")
    assert written.findings() == ["weights.csv: replaced or edited; recorded in audit.jsonl line 2"]


def test_a_missing_artifact_is_named(written: Written) -> None:
    (written.folder / "weights.csv").unlink()
    assert written.findings() == ["weights.csv: missing; recorded in audit.jsonl line 2"]


def test_a_replayed_checkpoint_is_found(written: Written) -> None:
    for file in (written.ledger.checkpoints, written.outside):
        lines = file.read_bytes().split(b"\n")[:-1]
        file.write_bytes(b"\n".join([lines[1], lines[0]]) + b"\n")
    assert any("replayed checkpoint" in finding for finding in written.findings())


def test_a_checkpoint_of_another_run_is_found(written: Written, tmp_path: Path) -> None:
    other = Ledger(tmp_path / "other" / "audit.jsonl", tmp_path / "other.jsonl", "20251230-demo-0002", written.key)
    other.append("intent", "optimize", {"number": 1})
    other.sign("optimize")
    foreign = (tmp_path / "other.jsonl").read_bytes()
    for file in (written.ledger.checkpoints, written.outside):
        file.write_bytes(file.read_bytes() + foreign)
    assert any("a checkpoint of another run" in finding for finding in written.findings())


def test_a_key_that_is_not_the_trusted_one_is_found(written: Written, tmp_path: Path) -> None:
    stranger = SigningKey.open(tmp_path / "stranger", None)
    evidence = RunEvidence(RUN, written.folder, written.outside, stranger.trusted)
    assert any("which is not the trusted one" in str(finding) for finding in verify_run(evidence))


def test_a_forged_checkpoint_that_names_the_trusted_key_is_found(written: Written, tmp_path: Path) -> None:
    stranger = SigningKey.open(tmp_path / "stranger", None)
    for file in (written.ledger.checkpoints, written.outside):
        *before, last = file.read_bytes().split(b"\n")[:-1]
        statement = {name: value for name, value in json.loads(last).items() if name != "signature"}
        forged = canonical({**statement, "signature": stranger.sign(canonical(statement))})
        file.write_bytes(b"\n".join([*before, forged]) + b"\n")
    assert any("not that of the trusted key" in finding for finding in written.findings())


def test_checkpoints_inside_that_differ_from_those_outside_are_found(written: Written) -> None:
    written.ledger.checkpoints.write_bytes(written.ledger.checkpoints.read_bytes().split(b"\n")[0] + b"\n")
    assert any("differs from the copy outside" in finding for finding in written.findings())


def test_missing_checkpoints_are_a_finding(written: Written) -> None:
    written.outside.unlink()
    assert any("checkpoints are missing" in finding for finding in written.findings())


def test_an_intent_without_outcome_is_found_and_closed_on_resume(written: Written) -> None:
    written.ledger.append("intent", "report", {"number": 3})
    written.ledger.sign("report")
    assert any("has an intent and no outcome" in finding for finding in written.findings())
    written.ledger.close_interrupted()
    assert not any("no outcome" in finding for finding in written.findings())


def test_a_torn_last_line_is_set_aside_by_the_next_writer(written: Written) -> None:
    path = written.ledger.path
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"n":7,"kind":"int')
    with pytest.raises(VerificationError, match="torn"):
        list(read_entries(path))
    Ledger(path, written.outside, RUN, written.key)
    assert path.read_bytes() == whole
    assert [file.read_bytes() for file in (written.folder / "logs").glob("torn-*")] == [b'{"n":7,"kind":"int']


def test_a_changed_result_table_is_named(written: Written) -> None:
    assert verify_run(written.evidence, lambda _: "ab") == []
    assert [str(f) for f in verify_run(written.evidence, lambda _: "cd")] == [
        "results.weights: rows changed; recorded in audit.jsonl line 5"
    ]
    assert [str(f) for f in verify_run(written.evidence, lambda _: None)] == [
        "results.weights: rows missing; recorded in audit.jsonl line 5"
    ]


def test_a_run_that_failed_is_whole_and_not_published(written: Written) -> None:
    intent = written.ledger.append("intent", "optimize", {"number": 12})
    written.ledger.append("outcome", "optimize", {"status": "failed", "error": "no cap holds", "intent": intent.line})
    written.ledger.sign("optimize")
    (finding,) = verify_run(written.evidence)
    assert not finding.is_broken
    assert "the run failed at step 'optimize': no cap holds" in finding.message


def test_a_run_that_stopped_on_purpose_is_whole_until_a_file_of_it_is_changed(written: Written) -> None:
    intent = written.ledger.append("intent", "optimize", {"number": 12})
    written.ledger.append("outcome", "optimize", {"status": "done", "is_last": False, "intent": intent.line})
    written.ledger.sign("optimize")
    (finding,) = verify_run(written.evidence)
    assert not finding.is_broken
    assert "the run ends after step 'optimize': it was stopped there" in finding.message
    (written.folder / "weights.csv").write_text("symbol,weight\n", encoding="utf-8")
    assert [one.file for one in verify_run(written.evidence) if one.is_broken] == ["weights.csv"]
