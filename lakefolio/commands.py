"""What each command does; the only module that writes to stdout."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console
from rich.markdown import Markdown

from ingest.scanner_lint import failures, lint
from ingest.scanners import load_scanners
from ingest.venues import Venues
from lakefolio import care, comparison, inspection, reproduction
from lakefolio.doctor import diagnose
from lakefolio.errors import EXIT_DONE, EXIT_FAILED, EXIT_USAGE, FrontDoorError, UsageError, VerificationError
from lakefolio.forex import ForexOptions, audit_forex
from lakefolio.gate import Evidence, judge
from lakefolio.junit import junit_of_run
from lakefolio.keys import TrustedKey
from lakefolio.launch import Wanted, find_run, new_run, resumed_run, run_facts
from lakefolio.manifest import json_schema
from lakefolio.outputs import RecordedScope, hash_of
from lakefolio.progress import Reporter
from lakefolio.publication import limits_of, point_latest, require_passed, sync_list
from lakefolio.run import run_lock
from lakefolio.runner import Span, execute
from lakefolio.state import accept_portfolio
from lakefolio.steps import STEPS
from lakefolio.verification import RunEvidence, verify_run
from lakehouse.catalog import Lake
from lakehouse.dbt import run_dbt
from lakehouse.paths import Paths
from lakehouse.sandbox import user_query
from reports.terminal import coverage_table, health_table, history_table

SHOWN = {
    "clusters": "select symbol, cluster_id, subcluster_id, label, purity, mean_correlation from results.clusters "
    "where run_id = ? and stage = 'full' order by cluster_id, symbol",
    "drift": "select * exclude (run_id) from results.drift where run_id = ? order by profile, symbol",
    "gate": 'select * exclude (run_id) from results.audit_checks where run_id = ? order by passed, profile, "check"',
    "regime": "select * exclude (run_id, stage) from results.regimes where run_id = ? and stage = 'full' "
    "order by session_date desc limit 20",
    "selection": "select * exclude (run_id) from results.selection where run_id = ? order by cluster_id, score desc",
    "solves": "select * exclude (run_id) from results.solves where run_id = ? order by profile",
    "sync": "",
    "tournament": "select engine, profile, simulator, status, metric, value from results.tournament_metrics "
    "where run_id = ? order by all",
    "weights": "select * exclude (run_id) from results.weights where run_id = ? order by profile, weight desc",
}
"""Tables of one run that `show` prints."""


WIDTH = 220
"""Characters in a line of a table, where no terminal says otherwise."""

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


def run(options: argparse.Namespace) -> int:
    """Run the steps."""
    paths = _paths(options)
    span = Span.of(options.start_step, options.stop_step)
    reporter = Reporter()
    wanted = Wanted(
        options.profile,
        options.manifest,
        options.source,
        options.path,
        options.as_of,
        options.run_id,
        tuple(options.set),
    )
    resumes = options.run_id is not None and paths.run_dir(options.run_id).is_dir()
    if span.first.number > 1 and not resumes:
        raise UsageError(
            f"--start-step {span.first.name} needs --run-id of a run that began; `lakefolio status` lists them"
        )
    with run_lock(paths, f"a run of profile {options.profile}") as name_holder:
        started = resumed_run(paths, options.run_id, reporter) if resumes else new_run(paths, wanted, reporter)
        name_holder(f"run {started.run_id}")
        label = " SIMULATED market" if started.source.is_simulated else ""
        reporter.say(f"run {started.run_id}: profile {started.profile}, as of {started.as_of}{label}")
        execute(started, span)
        if span.last is STEPS[-1]:
            point_latest(started)
    if options.json:
        _emit({"run_id": started.run_id, "as_of": started.as_of_text, "folder": str(started.folder), "status": "done"})
    else:
        reporter.say(f"done: {os.path.relpath(started.folder)}")
    return EXIT_DONE


def forex(options: argparse.Namespace) -> int:
    """Audit the currency pairs of a source: liquidity, health, clusters."""
    paths = _paths(options)
    wanted = Wanted(
        options.profile,
        options.manifest,
        options.source,
        options.path,
        options.as_of,
        options.run_id,
        tuple(options.set),
    )
    reporter = Reporter()
    with run_lock(paths, "a forex audit") as name_holder:
        run = new_run(paths, wanted, reporter, kind="forex")
        name_holder(f"run {run.run_id}")
        try:
            liquidity = audit_forex(
                run,
                ForexOptions(options.fast, not options.no_backfill, not options.no_gap_fill, options.include_excluded),
            )
        finally:
            run.close()
    _show(liquidity, options)
    reporter.say(f"done: {os.path.relpath(run.folder / 'forex')}")
    return EXIT_DONE


def steps(options: argparse.Namespace) -> int:
    """Print the steps in order."""
    rows = [{"number": step.number, "name": step.name, "answers": step.answers} for step in STEPS]
    if options.json:
        _emit([{**row, "inputs": step.inputs, "outputs": step.outputs} for row, step in zip(rows, STEPS, strict=True)])
    else:
        _table(pl.DataFrame(rows))
    return EXIT_DONE


def status(options: argparse.Namespace) -> int:
    """Runs, the newest first, with the last step that each finished."""
    with Lake.open(_paths(options), read_only=True) as lake:
        frame = lake.query(
            "select runs.run_id, runs.profile, runs.source, runs.as_of, runs.is_simulated, "
            "arg_max(steps.step, steps.started_at) as last_step, arg_max(steps.status, steps.started_at) as status, "
            "sum(steps.seconds) as seconds, runs.started_at from results.runs as runs "
            "left join results.steps as steps on runs.run_id = steps.run_id group by all order by runs.started_at desc"
        )
    _show(frame, options)
    return EXIT_DONE


def sql(options: argparse.Namespace) -> int:
    """Query the lake, read-only."""
    frame = user_query(_paths(options), options.query, options.limit)
    if options.format == "csv":
        sys.stdout.write(frame.write_csv())
    elif options.format == "json":
        sys.stdout.write(frame.write_json() + "\n")
    else:
        _table(frame)
    return EXIT_DONE


def verify(options: argparse.Namespace) -> int:
    """Check ledger, checkpoints, artifacts and tables of a run; exit 5 where one is not what was signed."""
    paths = _paths(options)
    run_id = find_run(paths, options.run_id)
    key = TrustedKey.load(options.key or paths.ledger_keys / "ledger.pub")
    evidence = RunEvidence(run_id, paths.run_dir(run_id), paths.checkpoints / f"{run_id}.jsonl", key)
    findings = verify_run(evidence)
    if not findings:
        facts = run_facts(evidence.folder)
        scope = RecordedScope(run_id, facts["source"], facts["as_of"])
        with Lake.open(paths, read_only=True) as lake:
            findings = verify_run(evidence, lambda name: hash_of(lake, name, scope))
    if options.json:
        _emit({"run_id": run_id, "verified": not findings, "findings": [str(finding) for finding in findings]})
    if findings:
        raise VerificationError(f"run {run_id} is not what was signed:\n" + "\n".join(f"  {f}" for f in findings))
    if not options.json:
        print(f"run {run_id}: every line, checkpoint, artifact and table is what was signed")
    return EXIT_DONE


def reproduce(options: argparse.Namespace) -> int:
    """Run again from the recorded snapshots into a scratch folder and compare every content hash."""
    paths = _paths(options)
    compared = reproduction.reproduce(paths, find_run(paths, options.run_id), Reporter())
    _show(compared, options)
    differing = compared.filter(~pl.col("is_equal"))
    if differing.height:
        raise VerificationError(f"{differing.height} hashes differ: {', '.join(differing['name'])}")
    return EXIT_DONE


def audit(options: argparse.Namespace) -> int:
    """Judge a run again from its tables; exit 3 where a check fails."""
    paths = _paths(options)
    started = resumed_run(paths, find_run(paths, options.run_id), Reporter())
    with Lake.open(paths, read_only=True) as lake:
        checks = judge(Evidence.read(lake, started.run_id), limits_of(started.settings))
        if options.junit:
            junit_of_run(lake, started.run_id, options.junit, checks)
    if options.json:
        _emit([{"check": c.check, "profile": c.profile, "value": c.value, "limit": _finite(c.limit), "passed": c.passed,
                "detail": c.detail} for c in checks])  # fmt: skip
    else:
        for check in checks:
            print(check)
    require_passed(checks)
    return EXIT_DONE


def accept(options: argparse.Namespace) -> int:
    """Record a run's portfolio as held: the base of drift, turnover and orders from now on."""
    paths = _paths(options)
    run_id = find_run(paths, options.run_id)
    with run_lock(paths, f"accepting {run_id}"), Lake.open(paths) as lake:
        accepted = accept_portfolio(lake, run_id, options.profile, datetime.now(UTC).replace(tzinfo=None))
    print(f"accepted {accepted} of run {run_id}")
    return EXIT_DONE


