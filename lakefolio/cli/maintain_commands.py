"""Commands that look after lake, environment, configuration and folders."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from datetime import timedelta

from ingest.reference.venues import Venues
from ingest.screening.scanner_lint import failures, lint
from ingest.screening.scanners import load_scanners
from lakefolio.cli import lake_commands as care
from lakefolio.cli.doctor import diagnose
from lakefolio.cli.output import paths_of, print_answer, print_json
from lakefolio.config.manifest import json_schema
from lakefolio.errors import EXIT_DONE, EXIT_FAILED, EXIT_USAGE, LakefolioError, UsageError
from lakefolio.runs.run import run_lock
from lakehouse.dbt.runner import run_dbt


def lake(options: argparse.Namespace) -> int:
    """Look after the lake."""
    paths = paths_of(options)
    limit = timedelta(days=options.older_than_days)
    print_answer(care.look_after(paths, options.what, older_than=limit, destination=options.to), options)
    return EXIT_DONE


def doctor(options: argparse.Namespace) -> int:
    """Can a run work here?"""
    frame = diagnose(paths_of(options), options.profile)
    print_answer(frame, options)
    return EXIT_DONE if frame["is_fine"].all() else EXIT_FAILED


def scanners(options: argparse.Namespace) -> int:
    """Lint every scanner file; an error ends with exit 2, with `--strict` a warning with exit 1."""
    paths = paths_of(options)
    findings = lint(paths.configs, Venues.of(paths))
    failing = failures(findings, strict=options.strict)
    is_broken = any(one.severity == "error" for one in failing)
    loaded = load_scanners(paths.configs) if options.resolved and not is_broken else ()
    resolved = [scanner.model_dump(mode="json") for scanner in loaded]
    if options.json:
        rows = [one.as_json() for one in findings]
        print_json({"findings": rows, "scanners": resolved} if options.resolved else {"findings": rows})
    else:
        if options.resolved:
            print_json(resolved)
        for one in findings:
            print(one, file=sys.stderr if options.resolved else sys.stdout)
        print(f"{len(findings)} findings, {len(failing)} of them fail", file=sys.stderr)
    if not failing:
        return EXIT_DONE
    return EXIT_USAGE if is_broken else EXIT_FAILED


def schema(options: argparse.Namespace) -> int:
    """Write configs/manifest.schema.json, or fail where it is stale."""
    path = paths_of(options).configs / "manifest.schema.json"
    text = json.dumps(json_schema(), indent=2) + "\n"
    if options.check:
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            raise LakefolioError(f"{path.name} is stale: run `make schema`")
    else:
        path.write_text(text, encoding="utf-8")
    return EXIT_DONE


def clean(options: argparse.Namespace) -> int:
    """Delete run folders and exports; the lake, the keys and the checkpoints stay."""
    paths = paths_of(options)
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
    paths = paths_of(options)
    if not options.words:
        raise UsageError("dbt: give a dbt command, such as `lakefolio dbt build --select tag:prices`")
    result = run_dbt(paths, list(options.words), {}, log_path=paths.dbt_logs)
    for node in result.nodes:
        print(f"{node.status:>8} {node.kind:<8} {node.name} {node.seconds:.2f} s {node.message or ''}".rstrip())
    return EXIT_DONE if result.success else EXIT_FAILED
