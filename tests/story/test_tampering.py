# ruff: noqa: S608 - the SQL is the test's own
"""What was signed cannot be changed unseen, and what breaks a rule cannot be published.

See docs/method/11-audit.md.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lakefolio.audit.ledger import Ledger, canonical, digest
from lakefolio.audit.signing import SigningKey
from lakefolio.runs.fingerprints import RecordedScope, hash_of
from lakehouse.connection.catalog import Lake
from tests.story.home import Home

pytestmark = pytest.mark.slow

RUN = "one"


@pytest.fixture
def home(copied: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """The copy, whole again after each test: run folder, keys, checkpoints and catalog (data files are never edited)."""
    monkeypatch.chdir(copied.work)
    kept = ("artifacts", "data/keys", "data/checkpoints", "data/lakehouse/catalog.sqlite")
    for name in kept:
        source, target = copied.root / name, tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy2)(
            source, target, **({"symlinks": True} if source.is_dir() else {})
        )
    yield copied
    for beside in copied.root.glob("data/lakehouse/catalog.sqlite*"):
        beside.unlink()
    for name in kept:
        source, target = tmp_path / name, copied.root / name
        if source.is_dir():
            shutil.rmtree(target)
            shutil.copytree(source, target, symlinks=True)
        else:
            shutil.copy2(source, target)


def lines_of(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def rewrite(path: Path, lines: list[str]) -> None:
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def test_the_copy_verifies_before_it_is_damaged(home: Home) -> None:
    assert home.call("verify", RUN, "--json").ended(0).document == {
        "run_id": RUN,
        "verified": True,
        "state": "published",
        "findings": [],
    }


def test_an_edited_line_of_the_ledger_is_named(home: Home) -> None:
    ledger = home.folder(RUN) / "audit.jsonl"
    lines = lines_of(ledger)
    place = next(n for n, line in enumerate(lines) if '"kind":"outcome"' in line and '"step":"optimize"' in line)
    lines[place] = lines[place].replace('"rows":', '"rows":1')
    rewrite(ledger, lines)
    refused = home.call("verify", RUN).ended(5)
    assert f"audit.jsonl line {place + 1}: the line was edited" in refused.err


def test_a_ledger_cut_short_is_named(home: Home) -> None:
    ledger = home.folder(RUN) / "audit.jsonl"
    lines = lines_of(ledger)
    rewrite(ledger, lines[:-2])
    refused = home.call("verify", RUN).ended(5)
    assert f"audit.jsonl ends at line {len(lines) - 2}: it was cut short" in refused.err
    assert f"{RUN}.jsonl line " in refused.err


def test_a_ledger_rewritten_whole_without_the_key_is_named(home: Home) -> None:
    ledger = home.folder(RUN) / "audit.jsonl"
    previous, written = "0" * 64, []
    for number, document in enumerate(map(json.loads, lines_of(ledger)), start=1):
        if document["kind"] == "window":
            document["body"]["regime"] = "CRISIS"
        document |= {"n": number, "previous": previous}
        del document["hash"]
        previous = document["hash"] = digest(document)
        written.append(canonical(document).decode())
    rewrite(ledger, written)
    assert "the ledger was rewritten" in home.call("verify", RUN).ended(5).err


def test_a_ledger_signed_again_by_another_key_is_named(home: Home, tmp_path: Path) -> None:
    other = SigningKey.open(tmp_path / "other", None)
    folder, outside = home.folder(RUN), home.root / "data" / "checkpoints" / f"{RUN}.jsonl"
    for file in (folder / "checkpoints.jsonl", outside):
        file.unlink()
    Ledger(folder / "audit.jsonl", outside, RUN, other).sign("verify")
    refused = home.call("verify", RUN).ended(5)
    assert f"{RUN}.jsonl line 1: signed by key '{other.fingerprint}', which is not the trusted one" in refused.err


def test_the_run_does_not_verify_against_a_foreign_key(home: Home, tmp_path: Path) -> None:
    SigningKey.open(tmp_path / "other", None)
    refused = home.call("verify", RUN, "--key", str(tmp_path / "other" / "ledger.pub")).ended(5)
    assert "which is not the trusted one" in refused.err
    assert f"{RUN}.jsonl line 1:" in refused.err


@pytest.mark.parametrize("name", ["orders.csv", "weights/barbell.parquet", "manifest.resolved.json", "SHA256SUMS"])
def test_a_deleted_artifact_is_named(home: Home, name: str) -> None:
    (home.folder(RUN) / name).unlink()
    refused = home.call("verify", RUN).ended(5)
    assert f"{name}: missing; recorded in audit.jsonl line " in refused.err


def test_an_edited_weights_file_is_named_with_the_line_that_records_it(home: Home) -> None:
    file = home.folder(RUN) / "weights" / "min_variance.csv"
    file.write_text(file.read_text(encoding="utf-8").replace(",1,0.", ",1,0.1", 1), encoding="utf-8")
    line = next(line["n"] for line in home.ledger(RUN) if line["kind"] == "artifact" and line["step"] == "report")
    refused = home.call("verify", RUN).ended(5)
    assert f"weights/min_variance.csv: replaced or edited; recorded in audit.jsonl line {line}" in refused.err


@pytest.mark.parametrize(
    ("table", "step", "change"),
    [
        ("results.weights", "optimize",
         "update results.weights set weight = weight * (1 + 1e-15) where symbol = (select min(symbol) from results.weights)"),
        ("results.tournament_metrics", "tournament",
         "delete from results.tournament_metrics where metric = 'sharpe' and risk_profile = 'barbell'"),
        ("results.selection", "selection", "update results.selection set reason = 'selected' where not is_selected"),
        ("results.health:full", "health", "update results.health set n_gaps = 1 where stage = 'full'"),
    ],
    ids=lambda value: value if value.startswith("results.") else "",
)  # fmt: skip
def test_changed_rows_in_the_lake_are_named_with_their_table(home: Home, table: str, step: str, change: str) -> None:
    home.change(change)
    line = next(line["n"] for line in home.ledger(RUN) if line["kind"] == "outcome" and line["step"] == step)
    refused = home.call("verify", RUN).ended(5)
    assert f"{table}: rows changed; recorded in audit.jsonl line {line}" in refused.err


WEIGHTS = "update results.weights set"
OF_MIN_VARIANCE = "where risk_profile = 'min_variance'"
LARGEST = f"{OF_MIN_VARIANCE} and symbol = (select arg_max(symbol, weight) from results.weights {OF_MIN_VARIANCE})"
ONE_OF_THE_CORE = (
    "where risk_profile = 'barbell' and symbol = "
    "(select min(symbol) from results.weights where risk_profile = 'barbell' and sleeve = 'core')"
)
BREAK_THE_CAP = f"{WEIGHTS} weight = 0.6, net_weight = 0.6 * direction {LARGEST}"


@pytest.mark.parametrize(
    ("check", "risk_profile", "change"),
    [
        ("weights_sum", "equal_weight", f"{WEIGHTS} weight = weight * 0.9, net_weight = net_weight * 0.9"),
        ("cluster_cap", "min_variance", f"{WEIGHTS} weight = 0.2500001, net_weight = 0.2500001 * direction {LARGEST}"),
        ("weights_finite", "min_variance", f"{WEIGHTS} weight = -weight {LARGEST}"),
        ("insulation", "barbell", f"{WEIGHTS} sleeve = 'aggressor' {ONE_OF_THE_CORE}"),
        ("directions_kept", "min_variance", f"{WEIGHTS} net_weight = -net_weight {LARGEST}"),
        ("metadata_present", "min_variance", f"{WEIGHTS} symbol = 'SIMX:NOBODY' {LARGEST}"),
        ("benchmark_outside", "min_variance",
         f"{WEIGHTS} identity = (select any_value(identity) from marts.instruments where is_benchmark) {LARGEST}"),
        ("weights_present", "barbell", "delete from results.weights where risk_profile = 'barbell'"),
        ("solver_status", "min_variance", f"update results.solves set status = 'iteration_limit' {OF_MIN_VARIANCE}"),
        ("solver_residuals", "min_variance", f"update results.solves set primal_residual = 1e-3 {OF_MIN_VARIANCE}"),
        ("data_health", "all", "update results.health set status = 'GAPS' where stage = 'full' and symbol = 'AMEX:SPY'"),
    ],
)  # fmt: skip
def test_the_gate_shuts_and_names_check_value_and_limit(home: Home, check: str, risk_profile: str, change: str) -> None:
    open_gate = home.call("audit", RUN, "--json").ended(0).document
    assert all(row["passed"] for row in open_gate)
    assert (check, risk_profile) in {(row["check"], row["risk_profile"]) for row in open_gate}
    home.change(change)
    shut = home.call("audit", RUN).ended(3)
    named = next(line for line in shut.err.splitlines() if f"{check} [{risk_profile}] failed" in line)
    assert ": value " in named
    assert ", limit " in named


def test_the_broken_cap_is_named_with_its_figures(home: Home) -> None:
    home.change(BREAK_THE_CAP)
    total = home.query(
        "select max(total) as m from (select sum(weight) as total from results.weights where run_id = ? and "
        "risk_profile = 'min_variance' group by cluster_id)", RUN,
    )["m"][0]  # fmt: skip
    assert (
        f"cluster_cap [min_variance] failed: value {total:.10g}, limit 0.250000001"
        in home.call("audit", RUN).ended(3).err
    )


def test_a_resume_at_the_gate_sees_that_the_weights_were_changed(home: Home) -> None:
    home.change(BREAK_THE_CAP)
    before = len(home.ledger(RUN))
    refused = home.call("run", "--run-id", RUN, "--start-step", "audit").ended(1)
    assert "results.weights has changed since step 'optimize': --start-step optimize" in refused.err
    assert len(home.ledger(RUN)) == before


def test_weights_that_break_the_cap_reach_no_report_even_when_the_ledger_vouches_for_them(home: Home) -> None:
    """Whoever holds the key can vouch for any weights; the gate judges what would be published all the same."""
    home.change(BREAK_THE_CAP)
    paths, folder = home.paths, home.folder(RUN)
    with home.inside(), Lake.open(paths, read_only=True) as lake:
        changed = hash_of(lake, "results.weights", RecordedScope(RUN, "files", "2025-12-30"))
    ledger = Ledger(
        folder / "audit.jsonl", paths.checkpoints / f"{RUN}.jsonl", RUN, SigningKey.open(paths.ledger_keys, None)
    )
    optimized = home.outcomes(RUN)["optimize"]
    ledger.append("outcome", "optimize", {**optimized, "outputs": {**optimized["outputs"], "results.weights": changed}})
    ledger.sign("optimize")
    (home.root / "artifacts" / "summaries" / "latest").unlink()
    (folder / "portfolio_report.md").unlink()
    refused = home.call("run", "--run-id", RUN, "--start-step", "audit").ended(3)
    assert "audit failed: " in refused.err
    assert "cluster_cap [min_variance] failed" in refused.err
    last = [line for line in home.ledger(RUN) if line["kind"] == "outcome"][-1]
    assert (last["step"], last["kind"], last["body"]["status"]) == ("audit", "outcome", "failed")
    assert "AuditGateError" in last["body"]["error"]
    assert not (folder / "portfolio_report.md").exists()
    assert not (home.root / "artifacts" / "summaries" / "latest").exists()
    failed = home.query("select risk_profile, value from results.audit_checks where run_id = ? and not passed "
                        "and \"check\" = 'cluster_cap'", RUN)  # fmt: skip
    assert failed["risk_profile"].to_list() == ["min_variance"]
    assert "did not pass its audit" in home.call("accept", RUN).ended(2).err


def test_a_changed_manifest_is_not_resumed(home: Home) -> None:
    resolved = home.folder(RUN) / "manifest.resolved.json"
    resolved.write_text(resolved.read_text(encoding="utf-8").replace('"cap": 0.25', '"cap": 0.9'), encoding="utf-8")
    refused = home.call("run", "--run-id", RUN, "--start-step", "audit").ended(1)
    assert "manifest.resolved.json of run one was changed" in refused.err
