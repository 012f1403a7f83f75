"""Run one command of a typer application and turn every ending into an exit code and one line.

Exit codes are those of docs/architecture.md#run. A wrong command, option or value is reported on one line of standard
error that names it and the nearest valid word.
"""

from __future__ import annotations

import difflib
import errno
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

from ingest.errors import (
    IngestError,
    NotATableError,
    ScannerConfigError,
    SymbolRefusedError,
    UnknownInstrumentError,
    UnknownVenueError,
)
from lakehouse.errors import LakehouseError, LakeMissingError, PathRefusedError, QueryRefusedError
from lakehouse.interrupts import interruptible

DONE, FAILED, USAGE, INTERRUPTED, TERMINATED = 0, 1, 2, 130, 143
TRACEBACK_VARIABLE = "LAKEFOLIO_TRACEBACK"
"""Set to 1, it shows where an unexpected error happened."""

UNUSABLE_INPUT = (
    PathRefusedError,
    QueryRefusedError,
    SymbolRefusedError,
    ScannerConfigError,
    NotATableError,
    UnknownInstrumentError,
    UnknownVenueError,
    LakeMissingError,
)
"""Errors that the user's own input causes: they end with exit code 2."""

_FILE_PROBLEMS = frozenset({
    errno.ENOENT, errno.EACCES, errno.EPERM, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EROFS,
    errno.EEXIST,
})  # fmt: skip
_LONGEST_VALUE = 80


class CommandLineError(Exception):
    """A word or a combination of words that a command does not accept; exit code 2."""


class CommandGroup(TyperGroup):
    """A group of commands that refuses an unknown command with the nearest one."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Find the command that the first word names.

        Raises
        ------
        CommandLineError
            There is no such command.
        """
        if args and self.get_command(ctx, args[0]) is None and not ctx.resilient_parsing:
            hint = nearest_of(args[0], self.list_commands(ctx), f"`{ctx.command_path} --help` lists them")
            raise CommandLineError(f"there is no command {quoted(args[0])}; {hint}")
        return super().resolve_command(ctx, args)


@dataclass(frozen=True, slots=True)
class Program:
    """A command line: its name in messages, its application and the exit code of each error it may end with.

    Attributes
    ----------
    exit_code_of : callable
        Exit code of an expected error; None for an error that the program does not expect.
    interrupted_hint : str
        What to do after an interrupt.
    """

    name: str
    usage: str
    app: typer.Typer
    exit_code_of: Callable[[Exception], int | None]
    interrupted_hint: str = ""

    def command_tree(self) -> TyperCommand | TyperGroup:
        """Make the tree of commands and options."""
        tree = typer.main.get_command(self.app)
        if not isinstance(tree, TyperCommand | TyperGroup):  # pragma: no cover - typer makes nothing else
            raise TypeError(type(tree))
        return tree

    def run(self, arguments: Sequence[str] | None = None) -> int:
        """Run one command and return its exit code; `arguments` stand for those of the process."""
        words = list(sys.argv[1:] if arguments is None else arguments)
        with _termination_as_interrupt() as termination:
            try:
                code = self._invoke(words)
                sys.stdout.flush()
            except KeyboardInterrupt:
                code = INTERRUPTED
            except BrokenPipeError:
                # The reader of the output has enough; the rest goes nowhere, and nothing complains at the end.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                return FAILED
        if code == INTERRUPTED:
            code = TERMINATED if termination else INTERRUPTED
            self._complain(("terminated" if termination else "interrupted") + self.interrupted_hint)
        return code

    def _invoke(self, words: list[str]) -> int:
        tree = self.command_tree()
        try:
            with interruptible():
                result = tree.main(args=words, prog_name=self.usage, standalone_mode=False)
        except SystemExit as ended:
            return ended.code if isinstance(ended.code, int) else FAILED
        except TyperException as error:
            self._complain(describe_usage_error(error, tree))
            return USAGE
        except BrokenPipeError:
            raise
        except Exception as error:
            return self._report(error)
        return result if isinstance(result, int) else DONE

    def _report(self, error: Exception) -> int:
        code = USAGE if isinstance(error, CommandLineError) else self.exit_code_of(error)
        if code is not None:
            text = str(error)
            self._complain("; ".join(filter(None, map(str.strip, text.splitlines()))) if code == USAGE else text)
            return code
        if os.environ.get(TRACEBACK_VARIABLE) == "1":
            raise error
        if isinstance(error, OSError):
            where = f"{error.filename}: " if error.filename is not None else ""
            self._complain(f"{where}{error.strerror or error}")
            return USAGE if error.errno in _FILE_PROBLEMS else FAILED
        first = next(iter(str(error).splitlines()), "")
        self._complain(f"unexpected {type(error).__name__}: {first}; {TRACEBACK_VARIABLE}=1 shows where it happened")
        return FAILED

    def _complain(self, text: str) -> None:
        sys.stderr.write(f"{self.name}: {text}\n")


