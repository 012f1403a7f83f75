"""The demo, from one command to a signed portfolio: what a newcomer finds afterwards."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import polars as pl
import pytest

from ingest.landing.envelope import SCHEMA_FILE
from tests.story.home import Home

pytestmark = pytest.mark.slow

RUN = "demo-story"
# The sequence of docs/architecture.md#run, written out here so that the code's own list is held against it.
STEPS = [
    "cleanup", "env-check", "discovery", "aggregation", "enrichment", "light-prep", "selection", "full-prep", "health",
    "factors", "regime", "optimize", "tournament", "audit", "report", "sync", "verify",
]  # fmt: skip
PROFILES = ["barbell", "equal_weight", "hrp", "max_sharpe", "min_variance", "risk_parity"]
REPORTS = [
    "backtest_comparison.md", "cluster_analysis.md", "data_health.md", "engine_comparison_report.md",
    "portfolio_report.html", "portfolio_report.md", "selection_audit.md",
]  # fmt: skip
CAP = 0.25


@pytest.fixture
def folder(demo: Home) -> Path:
    return demo.folder(RUN)


@pytest.fixture(scope="module")
def n_weights(demo: Home) -> int:
    """Rows of `results.weights` as the run left them."""
    return int(demo.query("select count(*) as n from results.weights")["n"][0])


def test_all_steps_are_done_in_order(demo: Home) -> None:
    rows = demo.query("select step, number, status from results.steps where run_id = ? order by started_at", RUN)
    assert rows.rows() == [(name, number, "done") for number, name in enumerate(STEPS, start=1)]


def test_the_steps_command_prints_the_same_sequence(demo: Home) -> None:
    printed = demo.call("steps", "--json").ended(0).document
    assert [(row["number"], row["name"]) for row in printed] == list(enumerate(STEPS, start=1))


def test_machine_output_names_run_session_and_folder(demo: Home, folder: Path) -> None:
    assert demo.finished[0].document == {"run_id": RUN, "as_of": "2025-12-30", "folder": str(folder), "status": "done"}


def test_every_promised_artifact_is_there(demo: Home, folder: Path) -> None:
    weights = [f"weights/{risk_profile}.{kind}" for risk_profile in PROFILES for kind in ("csv", "parquet")]
    promised = [
        "SHA256SUMS",
        "audit.jsonl",
        "checkpoints.jsonl",
        "manifest.resolved.json",
        "orders.csv",
        *REPORTS,
        *weights,
    ]
    assert [name for name in promised if not (folder / name).stat().st_size] == []
    assert [name for name in STEPS if not (folder / "logs" / f"{name}.log").is_file()] == []
    assert list(folder.rglob(".*")) == []


def test_the_sums_are_those_of_the_files(folder: Path) -> None:
    listed = dict(
        reversed(line.split("  ")) for line in (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    )
    unlisted = {"SHA256SUMS", "audit.jsonl", "checkpoints.jsonl", "manifest.resolved.json"}
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert set(listed) == {name for name in files if not name.startswith("logs/")} - unlisted
    for name, sha256 in listed.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == sha256, name


def test_latest_points_to_the_run(demo: Home, folder: Path) -> None:
    latest = demo.root / "artifacts" / "summaries" / "latest"
    assert latest.is_symlink()
    assert latest.resolve() == folder.resolve()


def test_every_scanner_exports_an_envelope_that_says_what_it_is(demo: Home) -> None:
    asked = json.loads((demo.folder(RUN) / "manifest.resolved.json").read_text(encoding="utf-8"))["discovery"][
        "scanners"
    ]
    files = sorted((demo.root / "export" / RUN).iterdir())
    assert [file.name for file in files] == sorted(f"universe_selector_{name}.json" for name in asked)
    found = dict(demo.query("select scanner, count(*) from intermediate.int_scans_screened where run_id = ? "
                            "and session_date = '2025-12-30' group by scanner", RUN).iter_rows())  # fmt: skip
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    for file in files:
        document = json.loads(file.read_text(encoding="utf-8"))
        jsonschema.validate(document, schema)
        meta = document["meta"]
        assert (meta["run"], meta["is_simulated"]) == (RUN, True)
        assert len(document["data"]) == found.get(meta["scanner"], 0)
        assert {row["direction"] for row in document["data"]} <= {meta["direction"]}
        assert {row["venue"] for row in document["data"]} == set(meta["venues"] if document["data"] else [])


def test_both_directions_and_most_classes_are_found(demo: Home) -> None:
    weights = pl.concat(demo.weights(RUN).values())
    assert set(weights["direction"]) == {1, -1}
    assert weights["asset_class"].n_unique() >= 6


@pytest.mark.parametrize("risk_profile", PROFILES)
def test_published_weights_keep_their_promises(demo: Home, risk_profile: str) -> None:
    """docs/method/11-audit.md#11.1 on the CSV that is published, with nothing of the code that made it."""
    weights = demo.weights(RUN)[risk_profile]
    invested = weights.filter(pl.col("sleeve") != "cash")
    assert weights["weight"].sum() == pytest.approx(1.0, abs=1e-6)
    assert weights["weight"].is_finite().all()
    assert (weights["weight"] > 0).all()
    assert invested.group_by("cluster_id").agg(pl.col("weight").sum())["weight"].max() <= CAP + 1e-9
    assert invested["symbol"].is_unique().all()
    assert invested["identity"].is_unique().all()
    assert ((invested["weight"] * invested["direction"]) - invested["net_weight"]).abs().max() == 0.0
    assert "AMEX:SPY" not in set(invested["symbol"])
    assert not [name for name in invested["identity"] if name.endswith(":SPY")]
    assert set(invested["sleeve"]) == ({"core", "aggressor"} if risk_profile == "barbell" else {"core"})


