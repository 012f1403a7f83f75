"""Commands that check a run again: its record, its numbers and its audit gate."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ingest.cli.options import AsJson, Home, Junit, Wide, paths_of
from lakefolio.cli.options import RunId, find_run_id, read_lake
from lakefolio.cli.output import Output, document
from lakefolio.errors import UsageError, VerificationError


def verify(
    run_id: RunId = "latest",
    key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Trusted public key (default: that of the home).")
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Check ledger, checkpoints, artifacts and tables of a run; exit 5 where one is not as signed.

    A run that never reached its last step ends with exit 5 too; the message says where it stopped.
    """
    from lakefolio.audit.signing import TrustedKey
    from lakefolio.audit.verification import RunEvidence, verify_run
    from lakefolio.runs.fingerprints import RecordedScope, hash_of
    from lakefolio.runs.start import run_facts

    if key is not None and not key.is_file():
        raise UsageError(f"--key {str(key)!r}: no such file; name the trusted public key")
    paths = paths_of(home)
    found = find_run_id(paths, run_id)
    trusted = TrustedKey.load(key or paths.ledger_keys / "ledger.pub")
    evidence = RunEvidence(found, paths.run_dir(found), paths.checkpoints / f"{found}.jsonl", trusted)
    findings = verify_run(evidence)
    if not any(finding.is_broken for finding in findings):
        facts = run_facts(evidence.folder)
        scope = RecordedScope(found, facts["source"], facts["as_of"])
        with read_lake(paths) as lake:
            findings = verify_run(evidence, lambda name: hash_of(lake, name, scope))
    is_broken = any(finding.is_broken for finding in findings)
    if as_json:
        state = "broken" if is_broken else "not published" if findings else "published"
        document({
            "run_id": found, "verified": not findings, "state": state, "findings": [str(finding) for finding in findings]
        })  # fmt: skip
    if is_broken:
        raise VerificationError(f"run {found} is not as it was signed:\n" + "\n".join(f"  {f}" for f in findings))
    if findings:
        raise VerificationError(
            f"run {found} was not published: {findings[0].message}; what it recorded until then is as it was signed"
        )
    if not as_json:
        print(
            f"run {found} was published: every ledger line, checkpoint, artifact and result table is as it was signed"
        )


def reproduce(run_id: RunId = "latest", home: Home = None, as_json: AsJson = False, wide: Wide = False) -> None:
    """Run again from the recorded snapshots and compare every content hash; exit 5 where one differs."""
    import polars as pl

    from lakefolio.cli.views import HASHES
    from lakefolio.pipeline import reproduction
    from lakefolio.runs.progress import Reporter

    paths = paths_of(home)
    compared = reproduction.reproduce(paths, find_run_id(paths, run_id), Reporter())
    Output(as_json, wide).frame(compared, HASHES)
    differing = compared.filter(~pl.col("is_equal"))
    if differing.height:
        raise VerificationError(f"{differing.height} hashes differ: {', '.join(differing['name'])}")


def audit(run_id: RunId = "latest", junit: Junit = None, home: Home = None, as_json: AsJson = False) -> None:
    """Apply the audit gate to the stored portfolio again; exit 3 where a check fails."""
    from lakefolio.audit.checks import CheckInputs, run_checks
    from lakefolio.audit.junit import junit_of_run
    from lakefolio.runs.progress import Reporter
    from lakefolio.runs.start import resumed_run
    from lakefolio.steps.publish import require_passed

    paths = paths_of(home)
    started = resumed_run(paths, find_run_id(paths, run_id), Reporter())
    with read_lake(paths) as lake:
        checks = run_checks(CheckInputs.read(lake, started.run_id), started.settings)
        if junit is not None:
            junit_of_run(lake, started.run_id, junit, checks)
    if as_json:
        document([{**asdict(check), "limit": check.limit if math.isfinite(check.limit) else None} for check in checks])
    else:
        # Those that failed follow with the error.
        for check in checks:
            if check.passed:
                print(check)
    require_passed(checks)
