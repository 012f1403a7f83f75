"""Commands that look at the lake and at runs."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict

import polars as pl
from rich.console import Console
from rich.markdown import Markdown

from lakefolio.audit.junit import junit_of_run
from lakefolio.cli import run_tables as inspection
from lakefolio.cli.output import WIDTH, paths_of, print_answer, print_json, print_table, print_tables
from lakefolio.errors import EXIT_DONE, LakefolioError
from lakefolio.pipeline.sequence import STEPS
from lakefolio.runs import comparison
from lakefolio.runs.progress import Reporter
from lakefolio.runs.start import find_run, resumed_run
from lakefolio.steps.publish import sync_list
from lakehouse.connection.catalog import Lake
from lakehouse.connection.user_sql import user_query
from reports.terminal import coverage_table, health_table, history_table

SHOWN = {
    "clusters": "select symbol, cluster_id, subcluster_id, label, purity, mean_correlation from results.clusters "
    "where run_id = ? and stage = 'full' order by cluster_id, symbol",
    "drift": "select * exclude (run_id) from results.drift where run_id = ? order by risk_profile, symbol",
    "gate": 'select * exclude (run_id) from results.audit_checks where run_id = ? order by passed, risk_profile, "check"',
    "regime": "select * exclude (run_id, stage) from results.regimes where run_id = ? and stage = 'full' "
    "order by session_date desc limit 20",
    "selection": "select * exclude (run_id) from results.selection where run_id = ? order by cluster_id, score desc",
    "solves": "select * exclude (run_id) from results.solves where run_id = ? order by risk_profile",
    "sync": "",
    "tournament": "select engine, risk_profile, simulator, status, metric, value from results.tournament_metrics "
    "where run_id = ? order by all",
    "weights": "select * exclude (run_id) from results.weights where run_id = ? order by risk_profile, weight desc",
}
"""Tables of one run that `show` prints."""

HEALTH_VIEWS = {
    "now": ("select * from reports.rpt_health where run_id = ? order by stage, status_rank, symbol", health_table),
    "history": (
        (
            "select seen.* from reports.rpt_health_history as seen semi join reports.rpt_health_history as asked "
            "on asked.run_id = ? and asked.source = seen.source and asked.stage = seen.stage and asked.symbol = seen.symbol "
            "and asked.started_at >= seen.started_at order by symbol, stage, started_at desc, run_id desc"
        ),
        history_table,
    ),
    "coverage": (
        "select * from reports.rpt_health_coverage where run_id = ? order by stage, ok_share, asset_class, venue",
        coverage_table,
    ),
}
"""What `health` reads and how it prints it."""


def steps(options: argparse.Namespace) -> int:
    """Print the steps in order."""
    if options.json:
        print_json([asdict(step) for step in STEPS])
    else:
        rows = [{"number": step.number, "name": step.name, "description": step.description} for step in STEPS]
        print_table(pl.DataFrame(rows))
    return EXIT_DONE


def status(options: argparse.Namespace) -> int:
    """Runs, the newest first, with the last step that each finished."""
    with Lake.open(paths_of(options), read_only=True) as lake:
        frame = lake.query(
            "select runs.run_id, runs.profile, runs.source, runs.as_of, runs.is_simulated, "
            "arg_max(steps.step, steps.started_at) as last_step, arg_max(steps.status, steps.started_at) as status, "
            "sum(steps.seconds) as seconds, runs.started_at from results.runs as runs "
            "left join results.steps as steps on runs.run_id = steps.run_id group by all order by runs.started_at desc"
        )
    print_answer(frame, options)
    return EXIT_DONE


def sql(options: argparse.Namespace) -> int:
    """Query the lake, read-only."""
    frame = user_query(paths_of(options), options.query, options.limit)
    if options.format == "csv":
        sys.stdout.write(frame.write_csv())
    elif options.format == "json":
        sys.stdout.write(frame.write_json() + "\n")
    else:
        print_table(frame)
    return EXIT_DONE


def show(options: argparse.Namespace) -> int:
    """One table of a run."""
    paths = paths_of(options)
    run_id = find_run(paths, options.run_id)
    if options.what == "sync":
        print_answer(
            pl.DataFrame(sync_list(paths.run_dir(run_id)), schema=["artifact", "bytes"], orient="row"), options
        )
        return EXIT_DONE
    with Lake.open(paths, read_only=True) as lake:
        print_answer(lake.query(SHOWN[options.what], [run_id]), options)
    return EXIT_DONE


def orders(options: argparse.Namespace) -> int:
    """Orders of a run."""
    paths = paths_of(options)
    with Lake.open(paths, read_only=True) as lake:
        frame = lake.query(
            "select * exclude (run_id) from results.orders where run_id = ? and (? is null or risk_profile = ?) order by all",
            [find_run(paths, options.run_id), options.risk_profile, options.risk_profile],
        )
    print_answer(frame, options)
    return EXIT_DONE


def display(options: argparse.Namespace) -> int:
    """The report of a run, in the terminal."""
    paths = paths_of(options)
    report = paths.run_file(find_run(paths, options.run_id), "portfolio_report.md")
    if not report.is_file():
        raise LakefolioError("this run published no report")
    Console().print(Markdown(report.read_text(encoding="utf-8")))
    return EXIT_DONE


def diff(options: argparse.Namespace) -> int:
    """What differs between two runs: manifest, inputs, selection, weights."""
    paths = paths_of(options)
    with Lake.open(paths, read_only=True) as lake:
        frame = comparison.compare(lake, paths, find_run(paths, options.left), find_run(paths, options.right))
    print_answer(frame, options)
    return EXIT_DONE


def health(options: argparse.Namespace) -> int:
    """Data health of a run's instruments, coloured; with --history or --coverage, over runs or by class and venue."""
    paths = paths_of(options)
    run_id = find_run(paths, options.run_id)
    view = "history" if options.history else "coverage" if options.coverage else "now"
    query, table = HEALTH_VIEWS[view]
    with Lake.open(paths, read_only=True) as lake:
        frame = lake.query(query, [run_id])
        if options.junit:
            junit_of_run(lake, run_id, options.junit)
    if options.json:
        sys.stdout.write(frame.write_json() + "\n")
    else:
        # A pipe has no width of its own; a terminal has.
        Console(width=None if sys.stdout.isatty() else WIDTH).print(table(frame))
    return EXIT_DONE


def analyze(options: argparse.Namespace) -> int:
    """Clusters of a run, their drift and hedge anchors; with --cluster, one of them taken apart."""
    paths = paths_of(options)
    run_id = find_run(paths, options.run_id)
    if options.cluster is not None:
        tables = inspection.zoom(resumed_run(paths, run_id, Reporter()), options.cluster)
    else:
        with Lake.open(paths, read_only=True) as lake:
            tables = inspection.clusters_of(lake, run_id)
    print_tables(tables, options)
    return EXIT_DONE


def correlations(options: argparse.Namespace) -> int:
    """Correlations of a run's winners."""
    paths = paths_of(options)
    with Lake.open(paths, read_only=True) as lake:
        print_tables(inspection.correlations_of(lake, find_run(paths, options.run_id)), options)
    return EXIT_DONE


def sensitivity(options: argparse.Namespace) -> int:
    """What every other cut of a run's tree would give."""
    paths = paths_of(options)
    with Lake.open(paths, read_only=True) as lake:
        print_tables(inspection.sensitivity_of(lake, find_run(paths, options.run_id)), options)
    return EXIT_DONE