def test_the_sleeves_of_the_barbell_share_nothing(demo: Home) -> None:
    barbell = demo.weights(RUN)["barbell"]
    core, aggressor = (barbell.filter(pl.col("sleeve") == sleeve) for sleeve in ("core", "aggressor"))
    for column in ("symbol", "identity", "cluster_id"):
        assert not set(core[column]) & set(aggressor[column]), column
    # docs/method/08-allocation.md#8.2: the share that the regime of the run gives the aggressor.
    regime = demo.query("select regime from results.regimes where run_id = ? and stage = 'full' "
                        "order by session_date desc limit 1", RUN)["regime"][0]  # fmt: skip
    share = {"QUIET": 0.15, "NORMAL": 0.10, "TURBULENT": 0.08, "CRISIS": 0.05}[regime]
    assert aggressor["weight"].sum() == pytest.approx(share, abs=1e-6)
    n_clusters = demo.query("select count(distinct cluster_id) as n from results.clusters where run_id = ? and "
                            "stage = 'full' and cluster_id > 0", RUN)["n"][0]  # fmt: skip
    by_cluster = aggressor.group_by("cluster_id").agg(pl.col("weight").sum())["weight"]
    assert len(by_cluster) <= min(5, n_clusters / 3)
    assert by_cluster.max() - by_cluster.min() < 1e-9


def test_clusters_of_the_weights_are_those_reported(demo: Home) -> None:
    """The cut that is reported is the cut that is used.

    See docs/method/04-clusters.md#4.1.
    """
    reported = dict(demo.query("select symbol, cluster_id from results.clusters where run_id = ? and stage = 'full'", RUN)
                    .iter_rows())  # fmt: skip
    for name, weights in demo.weights(RUN).items():
        for symbol, cluster_id in weights.filter(pl.col("sleeve") != "cash").select("symbol", "cluster_id").iter_rows():
            assert reported[symbol] == cluster_id, (name, symbol)


def test_parquet_and_csv_say_the_same(demo: Home, folder: Path) -> None:
    for name, weights in demo.weights(RUN).items():
        twin = pl.read_parquet(folder / "weights" / f"{name}.parquet")
        assert weights.select("symbol", "weight", "net_weight").equals(twin.select("symbol", "weight", "net_weight"))


