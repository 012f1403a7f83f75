"""Show the progress of a run: bars on a terminal, plain lines elsewhere, always on stderr."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

Counter = Callable[[int, int], None]
"""Called with the work done and the work in all."""


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Write a count with its noun: `1 instrument`, `2 identities`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


class Reporter:
    """Says one line per step, shows progress inside a step, and keeps a log file per step."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False)
        self._progress: Progress | None = None

    @contextmanager
    def steps(self, total: int) -> Iterator[None]:
        """Show the bar over the whole run while inside."""
        if not self.console.is_terminal:
            yield
            return
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self.console, transient=True) as self._progress:
            self._progress.add_task("run", total=total)
            yield
        self._progress = None

    def started(self, number: int, name: str) -> None:
        """Say which step is under way."""
        if self._progress is not None:
            self._progress.update(self._progress.task_ids[0], description=f"{number:>2} {name}")

    def done(self, number: int, name: str, rows: int, seconds: float, note: str = "") -> None:
        """One line: step, rows, seconds, and what it found."""
        self.say(
            f"{number:>2} {name:<12} {rows:>9,} {'row ' if rows == 1 else 'rows'} {seconds:>6.1f} s  {note}".rstrip()
        )
        if self._progress is not None:
            self._progress.advance(self._progress.task_ids[0])

    def inside(self, text: str) -> None:
        """Say on a terminal how far the step is; elsewhere nothing, since the step's line follows."""
        if self._progress is not None:
            self._progress.update(self._progress.task_ids[0], description=text)

    @contextmanager
    def within(self, what: str, total: int) -> Iterator[Counter]:
        """Show progress inside a step; the counter is called with (done, total)."""
        if self._progress is None:
            yield lambda _done, _total: None
            return
        progress = self._progress
        task = progress.add_task(f"   {what}", total=total)
        try:
            yield lambda done, of: progress.update(task, completed=done, total=of)
        finally:
            progress.remove_task(task)

    def say(self, line: str) -> None:
        """Print one plain line."""
        self.console.print(line, markup=False, soft_wrap=True)


@contextmanager
def step_log(folder: Path, name: str) -> Iterator[logging.Logger]:
    """A logger whose lines go to `logs/<step>.log` alone."""
    folder.mkdir(parents=True, exist_ok=True)
    logger = logging.getLogger(f"lakefolio.step.{name}")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    handler = logging.FileHandler(folder / f"{name}.log", encoding="utf-8")
    formatter = logging.Formatter("%(asctime)sZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logger.addHandler(handler)
    try:
        yield logger
    finally:
        logger.removeHandler(handler)
        handler.close()


def is_terminal() -> bool:
    """Tell whether stderr is a terminal."""
    return sys.stderr.isatty()
