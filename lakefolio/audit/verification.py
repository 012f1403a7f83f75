"""Verify a run against its signed ledger.

See docs/method/11-audit.md#11.3.

Findings name the file and the line. An empty list means: every line continues the chain, every checkpoint was signed by
the trusted key for this run, the last one covers the whole ledger, every intent has its outcome, and every artifact and
result table hashes to what the ledger says, and the run reached its last step.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lakefolio.audit.ledger import GENESIS, Entry, canonical, open_intents, read_entries
from lakefolio.audit.signing import TrustedKey
from lakefolio.errors import VerificationError
from lakehouse.storage.hashing import file_hash


@dataclass(frozen=True, slots=True)
class VerificationFinding:
    """One file, line or table that differs from what was signed; or the end of a record that is whole and unfinished."""

    file: str
    line: int | None
    message: str
    is_broken: bool = True

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file} line {self.line}"
        return f"{place}: {self.message}"


@dataclass(frozen=True, slots=True)
class RunEvidence:
    """Location of one run's evidence: its folder, the checkpoints outside it, the trusted key."""

    run_id: str
    folder: Path
    outside: Path
    key: TrustedKey

    @property
    def ledger(self) -> Path:
        """The ledger file."""
        return self.folder / "audit.jsonl"


TableHash = Callable[[str], str | None]


def verify_run(
    evidence: RunEvidence, table_hash: TableHash | None = None, *, running: bool = False
) -> list[VerificationFinding]:
    """Check ledger, checkpoints, artifacts and, with `table_hash`, the result tables of one run.

    Parameters
    ----------
    table_hash
        Gives the content hash of a table's rows of this run, None where it is gone; left out: tables are not checked.
    running
        True inside the run's own last step, whose intent is still open.
    """
    if not evidence.ledger.exists():
        return [VerificationFinding(str(evidence.ledger), None, "the ledger is missing")]
    try:
        entries = list(read_entries(evidence.ledger))
    except VerificationError as error:
        return [VerificationFinding(str(evidence.ledger.parent), None, str(error))]
    findings = _check_checkpoints(evidence, entries, running=running)
    findings += [
        VerificationFinding(
            entry_file(evidence), entry.line, f"belongs to run {entry.document['run_id']!r}, not {evidence.run_id!r}"
        )
        for entry in entries
        if entry.document["run_id"] != evidence.run_id
    ]
    left_open = open_intents(entries)
    if running:
        left_open = left_open[:-1]
    findings += [
        VerificationFinding(entry_file(evidence), entry.line, f"step {entry.step!r} has an intent and no outcome")
        for entry in left_open
    ]
    if not running:
        findings += _check_end(evidence, entries)
    findings += _check_artifacts(evidence, entries)
    if table_hash is not None:
        findings += _check_tables(evidence, entries, table_hash)
    return findings


def entry_file(evidence: RunEvidence) -> str:
    """Name of the ledger as findings give it."""
    return evidence.ledger.name


def latest_hashes(entries: list[Entry] | tuple[Entry, ...], kind: str, field: str) -> dict[str, tuple[str, int]]:
    """The last recorded hash of each artifact or table and the ledger line that records it."""
    latest: dict[str, tuple[str, int]] = {}
    for entry in entries:
        if entry.kind != kind:
            continue
        recorded: Mapping[str, str] = entry.body.get(field) or {}
        for name, value in recorded.items():
            latest[name] = (value, entry.line)
    return latest


def _check_end(evidence: RunEvidence, entries: list[Entry]) -> list[VerificationFinding]:
    """A published run ends with its last step done; any other end is named as it is recorded, and is no damage."""
    outcomes = [entry for entry in entries if entry.kind == "outcome"]
    if outcomes and outcomes[-1].body.get("is_last"):
        return []
    if not outcomes:
        message = "the run finished no step"
    elif outcomes[-1].body.get("status") == "failed":
        message = f"the run failed at step {outcomes[-1].step!r}: {outcomes[-1].body.get('error', 'no error recorded')}"
    else:
        message = f"the run ends after step {outcomes[-1].step!r}: it was stopped there, or ledger and checkpoints were cut alike"
    return [VerificationFinding(entry_file(evidence), len(entries), message, is_broken=False)]


def _check_artifacts(evidence: RunEvidence, entries: list[Entry]) -> list[VerificationFinding]:
    findings = []
    for name, (expected, line) in latest_hashes(entries, "artifact", "files").items():
        path = evidence.folder / name
        if not path.is_file():
            findings.append(VerificationFinding(name, None, f"missing; recorded in {entry_file(evidence)} line {line}"))
        elif file_hash(path) != expected:
            findings.append(
                VerificationFinding(name, None, f"replaced or edited; recorded in {entry_file(evidence)} line {line}")
            )
    return findings


def _check_tables(evidence: RunEvidence, entries: list[Entry], table_hash: TableHash) -> list[VerificationFinding]:
    findings = []
    for name, (expected, line) in latest_hashes(entries, "outcome", "outputs").items():
        # Marts are rebuilt by later runs; only tables keyed by run can be held against the ledger for ever.
        if not name.startswith("results."):
            continue
        actual = table_hash(name)
        if actual != expected:
            what = "missing" if actual is None else "changed"
            findings.append(
                VerificationFinding(name, None, f"rows {what}; recorded in {entry_file(evidence)} line {line}")
            )
    return findings


def _check_checkpoints(evidence: RunEvidence, entries: list[Entry], *, running: bool) -> list[VerificationFinding]:
    inside = evidence.folder / "checkpoints.jsonl"
    findings = [
        VerificationFinding(str(file), None, "the checkpoints are missing")
        for file in (inside, evidence.outside)
        if not file.exists()
    ]
    if findings:
        return findings
    if inside.read_bytes() != evidence.outside.read_bytes():
        findings.append(
            VerificationFinding(inside.name, None, f"differs from the copy outside the run folder, {evidence.outside}")
        )
    size = 0
    for line, text in enumerate(evidence.outside.read_bytes().split(b"\n")[:-1], start=1):
        problem, size = _check_checkpoint(text, evidence, entries, size)
        if problem:
            findings.append(VerificationFinding(str(evidence.outside), line, problem))
    if size < len(entries) and not running:
        findings.append(
            VerificationFinding(
                entry_file(evidence), size + 1, "lines from here on are covered by no signed checkpoint"
            )
        )
    return findings


def _check_checkpoint(text: bytes, evidence: RunEvidence, entries: list[Entry], before: int) -> tuple[str | None, int]:
    """Problem of one checkpoint, if any, and the number of ledger lines that it covers."""
    try:
        document: dict[str, Any] = json.loads(text)
        signature = str(document.pop("signature"))
        size, head, run_id = int(document["size"]), str(document["head"]), str(document["run_id"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return f"not a checkpoint ({error})", before
    problem = None
    if document.get("key") != evidence.key.fingerprint:
        problem = f"signed by key {document.get('key')!r}, which is not the trusted one"
    elif not evidence.key.accepts(canonical(document), signature):
        problem = "the signature is not that of the trusted key"
    elif run_id != evidence.run_id:
        problem = f"a checkpoint of another run, {run_id!r}"
    elif size < before:
        problem = f"a replayed checkpoint: it vouches for {size} lines after one that vouched for {before}"
    if problem:
        return problem, before
    if size > len(entries):
        problem = f"vouches for {size} lines, but {entry_file(evidence)} ends at line {len(entries)}: it was cut short"
    elif head != (entries[size - 1].hash if size else GENESIS):
        problem = f"vouches for another line {size} than {entry_file(evidence)} holds: the ledger was rewritten"
    return problem, size
