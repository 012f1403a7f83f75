"""The order of things: the only place where the sequence exists.

See docs/architecture.md#run.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass

from lakefolio.errors import UsageError
from lakefolio.runs.run import Run, StepReport
from lakefolio.steps.decisions import factors, optimize, regime, selection
from lakefolio.steps.market_data import aggregation, discovery, enrichment, full_prep, health, light_prep
from lakefolio.steps.publish import audit, report, sync, verify
from lakefolio.steps.setup import cleanup, env_check
from lakefolio.steps.tournament import tournament


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what it answers, what it reads and what it leaves behind."""

    number: int
    name: str
    answers: str
    perform: Callable[[Run], StepReport]
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


_PRICES = ("marts.bars_daily", "marts.returns_daily", "marts.gap_audit", "marts.data_health")
_LIGHT = ("results.health:light", "marts.returns_daily")
_PICKED = ("results.selection", "results.clusters:light", "results.regimes:light", "results.risk:light")
_STUDIED = ("results.selection", "marts.returns_daily", "results.clusters:full", "results.regimes:full")
_SOLVED = ("results.weights", "results.cluster_weights", "results.solves", "results.drift", "results.orders")
_TRIED = ("results.tournament_windows", "results.tournament_returns", "results.tournament_metrics",
          "results.target_achievement", "results.target_comparisons", "results.alpha_isolation")  # fmt: skip
_CORRELATED = ("results.correlation_averages", "results.correlation_pairs", "results.correlation_redundancy",
               "results.correlation_summary", "results.factor_map", "results.hedge_anchors")  # fmt: skip
_PARTITIONED = ("results.cluster_sensitivity", "results.cluster_drift")

_GROUND = ("raw.bars", "marts.instruments")
"""What a source that is asked as needed adds to with every fetch."""

STEPS: tuple[Step, ...] = (
    Step(1, "cleanup", "Is the ground clear?", cleanup),
    Step(2, "env-check", "Can this run work here?", env_check, (), ("results.runs",)),
    Step(3, "discovery", "What do the scanners find?", discovery, ("results.runs",), ("raw.bars", "raw.scans")),
    Step(4, "aggregation", "Which identities are candidates?", aggregation, ("raw.scans",), ("marts.candidates",)),
    Step(5, "enrichment", "What are they?", enrichment, ("marts.candidates",), ("marts.instruments",)),
    Step(6, "light-prep", "Is their recent history whole?", light_prep, ("marts.candidates", "raw.bars"),
         (*_LIGHT, *_GROUND)),
    Step(7, "selection", "Who wins in each cluster?", selection, ("marts.candidates", *_LIGHT), _PICKED),
    Step(8, "full-prep", "Is the winners' history deep enough?", full_prep, ("results.selection", "raw.bars"),
         (*_PRICES, *_GROUND)),
    Step(9, "health", "May it be built upon?", health, (*_PRICES, "raw.bars"),
         ("results.health:full", *_PRICES, *_GROUND)),
    Step(10, "factors", "What moves together?", factors, ("results.selection", "marts.candidates", *_PRICES),
         ("results.cluster_links", "results.risk:full", *_CORRELATED)),
    Step(11, "regime", "Which regime, and which clusters follow from it?", regime,
         ("results.cluster_links", "marts.returns_daily"),
         ("results.regimes:full", "results.clusters:full", *_PARTITIONED)),
    Step(12, "optimize", "How much of each?", optimize, _STUDIED, _SOLVED),
    Step(13, "tournament", "What would have worked?", tournament, ("marts.returns_daily", "results.weights"), _TRIED),
    Step(14, "audit", "May it be published?", audit, ("results.health:full", *_STUDIED, *_SOLVED),
         ("results.audit_checks",)),
    Step(15, "report", "What should a person see?", report,
         ("results.audit_checks", *_CORRELATED, *_PARTITIONED, *_SOLVED, *_TRIED)),
    Step(16, "sync", "What would be sent?", sync),
    Step(17, "verify", "Is everything what was signed?", verify),
)  # fmt: skip


def find_step(word: str) -> Step:
    """The step of that number or name.

    Raises
    ------
    UsageError
        There is none; the message offers the nearest.
    """
    for step in STEPS:
        if word in (step.name, str(step.number)):
            return step
    near = difflib.get_close_matches(word, [step.name for step in STEPS], n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(step.name for step in STEPS)}"
    raise UsageError(f"no step {word!r}; {hint}")
