"""Turn every interrupt into KeyboardInterrupt, also where DuckDB or dbt report it otherwise.

See docs/architecture.md#run: exit 130.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class _RecordingHandler:
    """Python's handler of SIGINT, which also records that it was called."""

    def __init__(self) -> None:
        self.was_called = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.was_called = True
        signal.default_int_handler(number, frame)


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise KeyboardInterrupt for an interrupt that arrives inside this context; may be nested.

    DuckDB reports an interrupt during a statement as ``RuntimeError`` and dbt as a failed result, and callers may wrap or
    retry either, so that the interrupt would be lost. Where interrupts are ignored or another handler is installed, and
    outside the main thread, nothing changes.
    """
    before = signal.getsignal(signal.SIGINT)
    is_outermost = before is signal.default_int_handler and threading.current_thread() is threading.main_thread()
    if not is_outermost and not isinstance(before, _RecordingHandler):
        yield
        return
    handler = before if isinstance(before, _RecordingHandler) else _RecordingHandler()
    if is_outermost:
        signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        if is_outermost:
            signal.signal(signal.SIGINT, before)
        # The original error stays attached as context.
        if handler.was_called:
            raise KeyboardInterrupt
