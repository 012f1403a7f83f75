"""An interrupt stays an interrupt, whatever it met on its way.

See docs/architecture.md#run: exit 130.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class _Noted:
    """Python's own handler, which also remembers that it was called."""

    def __init__(self) -> None:
        self.came = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.came = True
        signal.default_int_handler(number, frame)


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise KeyboardInterrupt for an interrupt that came while inside; may be nested.

    DuckDB answers an interrupt in the middle of a statement with ``RuntimeError``, dbt with an outcome, and either may be
    wrapped in a room's own error or retried: none of these says that a person wanted to stop. Where interrupts are
    ignored or handled by somebody else, and outside the main thread, nothing changes.
    """
    before = signal.getsignal(signal.SIGINT)
    is_outermost = before is signal.default_int_handler and threading.current_thread() is threading.main_thread()
    if not is_outermost and not isinstance(before, _Noted):
        yield
        return
    noted = before if isinstance(before, _Noted) else _Noted()
    if is_outermost:
        signal.signal(signal.SIGINT, noted)
    try:
        yield
    finally:
        if is_outermost:
            signal.signal(signal.SIGINT, before)
        # Whatever was on its way out stands behind this as its context.
        if noted.came:
            raise KeyboardInterrupt
