"""Figures of a benchmark beside their targets, as JSON and as a table."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.lake.usage import Usage

PACKAGES = (
    "duckdb",
    "duckdb-extension-ducklake",
    "dbt-core",
    "dbt-duckdb",
    "polars",
    "pyarrow",
    "numpy",
    "scipy",
    "piqp",
)


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number; `target` is the most that it may be, None where none is set."""

    case: str
    name: str
    value: float
    unit: str
    target: float | None = None

    @property
    def is_met(self) -> bool | None:
        """True when the value is at most the target; None without a target."""
        return None if self.target is None else self.value <= self.target


@dataclass(frozen=True, slots=True)
class Failure:
    """A case that ended without its figures, and the reason."""

    case: str
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """Figures, measured commands by case, and failures."""

    figures: list[Figure]
    usages: dict[str, Usage]
    failures: list[Failure]

    @classmethod
    def empty(cls) -> Outcome:
        """Return an outcome without any figure."""
        return cls([], {}, [])

    def add(self, more: Outcome) -> None:
        """Append what another case measured."""
        self.figures.extend(more.figures)
        self.usages.update(more.usages)
        self.failures.extend(more.failures)


def failed(case: str, usage: Usage) -> Outcome:
    """Return the outcome of a command that ended with an error."""
    last = usage.tail[-1] if usage.tail else "no message"
    return Outcome([], {case: usage}, [Failure(case, f"exit {usage.exit_code}: {last}")])


def describe_machine() -> dict[str, str]:
    """Interpreter, processor, cores, memory, package versions and commit of the measurement."""
    found = {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "processor": _processor(),
        "system": platform.platform(terse=True),
        "cores": str(os.cpu_count()),
        "memory_gib": _memory(),
        "threads": os.environ.get("OMP_NUM_THREADS", "not pinned"),
        "commit": _git("rev-parse", "HEAD"),
        "changed_files": str(len(_git("status", "--porcelain").splitlines())),
    }
    return found | {package: version(package) for package in PACKAGES}


def _processor() -> str:
    source = Path("/proc/cpuinfo")
    lines = source.read_text(encoding="utf-8").splitlines() if source.exists() else []
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()


def _memory() -> str:
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return f"{pages / 2**30:.1f}"


def _git(*words: str) -> str:
    folder = Path(__file__).parents[2]
    done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=False)  # noqa: S603, S607  # git of the user
    return done.stdout.strip()


def write_json(file: Path, outcome: Outcome) -> None:
    """Write the outcome with the machine on which it was measured."""
    content = {
        "machine": describe_machine(),
        "figures": [{**asdict(figure), "is_met": figure.is_met} for figure in outcome.figures],
        "failures": [asdict(failure) for failure in outcome.failures],
        "commands": {case: asdict(usage) for case, usage in outcome.usages.items()},
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read_figures(file: Path) -> list[Figure]:
    """Read the figures of an earlier measurement."""
    content = json.loads(file.read_text(encoding="utf-8"))
    return [Figure(*(row[name] for name in ("case", "name", "value", "unit", "target"))) for row in content["figures"]]


def figures_table(figures: Sequence[Figure], failures: Sequence[Failure] = ()) -> str:
    """Lay out the figures with their targets, then the cases that failed."""
    lines = [
        (figure.case, figure.name, show(figure.value), figure.unit, _target(figure), _answer(figure.is_met))
        for figure in figures
    ]
    table = _table(("case", "figure", "value", "unit", "target", "met"), lines)
    return "\n".join([table, *(f"{failure.case}: not measured, {failure.reason}" for failure in failures)])


def comparison_table(before: Sequence[Figure], after: Sequence[Figure]) -> str:
    """Lay out the figures of two measurements beside each other; what one of them lacks is shown as `-`."""
    old = {(figure.case, figure.name): figure for figure in before}
    new = {(figure.case, figure.name): figure for figure in after}
    lines = []
    for key in dict.fromkeys([*new, *old]):
        was, now = old.get(key), new.get(key)
        ratio = f"{now.value / was.value:.2f}" if was and now and was.value else "-"
        known = now or was
        lines.append((
            *key, show(was.value) if was else "-", show(now.value) if now else "-", ratio,
            known.unit if known else "", _target(known) if known else "", _answer(now.is_met) if now else "-",
        ))  # fmt: skip
    return _table(("case", "figure", "before", "after", "ratio", "unit", "target", "met"), lines)


def steps_table(usage: Usage) -> str:
    """Lay out the steps of one measured run."""
    lines = [
        (f"{step.number} {step.name}", f"{step.rows:,}", *(
            "-" if value is None else show(value) for value in (step.wall_s, step.cpu_s, step.peak_mib, step.written_mib)
        ))
        for step in usage.steps
    ]  # fmt: skip
    return _table(("step", "rows", "wall s", "CPU s", "peak MiB", "written MiB"), lines)


def show(value: float) -> str:
    """Format a number with three digits that count, and whole numbers above 100."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def _target(figure: Figure) -> str:
    return "-" if figure.target is None else show(figure.target)


def _answer(is_met: bool | None) -> str:
    return {None: "-", True: "yes", False: "MISSED"}[is_met]


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Align the cells in columns, numbers to the right."""
    rows = [head, *lines]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    is_number = [all(not line[column].strip("-0123456789.,e+") for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, is_number, strict=True)
        ).rstrip()
        for row in rows
    )
