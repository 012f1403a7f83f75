"""Commands that show the steps, the lake and the results of runs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ingest.cli.command_line import CommandLineError
from ingest.cli.options import AsJson, Home, Junit, Wide, one_of, paths_of, whole_number
from lakefolio.cli.options import RiskProfileOption, RunId, RunIdChoice, find_run_id, read_lake
from lakefolio.cli.output import Output, document
from lakefolio.errors import LakefolioError

if TYPE_CHECKING:
    import polars as pl

    from lakehouse.connection.catalog import Lake

RunName = Annotated[str, typer.Argument(help="Run id, 'latest' or 'newest'.")]
SHOWN_METRICS = ("sharpe", "cagr", "max_drawdown")

HEALTH_QUERIES = {
    "now": "select * from reports.rpt_health where run_id = ? order by stage, status_rank, symbol",
    "history": "select seen.* from reports.rpt_health_history as seen semi join reports.rpt_health_history as asked "
    "on asked.run_id = ? and asked.source = seen.source and asked.stage = seen.stage and asked.symbol = seen.symbol "
    "and asked.started_at >= seen.started_at order by symbol, stage, started_at desc, run_id desc",
    "coverage": "select * from reports.rpt_health_coverage where run_id = ? order by stage, ok_share, asset_class, venue",
}
REFUSED_BARS = (
    "select distinct refused.symbol, refused.session_date, refused.reason, refused.detail from raw.quarantine as refused "
    "semi join reports.rpt_health as health on health.run_id = ? and health.status = 'INVALID' "
    "and health.symbol = refused.symbol "
    "where refused.source = (select source from scope.runs where run_id = ?) order by all"
)
"""Bars that were set aside and make a series INVALID."""


def _view_names() -> tuple[str, ...]:
    from lakefolio.cli.views import VIEWS

    return tuple(sorted(VIEWS))


def steps(as_json: AsJson = False) -> None:
    """List the steps of a run in order."""
    from lakefolio.cli.views import STEPS
    from lakefolio.pipeline.sequence import STEPS as DECLARED

    rows: list[dict[str, Any]] = [
        {
            "number": step.number,
            "name": step.name,
            "description": step.description,
            "inputs": step.inputs,
            "outputs": step.outputs,
        }
        for step in DECLARED
    ]
    if as_json:
        document(rows)
    else:
        Output().rows(rows, STEPS)


def status(home: Home = None, as_json: AsJson = False, wide: Wide = False) -> None:
    """List the runs, the newest first, with the last step of each."""
    from lakefolio.cli.views import STATUS

    with read_lake(paths_of(home)) as lake:
        frame = lake.query(STATUS.query)
    Output(as_json, wide).frame(frame, STATUS.fields)


def show(
    table: Annotated[
        str,
        typer.Argument(
            parser=one_of("table of a run", _view_names), metavar="TABLE", autocompletion=_view_names,
            help="clusters, drift, gate, regime, selection, solves, sync, tournament or weights.",
        ),
    ],
    run_id: RunIdChoice = "latest",
    home: Home = None,
    as_json: AsJson = False,
    wide: Wide = False,
) -> None:  # fmt: skip
    """Show one table of a run."""
    import polars as pl

    from lakefolio.cli.unfinished import require_written
    from lakefolio.cli.views import VIEWS
    from lakefolio.steps.publish import sync_list

    paths, view, output = paths_of(home), VIEWS[table], Output(as_json, wide)
    found = find_run_id(paths, run_id)
    if table == "sync":
        frame = pl.DataFrame(sync_list(paths.run_dir(found)), schema=["artifact", "bytes"], orient="row")
    else:
        with read_lake(paths) as lake:
            frame = lake.query(view.query, [found])
    if frame.is_empty() and view.table:
        message = require_written(paths, found, view.table, view.words or table)
        if not as_json:
            print(message)
            return
    if table == "tournament" and not as_json:
        frame = _by_metric(frame, wide=wide)
    output.frame(frame, view.fields)


def _by_metric(frame: pl.DataFrame, *, wide: bool) -> pl.DataFrame:
    """Put the metrics of each engine, risk profile and simulator side by side, without those that did not run."""
    import polars as pl

    keys = ["engine", "risk_profile", "simulator", "status"]
    if not wide:
        frame = frame.filter(pl.col("metric").is_in(SHOWN_METRICS) & pl.col("value").is_not_null())
    pivoted = frame.pivot("metric", index=keys, values="value")
    absent = [name for name in SHOWN_METRICS if name not in pivoted.columns]
    return pivoted.with_columns(pl.lit(None, pl.Float64).alias(name) for name in absent)


def display(
    run_id: RunId = "latest",
    section: Annotated[
        str | None, typer.Option("--section", metavar="TEXT", help="Only sections whose heading contains this.")
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
    wide: Wide = False,
) -> None:
    """Show the report of a run: fitted to a terminal, in a pipe the Markdown as it stands in the file."""
    from lakefolio.cli.terminal.report_view import headings_of, report_parts, section_of
    from lakefolio.cli.unfinished import describe_absence

    paths = paths_of(home)
    found = find_run_id(paths, run_id)
    report = paths.run_file(found, "portfolio_report.md")
    if not report.is_file():
        raise LakefolioError(describe_absence(paths, found, "report", "report"))
    text = report.read_text(encoding="utf-8")
    if section is not None:
        part = section_of(text, section)
        if part is None:
            raise CommandLineError(f"--section {section!r} is no heading; there are {', '.join(headings_of(text))}")
        text = part
    output = Output(as_json, wide)
    if as_json:
        document({"run_id": found, "report": text})
    elif output.is_limited or wide:
        output.show(*report_parts(text, output), n_lines=text.count("\n"))
    else:
        print(text, end="")


def health(
    run_id: RunIdChoice = "latest",
    history: Annotated[
        bool, typer.Option("--history", help="Show this and earlier runs of each symbol, the newest first.")
    ] = False,
    coverage: Annotated[bool, typer.Option("--coverage", help="Count instruments by class, venue and status.")] = False,
    junit: Junit = None,
    home: Home = None,
    as_json: AsJson = False,
    wide: Wide = False,
) -> None:
    """Show the data health of a run, coloured by status."""
    if history and coverage:
        raise CommandLineError("--history and --coverage show different tables; give one of them")

    from lakefolio.audit.junit import junit_of_run
    from lakefolio.cli.health_tables import print_health
    from lakefolio.cli.unfinished import require_written

    paths, view = paths_of(home), "history" if history else "coverage" if coverage else "now"
    found = find_run_id(paths, run_id)
    with read_lake(paths) as lake:
        if "reports.rpt_health" not in lake.tables():
            raise LakefolioError(
                "no run of this lake has built the report views yet; `lakefolio dbt run --select tag:reports` builds them"
            )
        frame = lake.query(HEALTH_QUERIES[view], [found])
        refused = lake.query(REFUSED_BARS, [found, found]) if view == "now" else None
        if frame.is_empty():
            require_written(paths, found, "results.health:light", "data health")
        if junit is not None:
            junit_of_run(lake, found, junit)
    print_health(frame, view, Output(as_json, wide))
    if refused is not None and not as_json:
        for row in refused.to_dicts():
            print(
                f"{row['symbol']} is INVALID: {row['session_date']} {row['reason']}: {row['detail'] or 'see raw.quarantine'}"
            )


def analyze(
    run_id: RunId = "latest",
    cluster: Annotated[
        int | None,
        typer.Option(parser=whole_number(minimum=0, maximum=100_000), metavar="ID", help="Split this cluster further."),
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
    wide: Wide = False,
) -> None:
    """Show the clusters of a run, their drift and the hedge anchors."""
    from lakefolio.cli import run_tables

    if cluster is None:
        _show_tables(run_tables.clusters_of, run_id, home, Output(as_json, wide))
        return

    from lakefolio.cli.views import ANALYSIS
    from lakefolio.runs.progress import Reporter
    from lakefolio.runs.start import resumed_run

    paths = paths_of(home)
    resumed = resumed_run(paths, find_run_id(paths, run_id), Reporter())
    try:
        tables = run_tables.zoom(resumed, cluster)
    finally:
        resumed.close()
    Output(as_json, wide).frames(tables, ANALYSIS)


def correlations(run_id: RunId = "latest", home: Home = None, as_json: AsJson = False, wide: Wide = False) -> None:
    """Show the correlations of a run's winners."""
    from lakefolio.cli import run_tables

    _show_tables(run_tables.correlations_of, run_id, home, Output(as_json, wide))


