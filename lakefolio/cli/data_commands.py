"""Commands that check the configuration of scans and run dbt on the lake."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
import yaml

from ingest.cli.command_line import nearest_of, quoted
from ingest.cli.options import AsJson, Home, paths_of
from lakefolio.cli.output import document
from lakefolio.errors import EXIT_DONE, EXIT_FAILED, EXIT_USAGE, UsageError

DBT_CONTEXT = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
"""Everything after `dbt` belongs to dbt."""


def scanners(
    resolved: Annotated[
        bool, typer.Option("--resolved", help="Print each scanner with all its layers merged.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Fail for a warning too.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> int:
    """Check every scanner file offline; an error ends with exit 2, with --strict a warning with exit 1."""
    from ingest.reference.venues import Venues
    from ingest.screening.scanner_lint import failures, lint
    from ingest.screening.scanners import load_scanners
    from lakefolio.runs.progress import counted

    paths = paths_of(home)
    findings = lint(paths.configs, Venues.of(paths))
    failing = failures(findings, strict=strict)
    is_broken = any(one.severity == "error" for one in failing)
    loaded = load_scanners(paths.configs) if resolved and not is_broken else ()
    whole = [scanner.model_dump(mode="json") for scanner in loaded]
    if as_json:
        rows = [one.as_json() for one in findings]
        document({"findings": rows, "scanners": whole} if resolved else {"findings": rows})
    else:
        if resolved:
            document(whole)
        for one in findings:
            print(one, file=sys.stderr if resolved else sys.stdout)
        print(f"{counted(len(findings), 'finding')}, {len(failing)} of them fail", file=sys.stderr)
    if not failing:
        return EXIT_DONE
    return EXIT_USAGE if is_broken else EXIT_FAILED


def _variables(words: Sequence[str]) -> tuple[list[str], dict[str, Any]]:
    """Take `--vars` out of the words of a dbt command; its value is YAML, as dbt reads it."""
    left, variables, rest = list[str](), dict[str, Any](), iter(words)
    for word in rest:
        name, _, value = word.partition("=")
        if name != "--vars":
            left.append(word)
            continue
        given = yaml.safe_load(value or next(rest, ""))
        if not isinstance(given, dict):
            raise UsageError(f"dbt: --vars takes a mapping, such as 'run_id: RUN', and not {quoted(str(given))}")
        variables |= given
    return left, variables


def dbt(context: typer.Context) -> int:
    """Run dbt on this lake, for the newest run's scope, such as `lakefolio dbt build --select tag:prices`.

    Everything after `dbt` goes to dbt itself; `--home` stands before it.
    """
    from lakehouse.dbt.runner import run_dbt

    paths = paths_of(context.find_root().params.get("home"))
    if not context.args:
        raise UsageError("dbt: give a dbt command, such as `lakefolio dbt build --select tag:prices`")

    from dbt.cli.main import cli

    command = context.args[0]
    if not command.startswith("-") and command not in cli.commands:
        hint = nearest_of(command, cli.commands, "`lakefolio dbt --help` lists them")
        raise UsageError(f"dbt has no command {quoted(command)}; {hint}")
    words, variables = _variables(context.args)
    result = run_dbt(paths, words, variables, log_path=paths.dbt_logs)
    for node in result.nodes:
        print(f"{node.status:>8} {node.kind:<8} {node.name} {node.seconds:.2f} s {node.message or ''}".rstrip())
    return EXIT_DONE if result.success else EXIT_FAILED
