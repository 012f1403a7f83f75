"""Commands that judge a run again: its record, its numbers, its gate."""

from __future__ import annotations

import argparse
from dataclasses import asdict

import polars as pl

from lakefolio.audit.checks import CheckInputs, run_checks
from lakefolio.audit.junit import junit_of_run
from lakefolio.audit.signing import TrustedKey
from lakefolio.audit.verification import RunEvidence, verify_run
from lakefolio.cli.output import paths_of, print_answer, print_json
from lakefolio.errors import EXIT_DONE, VerificationError
from lakefolio.pipeline import reproduction
from lakefolio.runs.fingerprints import RecordedScope, hash_of
from lakefolio.runs.progress import Reporter
from lakefolio.runs.start import find_run, resumed_run, run_facts
from lakefolio.steps.publish import require_passed
from lakehouse.connection.catalog import Lake


def verify(options: argparse.Namespace) -> int:
    """Check ledger, checkpoints, artifacts and tables of a run; exit 5 where one is not what was signed."""
    paths = paths_of(options)
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
        print_json({"run_id": run_id, "verified": not findings, "findings": [str(finding) for finding in findings]})
    if findings:
        raise VerificationError(f"run {run_id} is not what was signed:\n" + "\n".join(f"  {f}" for f in findings))
    if not options.json:
        print(f"run {run_id}: every line, checkpoint, artifact and table is what was signed")
    return EXIT_DONE


def reproduce(options: argparse.Namespace) -> int:
    """Run again from the recorded snapshots into a scratch folder and compare every content hash."""
    paths = paths_of(options)
    compared = reproduction.reproduce(paths, find_run(paths, options.run_id), Reporter())
    print_answer(compared, options)
    differing = compared.filter(~pl.col("is_equal"))
    if differing.height:
        raise VerificationError(f"{differing.height} hashes differ: {', '.join(differing['name'])}")
    return EXIT_DONE


def audit(options: argparse.Namespace) -> int:
    """Judge a run again from its tables; exit 3 where a check fails."""
    paths = paths_of(options)
    started = resumed_run(paths, find_run(paths, options.run_id), Reporter())
    with Lake.open(paths, read_only=True) as lake:
        checks = run_checks(CheckInputs.read(lake, started.run_id), started.settings)
        if options.junit:
            junit_of_run(lake, started.run_id, options.junit, checks)
    if options.json:
        print_json([{**asdict(check), "limit": _finite(check.limit)} for check in checks])
    else:
        for check in checks:
            print(check)
    require_passed(checks)
    return EXIT_DONE


def _finite(value: float) -> float | None:
    return value if abs(value) != float("inf") else None
