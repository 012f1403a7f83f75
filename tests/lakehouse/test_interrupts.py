"""An interrupt ends in KeyboardInterrupt, also when a library turns it into another error.

Each case runs in its own process, since workers of the test suite and their children ignore interrupts.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROLOGUE = """
import contextlib, os, signal, threading, time
from lakehouse.errors import ExtensionMissingError
from lakehouse.interrupts import interruptible

signal.signal(signal.SIGINT, signal.default_int_handler)

def never_ends():
    try:
        time.sleep(30)
    except KeyboardInterrupt:
        raise RuntimeError("Query interrupted")  # as DuckDB does in the middle of a statement

def never_ends_and_wraps():
    try:
        never_ends()
    except RuntimeError as error:
        raise ExtensionMissingError(str(error)) from error

def interrupt_soon():
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
"""


def run(body: str) -> str:
    """Run the body after the prologue; what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", PROLOGUE + textwrap.dedent(body)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("work", ["never_ends", "never_ends_and_wraps"])
def test_an_interrupt_that_a_library_or_a_package_wrapped_in_its_own_error(work: str) -> None:
    output = run(f"""
        interrupt_soon()
        try:
            with interruptible():
                {work}()
        except KeyboardInterrupt:
            print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
    """)
    assert output == "True"


def test_an_interrupt_that_a_retry_swallowed() -> None:
    output = run("""
        interrupt_soon()
        try:
            with interruptible(), interruptible(), contextlib.suppress(RuntimeError):
                never_ends()
        except KeyboardInterrupt:
            print("interrupted")
    """)
    assert output == "interrupted"


def test_without_an_interrupt_and_outside_the_main_thread_nothing_changes() -> None:
    output = run("""
        with contextlib.suppress(ZeroDivisionError), interruptible():
            1 / 0
        before = signal.getsignal(signal.SIGINT)
        def work():
            with interruptible():
                print(signal.getsignal(signal.SIGINT) is before)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with interruptible():
            print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)
    """)
    assert output == "True\nTrue"
