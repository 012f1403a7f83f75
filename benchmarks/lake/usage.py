"""Measure a command in a process of its own: CPU seconds, peak memory and bytes written, by step of the run.

The command line of lakefolio writes one line to stderr at the end of each step; at that moment the counters of the process
are read from /proc (Linux). Elsewhere only the totals are known.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MIB = 2**20
ROOT = Path(__file__).parents[2]
#: Children import the packages of this checkout, wherever they are started.
ENVIRONMENT = {"PYTHONSAFEPATH": "1", "PYTHONPATH": str(ROOT)}
_STEP = re.compile(r"^\s*(?P<number>\d+) (?P<name>[a-z-]+)\s+(?P<rows>[\d,]+) rows\s+(?P<seconds>[\d.]+) s\b")
_TICKS = os.sysconf("SC_CLK_TCK")
#: Written to clear_refs, it sets the peak of resident memory back to what is resident now.
_RESET_PEAK = "5"


@dataclass(frozen=True, slots=True)
class StepUsage:
    """One step of a run; `peak_mib` and `written_mib` are None where the system does not say them."""

    number: int
    name: str
    rows: int
    wall_s: float
    cpu_s: float | None
    peak_mib: float | None
    written_mib: float | None


@dataclass(frozen=True, slots=True)
class Usage:
    """A finished command: totals of the process and of the processes that it waited for, and its steps.

    Attributes
    ----------
    tail : list of str
        Last lines of stderr.
    """

    command: list[str]
    exit_code: int
    wall_s: float
    cpu_s: float
    peak_mib: float
    written_mib: float | None
    steps: list[StepUsage]
    tail: list[str]


@dataclass(frozen=True, slots=True)
class _Counters:
    cpu_s: float | None
    peak_mib: float | None
    written_mib: float | None


def measure(words: Sequence[str]) -> Usage:
    """Run a command with this interpreter, `words` being what follows `python`, and measure it.

    The resident memory of this process should be small, since the peak of a new process begins with it.
    """
    command = [sys.executable, *words]
    began = time.monotonic()
    process = subprocess.Popen(  # noqa: S603  # our own modules
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **ENVIRONMENT},
    )
    assert process.stderr is not None
    steps: list[StepUsage] = []
    tail: list[str] = []
    before = now = _Counters(0.0, 0.0, 0.0)
    peak = 0.0
    for line in process.stderr:
        tail = [*tail[-9:], line.rstrip()]
        now = _read(process.pid)
        peak = max(peak, now.peak_mib or 0.0)
        step = read_step(line)
        if step is not None:
            number, name, rows, seconds = step
            spent, written = _less(now.cpu_s, before.cpu_s), _less(now.written_mib, before.written_mib)
            steps.append(StepUsage(number, name, rows, seconds, spent, now.peak_mib, written))
            _reset_peak(process.pid)
            before = now
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    return Usage(
        command=["python", *words],
        exit_code=process.returncode,
        wall_s=round(time.monotonic() - began, 2),
        cpu_s=round(used.ru_utime + used.ru_stime, 2),
        peak_mib=round(max(peak, used.ru_maxrss / 1024), 1),
        written_mib=now.written_mib,
        steps=steps,
        tail=tail,
    )


def read_step(line: str) -> tuple[int, str, int, float] | None:
    """Read number, name, rows and seconds from the line that a run writes at the end of a step."""
    found = _STEP.match(line)
    if found is None:
        return None
    rows = int(found["rows"].replace(",", ""))
    return int(found["number"]), found["name"], rows, float(found["seconds"])


def _less(now: float | None, before: float | None) -> float | None:
    return None if now is None or before is None else round(now - before, 2)


def _read(pid: int) -> _Counters:
    """Read CPU time with that of ended children, peak of resident memory and bytes written of a process."""
    folder = Path("/proc") / str(pid)
    try:
        fields = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        status = (folder / "status").read_text(encoding="utf-8")
    except OSError:
        return _Counters(None, None, None)
    cpu = sum(int(field) for field in fields[11:15]) / _TICKS
    peak = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    return _Counters(cpu, round(int(peak[1]) / 1024, 1) if peak else None, _written(folder))


def _written(folder: Path) -> float | None:
    try:
        found = re.search(r"^write_bytes: (\d+)", (folder / "io").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        return None
    return round(int(found[1]) / MIB, 2) if found else None


def _reset_peak(pid: int) -> None:
    try:
        (Path("/proc") / str(pid) / "clear_refs").write_text(_RESET_PEAK, encoding="utf-8")
    except OSError:
        return  # Without it the peak of a step is that of the run so far.