def test_orders_sum_to_the_target_exposure(demo: Home, folder: Path) -> None:
    """From cash: what is bought and sold is what is wanted, to 1e-9.

    See docs/method/10-state-orders.md#10.2.
    """
    orders = pl.read_csv(folder / "orders.csv")
    assert set(orders["risk_profile"]) == set(PROFILES)
    for name, weights in demo.weights(RUN).items():
        own = orders.filter(pl.col("risk_profile") == name)
        wanted = dict(weights.filter(pl.col("sleeve") != "cash").select("symbol", "net_weight").iter_rows())
        assert dict(own.select("symbol", "target_weight").iter_rows()) == pytest.approx(wanted, abs=1e-9)
        assert own["weight_change"].sum() == pytest.approx(sum(wanted.values()), abs=1e-9)
        assert own["weight_change"].abs().sum() == pytest.approx(sum(map(abs, wanted.values())), abs=1e-9)
        assert ((own["weight_change"].abs() * 1_000_000.0) - own["notional"]).abs().max() < 1e-3
        sides = own.with_columns(
            pl.when(pl.col("weight_change") > 0).then(pl.lit("BUY")).otherwise(pl.lit("SELL_SHORT"))
        )
        assert sides["side"].equals(sides["literal"].alias("side"))


def test_every_report_says_simulated(folder: Path) -> None:
    assert [name for name in REPORTS if "SIMULATED" not in (folder / name).read_text(encoding="utf-8")] == []


def test_the_html_report_needs_no_other_file(folder: Path) -> None:
    """It loads nothing; its links lead into itself or to the reports beside it."""
    text = (folder / "portfolio_report.html").read_text(encoding="utf-8")
    assert re.findall(r"""<(?:script|img|iframe)[^>]*\ssrc\s*=\s*["'](?!data:)[^"']+""", text) == []
    assert "<link" not in text
    assert "@import" not in text
    assert re.findall(r"url\((?![\"']?(?:data:|#))[^)]+\)", text) == []
    links = re.findall(r"""href\s*=\s*["']([^"'#][^"']*)["']""", text)
    assert [link for link in links if not (folder / link).is_file()] == []


def test_the_portfolio_report_shows_the_weights_that_are_published(demo: Home, folder: Path) -> None:
    text = (folder / "portfolio_report.md").read_text(encoding="utf-8")
    for name, weights in demo.weights(RUN).items():
        top = weights.sort("weight", descending=True)["symbol"][0]
        assert top in text, (name, top)