def orders(options: argparse.Namespace) -> int:
    """Orders of a run."""
    paths = _paths(options)
    with Lake.open(paths, read_only=True) as lake:
        frame = lake.query(
            "select * exclude (run_id) from results.orders where run_id = ? and (? is null or profile = ?) order by all",
            [find_run(paths, options.run_id), options.profile, options.profile],
        )
    _show(frame, options)
    return EXIT_DONE


def display(options: argparse.Namespace) -> int:
    """The report of a run, in the terminal."""
    paths = _paths(options)
    report = paths.run_file(find_run(paths, options.run_id), "portfolio_report.md")
    if not report.is_file():
        raise FrontDoorError("this run published no report")
    Console().print(Markdown(report.read_text(encoding="utf-8")))
    return EXIT_DONE


def diff(options: argparse.Namespace) -> int:
    """What differs between two runs: manifest, inputs, selection, weights."""
    paths = _paths(options)
    with Lake.open(paths, read_only=True) as lake:
        frame = comparison.compare(lake, paths, find_run(paths, options.left), find_run(paths, options.right))
    _show(frame, options)
    return EXIT_DONE


def health(options: argparse.Namespace) -> int:
    """Data health of a run's instruments, coloured; with --history or --coverage, over runs or by class and venue."""
    paths = _paths(options)
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


