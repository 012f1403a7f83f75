"""Append to and read the ledger: one canonical JSON line per event, chained by SHA-256.

See docs/method/11-audit.md#11.2.

A line carries its number, the hash of the line before and its own hash, so an edit, insertion, deletion or reordering
breaks the chain. A chain without a key can be rewritten whole and one without a size can be cut short: therefore every
step ends with a signed checkpoint (size, head hash, run, time), kept in the run folder and copied outside it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import rfc8785

from lakefolio.audit.signing import SigningKey
from lakefolio.errors import VerificationError

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger: its 1-based number, what it says, and the hash that the next line repeats."""

    line: int
    document: dict[str, Any]

    @property
    def kind(self) -> str:
        """`intent`, `outcome`, `window`, `artifact`, `environment` or `pin`."""
        return str(self.document["kind"])

    @property
    def step(self) -> str:
        """Name of the step that wrote it."""
        return str(self.document["step"])

    @property
    def body(self) -> dict[str, Any]:
        """Content of the entry."""
        body: dict[str, Any] = self.document["body"]
        return body

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical document without this field."""
        return str(self.document["hash"])


def canonical(document: Mapping[str, Any]) -> bytes:
    """RFC 8785 canonical JSON."""
    return rfc8785.dumps(dict(document))


def digest(document: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical JSON, hexadecimal."""
    return hashlib.sha256(canonical(document)).hexdigest()


class Ledger:
    """Append-only writer of one run's ledger; the run lock guarantees that there is one at a time."""

    def __init__(self, path: Path, outside: Path, run_id: str, key: SigningKey) -> None:
        self.path = path
        self.checkpoints = path.with_name("checkpoints.jsonl")
        self.outside = outside
        self.run_id = run_id
        self._key = key
        self._entries: list[Entry] = []
        if path.exists():
            self._set_torn_tail_aside()
            self._entries = list(read_entries(path))

    @property
    def signer(self) -> str:
        """Fingerprint of the key that signs."""
        return self._key.fingerprint

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Everything written so far."""
        return tuple(self._entries)

    def append(self, kind: str, step: str, body: Mapping[str, Any]) -> Entry:
        """Write one line and force it to the disk before returning."""
        document: dict[str, Any] = {
            "n": len(self._entries) + 1,
            "kind": kind,
            "run_id": self.run_id,
            "step": step,
            "at": _now(),
            "previous": self._entries[-1].hash if self._entries else GENESIS,
            "body": json.loads(json.dumps(dict(body), allow_nan=False)),
        }
        document["hash"] = digest(document)
        _append_line(self.path, canonical(document))
        entry = Entry(len(self._entries) + 1, document)
        self._entries.append(entry)
        return entry

    def sign(self, step: str) -> None:
        """Sign size, head, run and time, in the run folder and outside it."""
        statement = {
            "run_id": self.run_id,
            "step": step,
            "size": len(self._entries),
            "head": self._entries[-1].hash if self._entries else GENESIS,
            "at": _now(),
            "key": self._key.fingerprint,
        }
        line = canonical({**statement, "signature": self._key.sign(canonical(statement))})
        # Outside first: a crash between the two leaves evidence that the inner file is behind, never the reverse.
        _append_line(self.outside, line)
        _append_line(self.checkpoints, line)

    def close_interrupted(self) -> None:
        """Give every intent that a killed process left open its outcome, `interrupted`."""
        for entry in open_intents(self._entries):
            self.append("outcome", entry.step, {"status": "interrupted", "intent": entry.line})

    def _set_torn_tail_aside(self) -> None:
        """Move a line that a killed process half wrote to a file of its own: it was never acknowledged."""
        for file in (self.path, self.checkpoints, self.outside):
            if not file.exists():
                continue
            content = file.read_bytes()
            whole = content.rfind(b"\n") + 1
            if whole == len(content):
                continue
            torn = self.path.parent / "logs" / f"torn-{file.name}-{hashlib.sha256(content[whole:]).hexdigest()[:12]}"
            torn.parent.mkdir(parents=True, exist_ok=True)
            torn.write_bytes(content[whole:])
            with file.open("r+b") as handle:
                handle.truncate(whole)
                os.fsync(handle.fileno())


def read_entries(path: Path) -> Iterator[Entry]:
    """Read a ledger; every line must parse, be numbered in order, continue the chain and hash to what it says.

    Raises
    ------
    VerificationError
        Naming the file and the first line that does not.
    """
    previous = GENESIS
    *lines, rest = path.read_bytes().split(b"\n")
    if rest:
        raise VerificationError(f"{path.name} line {len(lines) + 1}: the last line is torn")
    for line, text in enumerate(lines, start=1):
        where = f"{path.name} line {line}"
        try:
            document = json.loads(text)
            stated = document["hash"]
            actual = digest({key: value for key, value in document.items() if key != "hash"})
            number, before = document["n"], document["previous"]
        except (ValueError, KeyError, TypeError) as error:
            raise VerificationError(f"{where}: not a ledger line ({error})") from None
        if actual != stated or canonical(document) != text:
            raise VerificationError(f"{where}: the line was edited (its hash does not match what it says)")
        if number != line or before != previous:
            raise VerificationError(
                f"{where}: the chain breaks here (says it is line {number}): a line was inserted, deleted or moved"
            )
        previous = stated
        yield Entry(line, document)


def open_intents(entries: list[Entry] | tuple[Entry, ...]) -> list[Entry]:
    """Intents without an outcome."""
    closed = {entry.body.get("intent") for entry in entries if entry.kind == "outcome"}
    return [entry for entry in entries if entry.kind == "intent" and entry.line not in closed]


def _append_line(path: Path, line: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as handle:
        handle.write(line + b"\n")
        handle.flush()
        os.fsync(handle.fileno())


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