def test_no_path_of_the_machine_and_no_key_is_published(demo: Home, folder: Path) -> None:
    secret = (demo.root / "data" / "keys" / "ledger.key").read_text(encoding="ascii").strip()
    for path in (path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        assert secret.encode() not in content, path.name
        if path.parent.name != "logs":
            assert str(demo.root).encode() not in content, path.name


def test_the_checkpoints_lie_outside_the_run_folder_too(demo: Home, folder: Path) -> None:
    outside = demo.root / "data" / "checkpoints" / f"{RUN}.jsonl"
    assert outside.read_bytes() == (folder / "checkpoints.jsonl").read_bytes()
    # One for each step, and one for the snapshot that the run pins.
    assert len(outside.read_text(encoding="utf-8").splitlines()) == len(STEPS) + 1
    assert (demo.root / "data" / "keys" / "ledger.key").stat().st_mode & 0o777 == 0o600


def test_the_ledger_records_what_the_run_stood_on(demo: Home) -> None:
    lines = demo.ledger(RUN)
    ground = lines[0]["body"]
    assert lines[0]["kind"] == "environment"
    assert {"code_revision", "packages", "random_seed", "manifest_sha256", "seed_files"} <= ground.keys()
    previous = "0" * 64
    for number, line in enumerate(lines, start=1):
        assert (line["n"], line["previous"]) == (number, previous)
        previous = line["hash"]
    kinds = [(line["kind"], line["step"]) for line in lines if line["kind"] in ("intent", "outcome")]
    assert kinds == [(kind, step) for step in STEPS for kind in ("intent", "outcome")]
    read = [line["body"]["snapshot_read"] for line in lines if line["kind"] == "intent"]
    written = [line["body"]["snapshot_written"] for line in lines if line["kind"] == "outcome"]
    assert read == sorted(read)
    assert all(after >= before for before, after in zip(read, written, strict=True))


def test_planted_faults_lie_in_quarantine_and_planted_gaps_in_the_audit(demo: Home) -> None:
    kept = demo.query("select symbol, session_date::varchar as day, reason from raw.quarantine order by symbol")
    assert set(kept.rows()) == {
        ("SIMX:MAT06", "2025-12-04", "unconfirmed_jump"),
        ("SIMFUT_A:HG1!", "2025-12-09", "inconsistent_ohlc"),
    }
    used = demo.query("select count(*) as n from raw.bars as bars inner join raw.quarantine as kept "
                      "on bars.symbol = kept.symbol and bars.session_date = kept.session_date")  # fmt: skip
    assert used["n"][0] == 0


@pytest.mark.parametrize(
    "query",
    [
        "select count(*) as n from results.weights",
        "with top as (select symbol from results.weights limit 1) select * from top",
        "describe marts.bars_daily",
    ],
)
def test_a_user_may_ask_the_lake(demo: Home, query: str) -> None:
    assert demo.call("sql", query, "--format", "json").ended(0).document


@pytest.mark.parametrize(
    "query",
    [
        "insert into results.weights select * from results.weights",
        "delete from results.weights",
        "drop table results.weights",
        "copy results.weights to 'taken.csv'",
        "attach 'other.db'",
        "select * from read_csv('/etc/passwd')",
        "select * from '/etc/passwd'",
        "select content from read_text('/etc/passwd')",
        "set enable_external_access = true",
        "select 1; drop table results.weights",
    ],
)
def test_a_user_may_not_write_or_leave_the_lake(
    demo: Home, n_weights: int, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(demo.work)
    refused = demo.call("sql", query)
    assert refused.code != 0
    assert "root:" not in refused.out + refused.err
    assert demo.query("select count(*) as n from results.weights")["n"][0] == n_weights
    assert not (demo.work / "taken.csv").exists()


@pytest.mark.parametrize("words", [["health"], ["audit"]], ids=" ".join)
def test_a_build_server_is_told_of_every_judged_symbol_and_check(demo: Home, words: list[str], tmp_path: Path) -> None:
    file = tmp_path / "lakefolio.xml"
    demo.call(*words, "--junit", str(file)).ended(0)
    health, gate = ET.fromstring(file.read_bytes())  # noqa: S314 - what was just written
    judged = demo.query("select symbol from results.health where run_id = ? and stage = 'full' and is_judged", RUN)
    checks = demo.query('select risk_profile, "check" from results.audit_checks where run_id = ?', RUN)
    assert sorted(str(case.get("name")) for case in health.iter("testcase")) == judged["symbol"].sort().to_list()
    assert {(case.get("classname"), case.get("name")) for case in gate.iter("testcase")} == {
        (f"gate.{risk_profile}", check) for risk_profile, check in checks.iter_rows()
    }
    assert (health.get("failures"), gate.get("failures")) == ("0", "0")
    assert demo.call(*words, "--junit", str(tmp_path / "nowhere" / "x.xml")).code == 2


@pytest.mark.parametrize(
    "words",
    [
        ["status"], ["status", "--json"], ["display"], ["orders"], ["orders", "--risk-profile", "barbell", "--json"],
        ["health"], ["health", "--json"], ["health", "--history"], ["health", "--history", "--json"],
        ["health", "--coverage"], ["health", "--coverage", "--json"],
        ["audit"], ["audit", "--json"], ["verify"], ["verify", RUN, "--json"],
        ["diff", RUN, RUN], ["lake", "snapshots"],
        *(["show", what] for what in ("clusters", "drift", "gate", "regime", "selection", "solves", "sync", "tournament",
                                      "weights")),
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_look_at_the_run_ends_well_and_says_something(demo: Home, words: list[str]) -> None:
    told = demo.call(*words).ended(0)
    if words[0] != "diff":
        assert told.out.strip()
    if "--json" in words:
        assert told.document