def exit_code_of_landing(error: Exception) -> int | None:
    """Exit code of an error of `ingest` or `lakehouse`; None for any other."""
    if isinstance(error, UNUSABLE_INPUT):
        return USAGE
    return FAILED if isinstance(error, IngestError | LakehouseError) else None


def describe_usage_error(error: TyperException, tree: TyperCommand | TyperGroup) -> str:
    """Say in one line which word typer refused, why, and which valid word is the nearest."""
    context = getattr(error, "ctx", None)
    program = tree.name or "" if context is None else context.command_path
    option, parameter = getattr(error, "option_name", None), getattr(error, "param", None)
    if option is not None:
        return _describe_option(error, str(option), program, tree)
    if parameter is not None:
        name = parameter.opts[0] if parameter.opts[0].startswith("-") else (parameter.metavar or parameter.name.upper())
        is_missing = hasattr(error, "param_type")
        return f"`{program}` needs {name}; see `{program} --help`" if is_missing else f"{name} {error.message}"
    extra = re.search(r"extra arguments?(?:\(s\))? \((.*)\)$", error.message, flags=re.DOTALL)
    if extra is not None:
        return f"`{program}` does not accept {quoted(extra.group(1))}; see `{program} --help`"
    if error.message.startswith("Missing command"):
        return f"give a command; `{program} --help` lists them"
    return f"{error.message[:1].lower()}{error.message[1:]}"


def _describe_option(error: TyperException, option: str, program: str, tree: TyperCommand | TyperGroup) -> str:
    if hasattr(error, "possibilities"):
        return (
            f"`{program}` has no option {quoted(option)}; {_nearest_option(option, getattr(error, 'ctx', None), tree)}"
        )
    return f"option {option} needs a value" if "requires an argument" in error.message else error.message


def paragraphs(docstring: str | None) -> str:
    """Join the lines of each paragraph of a docstring, so that a terminal breaks them where it is wide."""
    return "\n\n".join(" ".join(part.split()) for part in (docstring or "").split("\n\n"))


def nearest_of(word: str, valid: Iterable[str], otherwise: str) -> str:
    """Hint at the valid word that is the nearest, or say what to do where none is near."""
    by_fold = {name.casefold(): name for name in sorted(set(valid))}
    close = [by_fold[fold] for fold in difflib.get_close_matches(word.casefold(), by_fold, n=1, cutoff=0.5)]
    return f"did you mean {close[0]!r}?" if close else otherwise


def quoted(value: str) -> str:
    """Quote a value for a message, cut where it is long."""
    return repr(value if len(value) <= _LONGEST_VALUE else f"{value[:_LONGEST_VALUE]}...")


def _nearest_option(option: str, context: Any, tree: TyperCommand | TyperGroup) -> str:
    command = tree if context is None else context.command
    known = [name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)]
    below = getattr(command, "commands", {})
    if any(option in parameter.opts for child in below.values() for parameter in child.params):
        return "give it after the command"
    return nearest_of(option, [name for name in known if name.startswith("-")], "--help lists them")


@contextmanager
def _termination_as_interrupt() -> Iterator[list[int]]:
    """Let SIGTERM end a command on the way of an interrupt, so that locks and files are left in order.

    Yields a list that is empty until the signal arrives. Outside the main thread, and where another handler is
    installed, nothing changes.
    """
    arrived: list[int] = []

    def terminate(number: int, frame: FrameType | None) -> None:
        arrived.append(number)
        handler = signal.getsignal(signal.SIGINT)
        if callable(handler):
            handler(signal.SIGINT, frame)
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield arrived
        return
    signal.signal(signal.SIGTERM, terminate)
    try:
        yield arrived
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
