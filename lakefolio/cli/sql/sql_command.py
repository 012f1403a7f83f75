"""The command that queries the lake: one statement, a file of them, or an interactive shell."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ingest.cli.command_line import CommandLineError, quoted
from ingest.cli.options import OUTPUT, AsJson, Home, Wide, one_of, paths_of, whole_number
from lakehouse.paths import Paths

FORMATS = ("table", "csv", "json", "parquet")
_DAY_SECONDS = 86_400


def sql(
    query: Annotated[
        str | None,
        typer.Argument(metavar="[QUERY]", help="One SELECT statement; without it, a shell on a terminal, else stdin."),
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", metavar="FILE", help="Read the statements from a file.")] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            parser=whole_number(minimum=1), metavar="N",
            help="Most rows (default: 1,000 of a table on a terminal, else all).",
        ),
    ] = None,
    fmt: Annotated[
        str, typer.Option("--format", parser=one_of("format", lambda: FORMATS), metavar="table|csv|json|parquet")
    ] = "table",
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", help="File for csv, json or parquet.", rich_help_panel=OUTPUT),
    ] = None,
    timeout: Annotated[
        int | None,
        typer.Option(
            parser=whole_number(minimum=1, maximum=_DAY_SECONDS), metavar="SECONDS", help="Stop a statement after this."
        ),
    ] = None,
    memory_limit: Annotated[
        int,
        typer.Option(parser=whole_number(minimum=16, maximum=1_000_000_000), metavar="MIB", help="Memory of a statement."),
    ] = 4096,
    home: Home = None,
    as_json: AsJson = False,
    wide: Wide = False,
) -> None:  # fmt: skip
    """Query the lake, read-only. Without a query, a terminal gets a shell.

    A table rounds numbers and fits a terminal; csv, json and parquet have every row and digit.
    """
    fmt = "json" if as_json and fmt == "table" else fmt
    _check_output(fmt, output)
    text = _text_of(query, file)

    from lakefolio.cli.sql.query_output import print_table, write_rows
    from lakefolio.cli.sql.shell import history, run_shell
    from lakehouse.connection.user_sql import QueryLimits, UserSql

    paths = paths_of(home)
    with UserSql.open(paths, QueryLimits(timeout, memory_limit)) as lake:
        if text is None:
            print("lakefolio SQL, read-only; .help lists the commands, .quit leaves")
            with history(_history_file(paths)):
                run_shell(lake)
            return
        statements = lake.statements(text)
        if fmt != "table":
            if len(statements) != 1:
                raise CommandLineError(f"--format {fmt} writes the rows of one statement, not of {len(statements)}")
            write_rows(lake.run(statements[0]), fmt, limit, output)
            return
        for statement in statements:
            print_table(lake.run(statement), limit, wide=wide)


def _check_output(fmt: str, output: Path | None) -> None:
    if fmt == "parquet" and output is None:
        raise CommandLineError("--format parquet needs --output FILE, such as --output weights.parquet")
    if fmt == "table" and output is not None:
        raise CommandLineError("--output needs --format csv, json or parquet")
    if output is not None and not output.absolute().parent.is_dir():
        raise CommandLineError(f"--output {quoted(str(output))}: there is no folder {str(output.absolute().parent)!r}")


def _text_of(query: str | None, file: Path | None) -> str | None:
    """Take the statements from the command line, a file or standard input; None for the shell."""
    if query is not None and file is not None:
        raise CommandLineError("give a query or --file, not both")
    if file is not None:
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise CommandLineError(f"--file {quoted(str(file))} is not text in UTF-8") from None
    elif query is not None:
        text = query
    elif sys.stdin.isatty():
        return None
    else:
        text = sys.stdin.read()
    if not text.strip():
        raise CommandLineError("sql: the query is empty; give one SELECT statement")
    return text


def _history_file(paths: Paths) -> Path:
    return paths.root / "data" / "sql_history"
