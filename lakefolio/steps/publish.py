"""Steps 14 to 17: check the portfolios, render the reports, list what a sync would send, verify the run.

See docs/architecture.md#run.
"""

from __future__ import annotations

import io
import os
from pathlib import Path

from lakefolio.audit.checks import Check, CheckInputs, checks_frame, run_checks
from lakefolio.audit.signing import TrustedKey
from lakefolio.audit.verification import RunEvidence, latest_hashes, verify_run
from lakefolio.errors import AuditGateError, LakefolioError, VerificationError
from lakefolio.runs.environment import code_revision
from lakefolio.runs.fingerprints import hash_of
from lakefolio.runs.progress import counted
from lakefolio.runs.run import Run, StepReport
from lakehouse.storage.hashing import file_hash
from reports.reader import ReportTables
from reports.render import render_all


def audit(run: Run) -> StepReport:
    """Check what would be published; a failed check ends the run before any report is made."""
    lake = run.lake
    checks = run_checks(CheckInputs.read(lake, run.run_id), run.settings)
    run.store("audit", run.replace("results.audit_checks", checks_frame(checks, run.run_id)))
    for check in checks:
        run.logger.info("%s", check)
    require_passed(checks)
    return StepReport(len(checks), "all checks passed")


def require_passed(checks: list[Check]) -> None:
    """Raise `AuditGateError` naming every check that failed with its value and limit."""
    failed = [check for check in checks if not check.passed]
    if failed:
        raise AuditGateError(
            f"audit failed: {counted(len(failed), 'check')}\n" + "\n".join(f"  {check}" for check in failed)
        )


def report(run: Run) -> StepReport:
    """Build the report models, render every report, write weights and orders, and list all with their hashes."""
    # Only views over what was tested when it was built: their own tests check the code, and are for CI.
    run.dbt("run", ["tag:reports"]).require()
    lake = run.lake
    tables = ReportTables.load(lake, run.run_id)
    weights = lake.query("select * exclude (run_id) from results.weights where run_id = ? order by all", [run.run_id])
    orders = lake.query("select * exclude (run_id) from results.orders where run_id = ? order by all", [run.run_id])
    is_decay_shown = run.settings.flags.feat_decay_audit
    run.artifacts += render_all(tables, _provenance(run), run.folder, is_decay_shown=is_decay_shown)
    for (risk_profile,), rows in weights.group_by(["risk_profile"], maintain_order=True):
        run.publish(f"weights/{risk_profile}.csv", rows.write_csv())
        buffer = io.BytesIO()
        rows.write_parquet(buffer)
        run.publish(f"weights/{risk_profile}.parquet", buffer.getvalue())
    run.publish("orders.csv", orders.write_csv())
    sums = "".join(f"{file_hash(path)}  {path.relative_to(run.folder).as_posix()}\n" for path in sorted(run.artifacts))
    run.publish("SHA256SUMS", sums)
    return StepReport(len(run.artifacts), "portfolio_report.html and portfolio_report.md")


def sync(run: Run) -> StepReport:
    """List what a sync would send: published artifacts only. Nothing is sent (a dry run)."""
    names = sync_list(run.folder)
    for name, size in names:
        run.logger.info("would send %s, %s bytes", name, size)
    if not names:
        raise LakefolioError(
            "there is nothing to send: an empty folder is never synced, since it would wipe the remote"
        )
    return StepReport(len(names), f"dry run: {sum(size for _, size in names):,} bytes would be sent")


def sync_list(folder: Path) -> list[tuple[str, int]]:
    """Name and size of every artifact that SHA256SUMS names."""
    sums = folder / "SHA256SUMS"
    if not sums.is_file():
        raise LakefolioError(f"{folder.name} has no SHA256SUMS: it was never reported, so there is nothing to send")
    names = [line.split("  ", 1)[1] for line in sums.read_text(encoding="utf-8").splitlines()] + ["SHA256SUMS"]
    return [(name, (folder / name).stat().st_size) for name in names]


def verify(run: Run) -> StepReport:
    """Check ledger, checkpoints, artifacts and result tables of this very run."""
    if run.ledger is None:
        return StepReport(0, "feat_audit_ledger is off: this run cannot be verified")
    key = TrustedKey.load(run.paths.ledger_keys / "ledger.pub")
    evidence = RunEvidence(run.run_id, run.folder, run.ledger.outside, key)
    lake = run.lake
    findings = verify_run(evidence, lambda name: hash_of(lake, name, run), running=True)
    if findings:
        raise VerificationError("\n".join(str(finding) for finding in findings))
    return StepReport(len(run.ledger.entries), "every line, checkpoint, artifact and table matches its signature")


def point_latest(run: Run) -> None:
    """Point `latest` at this run, in one rename."""
    target = run.paths.latest
    part = target.with_name(f".latest.{run.run_id}")
    part.unlink(missing_ok=True)
    part.symlink_to(os.path.relpath(run.folder, target.parent), target_is_directory=True)
    part.replace(target)


def _provenance(run: Run) -> dict[str, str]:
    """Provenance that the reports print: run, settings, code, key and hashes."""
    entries = run.ledger.entries if run.ledger is not None else ()
    hashes = {name: value for name, (value, _) in latest_hashes(entries, "outcome", "outputs").items()}
    return {
        "run": run.run_id,
        "profile": run.profile,
        "manifest": run.manifest_sha256,
        "code": code_revision(),
        "signing key": run.ledger.signer if run.ledger is not None else "no ledger",
        **{f"hash of {name}": value for name, value in sorted(hashes.items())},
    }