def show(options: argparse.Namespace) -> int:
    """One table of a run."""
    paths = _paths(options)
    run_id = find_run(paths, options.run_id)
    if options.what == "sync":
        _show(pl.DataFrame(sync_list(paths.run_dir(run_id)), schema=["artifact", "bytes"], orient="row"), options)
        return EXIT_DONE
    with Lake.open(paths, read_only=True) as lake:
        _show(lake.query(SHOWN[options.what], [run_id]), options)
    return EXIT_DONE


def analyze(options: argparse.Namespace) -> int:
    """Clusters of a run, their drift and hedge anchors; with --cluster, one of them taken apart."""
    paths = _paths(options)
    run_id = find_run(paths, options.run_id)
    if options.cluster is not None:
        return _show_all(inspection.zoom(resumed_run(paths, run_id, Reporter()), options.cluster), options)
    with Lake.open(paths, read_only=True) as lake:
        return _show_all(inspection.clusters_of(lake, run_id), options)


def correlations(options: argparse.Namespace) -> int:
    """Correlations of a run's winners."""
    paths = _paths(options)
    with Lake.open(paths, read_only=True) as lake:
        return _show_all(inspection.correlations_of(lake, find_run(paths, options.run_id)), options)


def sensitivity(options: argparse.Namespace) -> int:
    """What every other cut of a run's tree would give."""
    paths = _paths(options)
    with Lake.open(paths, read_only=True) as lake:
        return _show_all(inspection.sensitivity_of(lake, find_run(paths, options.run_id)), options)


def lake(options: argparse.Namespace) -> int:
    """Look after the lake."""
    paths = _paths(options)
    limit = timedelta(days=options.older_than_days)
    _show(care.look_after(paths, options.what, older_than=limit, destination=options.to), options)
    return EXIT_DONE


