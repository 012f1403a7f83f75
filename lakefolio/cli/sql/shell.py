"""Read statements from a terminal and answer each: the interactive form of `lakefolio sql`."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lakefolio.cli.sql.query_output import print_table
from lakehouse.errors import LakehouseError

if TYPE_CHECKING:
    from lakehouse.connection.user_sql import UserSql

PROMPT, CONTINUED = "lake> ", "  ...> "
_HISTORY_LENGTH = 1000
HELP = """A statement ends with a semicolon and may take several lines.
.tables [SCHEMA]   tables and views, with their columns counted
.schema TABLE      columns of a table, such as results.weights
.help              this text
.quit              leave; so does the end of input"""
_TABLES = (
    "select schema_name || '.' || table_name as table_name, count(*) as n_columns from duckdb_columns() "
    "where database_name = 'lake' and schema_name like '{schema}' group by all order by all"
)


def run_shell(lake: UserSql, read: Callable[[str], str] = input) -> None:
    """Answer statements until `.quit` or the end of input; an error is one line, and an interrupt ends one statement.

    Parameters
    ----------
    read
        Shows a prompt and returns a line; raises EOFError at the end of input.
    """
    pending: list[str] = []
    with _python_interrupts():
        while True:
            try:
                line = read(CONTINUED if pending else PROMPT)
                if not pending and line.strip().startswith("."):
                    if _is_quit(lake, line.split()):
                        return
                    continue
                pending.append(line)
                if line.rstrip().endswith(";"):
                    text = "\n".join(pending)
                    pending.clear()
                    answer(lake, text)
            except EOFError:
                print()
                return
            except KeyboardInterrupt:
                pending.clear()
                print("\ninterrupted; .quit leaves", file=sys.stderr)


def answer(lake: UserSql, text: str) -> None:
    """Run every statement of a text; an error is one line and ends it."""
    try:
        for statement in lake.statements(text):
            print_table(lake.run(statement), None)
    except LakehouseError as error:
        print("error: " + one_line(error), file=sys.stderr)


def one_line(error: Exception) -> str:
    """Write a message in one line, without the copy of the statement that DuckDB adds."""
    text = str(error).partition("\n\nLINE ")[0]
    return "; ".join(part.strip() for part in text.splitlines() if part.strip())


@contextmanager
def history(file: Path) -> Iterator[None]:
    """Edit lines with readline, and keep their history in a file."""
    try:
        import readline
    except ImportError:  # pragma: no cover - a Python without readline reads plain lines
        yield
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.is_file():
        readline.read_history_file(file)
    readline.set_history_length(_HISTORY_LENGTH)
    try:
        yield
    finally:
        readline.write_history_file(file)


def _is_quit(lake: UserSql, words: list[str]) -> bool:
    """Follow a command that begins with a dot; True for the one that leaves."""
    match words:
        case [".quit" | ".exit"]:
            return True
        case [".tables", *rest] if len(rest) <= 1:
            answer(lake, _TABLES.format(schema=rest[0].replace("'", "") if rest else "%"))
        case [".schema", table]:
            answer(lake, f"describe {table}")
        case [".help"]:
            print(HELP)
        case _:
            print(f"error: {' '.join(words)!r} is no command; .help lists them", file=sys.stderr)
    return False


@contextmanager
def _python_interrupts() -> Iterator[None]:
    """Let an interrupt end the present statement rather than the program."""
    before = signal.getsignal(signal.SIGINT)
    if not callable(before):
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
