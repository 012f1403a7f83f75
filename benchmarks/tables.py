"""Write the results of a benchmark as JSON and Markdown."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.comparison import VARIANTS, Refusal, Row
from benchmarks.growth import Growth, Surcharge

PACKAGES = (
    "numpy", "scipy", "piqp", "cvxpy", "skfolio", "riskfolio-lib", "pyportfolioopt", "cvxportfolio", "scikit-learn",
    "empyrical-reloaded", "quantstats",
)  # fmt: skip
#: The ratio to reach, by work and size (None: any), and the peers whose best counts.
TARGETS: dict[tuple[str, int | None], float] = {
    ("min_variance", None): 15.0,
    ("max_sharpe", None): 15.0,
    ("risk_parity", 200): 20.0,
    ("risk_parity", 1000): 100.0,
    ("hrp", None): 35.0,
    ("min_cvar", None): 10.0,
    ("clusters", None): 2.5,
    ("ledoit_wolf", None): 2.5,
}
#: cvxpy is what peers solve with; it is timed for orientation and sets no target.
WITHOUT_TARGET = ("cvxpy",)


@dataclass(frozen=True, slots=True)
class Reached:
    """Our ratio to the best peer of one task."""

    work: str
    n: int
    peer: str
    ratio: float
    target: float | None
    is_reached: bool | None


def against_best(rows: Iterable[Row]) -> list[Reached]:
    """Smallest ratio of each task and size, beside its target."""
    best: dict[tuple[str, int, int], Row] = {}
    for row in rows:
        key = (row.work, row.n, row.t)
        if row.peer not in WITHOUT_TARGET and (key not in best or row.ratio < best[key].ratio):
            best[key] = row
    found = []
    for row in best.values():
        target = TARGETS.get((row.work, row.n), TARGETS.get((row.work, None)))
        reached = None if target is None else row.ratio >= target
        found.append(Reached(row.work, row.n, row.peer, row.ratio, target, reached))
    return found


def environment() -> dict[str, str]:
    """Interpreter, processor and package versions of the measurement."""
    found = {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "processor": _processor(),
        "threads": os.environ.get("OMP_NUM_THREADS", "not pinned"),
    }
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _processor() -> str:
    source = Path("/proc/cpuinfo")
    lines = source.read_text(encoding="utf-8").splitlines() if source.exists() else []
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()


def write_solvers(folder: Path, outcomes: Sequence[Row | Refusal], skipped: Sequence[str]) -> None:
    """Write solvers.json and solvers.md."""
    rows = [row for row in outcomes if isinstance(row, Row)]
    shown = [row for row in rows if row.work not in VARIANTS]
    variants = [row for row in rows if row.work in VARIANTS]
    refusals = [row for row in outcomes if isinstance(row, Refusal)]
    best = against_best(shown)
    content = {
        "rows": [asdict(row) for row in shown],
        "variants": [asdict(row) for row in variants],
        "best": [asdict(row) for row in best],
        "refusals": [asdict(row) for row in refusals],
        "skipped": list(skipped),
        "environment": environment(),
    }
    _write(folder / "solvers.json", json.dumps(content, indent=1))
    parts = ["# The same work, ours and the peers'", _preface(), "## Against the best peer", _table(
        ("work", "N", "best peer", "ratio", "target", "reached"),
        [(r.work, r.n, r.peer, f"{r.ratio:.1f}", r.target or "-", _yes(r.is_reached)) for r in best],
    ), "## Every pair", _pairs(shown)]  # fmt: skip
    if variants:
        parts += ["## Variants", _pairs(variants)]
    if refusals:
        parts += ["## Not timed", _table(("work", "N", "peer", "reason"), [
            (r.work, r.n, r.peer, r.reason.replace("|", "/").replace("\n", " ")) for r in refusals
        ])]  # fmt: skip
    facts = [*skipped, *(f"{name}: {value}" for name, value in environment().items())]
    parts += ["## Where this was measured", "\n".join(f"- {fact}" for fact in facts)]
    _write(folder / "solvers.md", "\n\n".join(parts) + "\n")


def write_growth(folder: Path, growth: Sequence[Growth], surcharges: Sequence[Surcharge]) -> None:
    """Write growth.json and growth.md."""
    content = {
        "rows": [asdict(row) for row in growth],
        "surcharges": [asdict(row) for row in surcharges],
        "environment": environment(),
    }
    _write(folder / "growth.json", json.dumps(content, indent=1))
    sizes = sorted({row.n for row in growth})
    cells = {(row.work, row.n): row for row in growth}
    lines = [
        (work, *(f"{cells[work, n].ours_cpu_s * 1e3:.2f}" for n in sizes), f"{cells[work, sizes[-1]].exponent:.1f}")
        for work in dict.fromkeys(row.work for row in growth)
    ]
    surcharge_lines = [
        (s.layer, s.risk_profile, s.n, s.k, f"{s.plain_cpu_s * 1e3:.2f}", f"{s.full_cpu_s * 1e3:.2f}", f"{s.ratio:.2f}")
        for s in surcharges
    ]
    parts = [
        "# How our CPU time grows",
        "Milliseconds from the returns matrix to the answer, least of all calls; the last column is the exponent of N.",
        _table(("work", *(f"N = {n}" for n in sizes), "exponent"), lines),
        "## Caps on clusters and both penalties",
        "Milliseconds without and with; two layers: `allocate`; one layer: Ledoit-Wolf and `solve` over the instruments.",
        _table(("layer", "risk_profile", "N", "K", "without", "with", "ratio"), surcharge_lines),
    ]
    _write(folder / "growth.md", "\n\n".join(parts) + "\n")


def _preface() -> str:
    return (
        "CPU seconds of one process on one thread, from the same seeded returns through Ledoit-Wolf to the answer, "
        "both sides in turn. Least of all calls, the ratio of medians beside it. Both results were checked by "
        "formulas that neither side uses before anything was timed; `error` is their distance from these."
    )


def _pairs(rows: Sequence[Row]) -> str:
    lines = [
        (r.work, r.n, r.t, r.peer, f"{r.ours_cpu_s * 1e3:.2f}", f"{r.peer_cpu_s * 1e3:.1f}", f"{r.ratio:.1f}",
         f"{r.ratio_median:.1f}", f"{r.ours_error:.0e}", f"{r.peer_error:.0e}", r.note)
        for r in rows
    ]  # fmt: skip
    head = ("work", "N", "T", "peer", "ours ms", "peer ms", "ratio", "of medians", "our error", "peer error", "note")
    return _table(head, lines)


def _table(head: Sequence[str], lines: Sequence[Sequence[object]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows)


def _yes(is_reached: bool | None) -> str:
    return "-" if is_reached is None else ("yes" if is_reached else "no")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
