"""An interrupt ends in KeyboardInterrupt, whatever the work that it met made of it."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable

import duckdb
import pytest

from lakehouse.errors import ExtensionMissingError
from lakehouse.interrupts import interruptible

Work = Callable[[], None]

LONG = "select sum(hash(range)) from range(100_000_000_000)"


def never_ends() -> None:
    with duckdb.connect() as connection:
        connection.execute(LONG).fetchall()


def never_ends_and_says_why() -> None:
    try:
        never_ends()
    except RuntimeError as error:
        raise ExtensionMissingError(str(error)) from error


def interrupt_soon() -> None:
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()


@pytest.mark.parametrize("work", [never_ends, never_ends_and_says_why])
def test_an_interrupt_inside_a_statement_of_duckdb_and_one_that_a_room_wrapped_in_its_own_error(work: Work) -> None:
    before = signal.getsignal(signal.SIGINT)
    interrupt_soon()
    with pytest.raises(KeyboardInterrupt), interruptible():
        work()
    assert signal.getsignal(signal.SIGINT) is before


def test_an_interrupt_that_a_retry_swallowed() -> None:
    interrupt_soon()
    with pytest.raises(KeyboardInterrupt), interruptible(), interruptible(), contextlib.suppress(RuntimeError):
        never_ends()


def test_an_error_without_an_interrupt_stays_what_it_is() -> None:
    with pytest.raises(ZeroDivisionError), interruptible():
        1 / 0  # noqa: B018


def test_elsewhere_than_in_the_main_thread_nothing_changes() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen: list[object] = []

    def work() -> None:
        with interruptible():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