def doctor(options: argparse.Namespace) -> int:
    """Can a run work here?"""
    frame = diagnose(_paths(options), options.profile)
    _show(frame, options)
    return EXIT_DONE if frame["is_fine"].all() else EXIT_FAILED


def scanners(options: argparse.Namespace) -> int:
    """Lint every scanner file; an error ends with exit 2, with `--strict` a warning with exit 1."""
    paths = _paths(options)
    findings = lint(paths.configs, Venues.of(paths))
    failing = failures(findings, strict=options.strict)
    is_broken = any(one.severity == "error" for one in failing)
    loaded = load_scanners(paths.configs) if options.resolved and not is_broken else ()
    resolved = [scanner.model_dump(mode="json") for scanner in loaded]
    if options.json:
        rows = [one.as_json() for one in findings]
        _emit({"findings": rows, "scanners": resolved} if options.resolved else {"findings": rows})
    else:
        if options.resolved:
            _emit(resolved)
        for one in findings:
            print(one, file=sys.stderr if options.resolved else sys.stdout)
        print(f"{len(findings)} findings, {len(failing)} of them fail", file=sys.stderr)
    if not failing:
        return EXIT_DONE
    return EXIT_USAGE if is_broken else EXIT_FAILED


def schema(options: argparse.Namespace) -> int:
    """Write configs/manifest.schema.json, or fail where it is stale."""
    path = _paths(options).configs / "manifest.schema.json"
    text = json.dumps(json_schema(), indent=2) + "\n"
    if options.check:
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            raise FrontDoorError(f"{path.name} is stale: run `make schema`")
    else:
        path.write_text(text, encoding="utf-8")
    return EXIT_DONE


def clean(options: argparse.Namespace) -> int:
    """Delete run folders and exports; the lake, the keys and the checkpoints stay."""
    paths = _paths(options)
    if bool(options.run_id) == bool(options.all):
        raise UsageError("clean: name a run with --run-id, or give --all")
    with run_lock(paths, "clean"):
        runs = paths.artifacts / "runs"
        names = [options.run_id] if options.run_id else sorted(p.name for p in runs.iterdir()) if runs.is_dir() else []
        for name in names:
            if paths.latest.is_symlink() and paths.latest.resolve() == paths.run_dir(name).resolve():
                paths.latest.unlink()
            for folder in (paths.run_dir(name), paths.export_dir(name)):
                if folder.is_dir():
                    shutil.rmtree(folder)
    print(f"deleted {len(names)} run folders")
    return EXIT_DONE


def dbt(options: argparse.Namespace) -> int:
    """Run dbt on this lake, for the newest run's scope."""
    paths = _paths(options)
    if not options.words:
        raise UsageError("dbt: give a dbt command, such as `lakefolio dbt build --select tag:prices`")
    result = run_dbt(paths, list(options.words), {}, log_path=paths.dbt_logs)
    for node in result.nodes:
        print(f"{node.status:>8} {node.kind:<8} {node.name} {node.seconds:.2f} s {node.message or ''}".rstrip())
    return EXIT_DONE if result.success else EXIT_FAILED


def _paths(options: argparse.Namespace) -> Paths:
    home: Path | None = options.home
    return Paths.at(home)


def _show(frame: pl.DataFrame, options: argparse.Namespace) -> None:
    if options.json:
        sys.stdout.write(frame.write_json() + "\n")
    else:
        _table(frame)


def _show_all(tables: inspection.Tables, options: argparse.Namespace) -> int:
    if options.json:
        _emit({title.replace(" ", "_"): frame.to_dicts() for title, frame in tables.items()})
    else:
        for title, frame in tables.items():
            print(title)
            _table(frame)
    return EXIT_DONE


def _table(frame: pl.DataFrame) -> None:
    with pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True,
                   fmt_str_lengths=80, tbl_width_chars=WIDTH, set_tbl_formatting="UTF8_BORDERS_ONLY"):  # fmt: skip
        print(frame)


def _emit(document: Mapping[str, Any] | list[Any]) -> None:
    sys.stdout.write(json.dumps(document, default=str, indent=2) + "\n")


def _finite(value: float) -> float | None:
    return value if abs(value) != float("inf") else None
