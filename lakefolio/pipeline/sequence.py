"""The sequence of a run: each declared step with the function that performs it.

See docs/architecture.md#run.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lakefolio.errors import UsageError
from lakefolio.pipeline.declarations import DECLARATIONS, STEP_NAMES
from lakefolio.runs.run import Run, StepReport
from lakefolio.steps.decisions import factors, optimize, regime, selection
from lakefolio.steps.market_data import aggregation, discovery, enrichment, full_prep, health, light_prep
from lakefolio.steps.publish import audit, report, sync, verify
from lakefolio.steps.setup import cleanup, env_check
from lakefolio.steps.tournament import tournament

_PERFORM: Mapping[str, Callable[[Run], StepReport]] = {
    "cleanup": cleanup,
    "env-check": env_check,
    "discovery": discovery,
    "aggregation": aggregation,
    "enrichment": enrichment,
    "light-prep": light_prep,
    "selection": selection,
    "full-prep": full_prep,
    "health": health,
    "factors": factors,
    "regime": regime,
    "optimize": optimize,
    "tournament": tournament,
    "audit": audit,
    "report": report,
    "sync": sync,
    "verify": verify,
}


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its declaration and the function that performs it."""

    number: int
    name: str
    perform: Callable[[Run], StepReport]
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


STEPS: tuple[Step, ...] = tuple(
    Step(one.number, one.name, _PERFORM[one.name], one.inputs, one.outputs) for one in DECLARATIONS
)


def find_step(word: str) -> Step:
    """Find the step of that number or name.

    Raises
    ------
    UsageError
        There is none; the message offers the nearest.
    """
    for step in STEPS:
        if word in (step.name, str(step.number)):
            return step
    near = difflib.get_close_matches(word, STEP_NAMES, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(STEP_NAMES)}"
    raise UsageError(f"no step {word!r}; {hint}")