def sensitivity(run_id: RunId = "latest", home: Home = None, as_json: AsJson = False, wide: Wide = False) -> None:
    """Show the clusters that every other threshold would give."""
    from lakefolio.cli import run_tables

    _show_tables(run_tables.sensitivity_of, run_id, home, Output(as_json, wide))


def _show_tables(
    read: Callable[[Lake, str], Mapping[str, pl.DataFrame]], run_id: str, home: Home, output: Output
) -> None:
    from lakefolio.cli.views import ANALYSIS

    paths = paths_of(home)
    found = find_run_id(paths, run_id)
    with read_lake(paths) as lake:
        output.frames(read(lake, found), ANALYSIS)


def orders(
    run_id: RunId = "latest",
    risk_profile: RiskProfileOption = None,
    home: Home = None,
    as_json: AsJson = False,
    wide: Wide = False,
) -> None:
    """Show the orders of a run."""
    from lakefolio.cli.unfinished import require_written
    from lakefolio.cli.views import ORDERS

    paths = paths_of(home)
    found = find_run_id(paths, run_id)
    with read_lake(paths) as lake:
        frame = lake.query(ORDERS.query, [found, risk_profile, risk_profile])
    if frame.is_empty():
        of_profile = f" of risk profile {risk_profile}" if risk_profile else ""
        message = require_written(paths, found, ORDERS.table, f"orders{of_profile}")
        if not as_json:
            print(message)
            return
    Output(as_json, wide).frame(frame, ORDERS.fields)


def diff(left: RunName, right: RunName, home: Home = None, as_json: AsJson = False, wide: Wide = False) -> None:
    """Compare two runs: settings, inputs, winners, weights and tournament."""
    from lakefolio.cli.views import DIFFERENCES
    from lakefolio.runs.comparison import compare, summarize

    paths = paths_of(home)
    with read_lake(paths) as lake:
        frame = compare(lake, paths, find_run_id(paths, left), find_run_id(paths, right))
    if not as_json:
        sys.stdout.write("\n".join(summarize(frame)) + "\n")
    if as_json or frame.height:
        Output(as_json, wide).frame(frame, DIFFERENCES)
