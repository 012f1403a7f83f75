"""Names of the steps, as the options of commands take them."""

from __future__ import annotations

import typer

from ingest.cli.command_line import nearest_of, quoted
from lakefolio.pipeline.sequence import STEPS

STEP_NAMES = tuple(step.name for step in STEPS)


def read_step(text: str) -> str:
    """Read the number or the name of a step as its name."""
    for step in STEPS:
        if text in (step.name, str(step.number)):
            return step.name
    hint = nearest_of(text, STEP_NAMES, "`lakefolio steps` lists them")
    raise typer.BadParameter(f"{quoted(text)} is no step; {hint}")
