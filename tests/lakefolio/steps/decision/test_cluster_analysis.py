"""What the study says beside the portfolio lands in the lake as its contracts want it, and the commands show it."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl
import pytest

from analytics.clustering.cluster_rows import tree_from_rows, tree_rows
from analytics.clustering.clusters import Clustering, cluster_instruments, recut
from analytics.errors import InputError
from analytics.policy import SelectedInstruments, decide_clusters
from ingest.sources.protocol import Source
from lakefolio.cli import run_tables as inspection
from lakefolio.cli.app import main
from lakefolio.config.manifest import resolve
from lakefolio.errors import UsageError
from lakefolio.runs.grid_returns import GridReturns
from lakefolio.runs.progress import Reporter
from lakefolio.runs.run import Run
from lakefolio.steps.decision import cluster_analysis as analysis
from lakefolio.steps.decision.stored_clusters import describe_clusters, read_tree, tree_writes
from lakehouse.connection.catalog import Lake, LakeSettings
from lakehouse.paths import Paths

ROOT = Path(__file__).resolve().parents[4]
RUN_ID = "20240101-test-0a0b0c0d"
N, T = 15, 300
SYMBOLS = tuple(f"X:S{number:02d}" for number in range(N))
DATES = tuple(date(2023, 1, 2) + timedelta(days=day) for day in range(T))
AS_OF = DATES[-1]


def returns() -> np.ndarray:
    """Five groups of three; the groups of the fifth factor break up in the second half of the lookback."""
    rng = np.random.default_rng(8)
    factors = np.repeat(rng.normal(size=(T, 5)), 3, axis=1)
    panel = 0.01 * (factors + 0.4 * rng.normal(size=(T, N)))
    panel[-100:, 12:] = 0.01 * rng.normal(size=(100, 3))
    return panel


PANEL = GridReturns(DATES, SYMBOLS, returns(), 252)
DIRECTIONS = np.array([-1 if number % 3 == 2 else 1 for number in range(N)])
CHOSEN = SelectedInstruments(
    SYMBOLS, tuple(f"id{number:02d}" for number in range(N)), ("crypto",) * 3 + ("equity",) * 12, DIRECTIONS
)


def a_run(root: Path) -> Run:
    return Run(
        run_id=RUN_ID, profile="demo", settings=resolve(ROOT / "configs" / "manifest.json", "demo"), paths=Paths.at(root),
        as_of=AS_OF, as_of_at=datetime.combine(AS_OF, datetime.min.time()), source=cast("Source", None),
        reporter=cast("Reporter", None), ledger=None, logger=logging.getLogger("test"),
    )  # fmt: skip


@dataclass
class Landed:
    """A run with its lake, after `factors` and `regime` would have written."""

    run: Run
    clustering: Clustering

    def rows(self, table: str) -> pl.DataFrame:
        lake = self.run.lake
        return lake.read(f"results.{table}").filter(run_id=RUN_ID)


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Landed:
    run = a_run(tmp_path_factory.mktemp("home"))
    clustering = decide_clusters(PANEL.returns, CHOSEN, "NORMAL", run.settings)
    instruments = pl.DataFrame(
        {
            "symbol": SYMBOLS,
            "identity": CHOSEN.identities,
            "name": SYMBOLS,
            "venue": ["X"] * N,
            "value_traded_usd": [1e7] * N,
        }
        | {"asset_class": CHOSEN.asset_classes, "sector": ["Technology"] * N}
    )
    selection = pl.DataFrame(
        {"symbol": SYMBOLS, "identity": CHOSEN.identities, "asset_class": CHOSEN.asset_classes, "direction": DIRECTIONS}
        | {"is_selected": [True] * N, "reason": ["selected"] * N}
    )
    blank = {"sector": pl.String, "cluster_id": pl.Int64, "identity_rank": pl.Int64, "passed_gate": pl.Boolean,
             "is_recent_listing": pl.Boolean}  # fmt: skip
    figures = (
        "momentum", "volatility_annual", "convexity", "liquidity", "momentum_rank", "stability_rank", "convexity_rank",
        "liquidity_rank", "score",
    )  # fmt: skip
    blank |= dict.fromkeys(figures, pl.Float64)
    selection = selection.with_columns(pl.lit(None, kind).alias(name) for name, kind in blank.items())
    run.store(
        "factors",
        run.replace("results.selection", selection),
        run.replace("results.clusters", describe_clusters(clustering, instruments, "full", "NORMAL"), stage="full"),
        *tree_writes(run, clustering),
        *analysis.factor_writes(run, PANEL, CHOSEN, clustering),
        *analysis.anchor_writes(run, PANEL, pl.DataFrame({"symbol": SYMBOLS, "asset_class": CHOSEN.asset_classes})),
        *analysis.partition_writes(run, PANEL, CHOSEN, clustering),
    )
    with Lake.open(run.paths, settings=LakeSettings(memory_limit="1GB", threads=1)) as lake:
        grid = pl.DataFrame({"session_date": DATES, "sessions_per_year": [252] * T})
        long = pl.DataFrame({"session_date": DATES, **dict(zip(SYMBOLS, PANEL.returns.T, strict=True))}).unpivot(
            index="session_date", variable_name="symbol", value_name="return"
        )
        for name, frame in (
            ("intermediate.int_session_grid", grid),
            ("intermediate.int_returns_on_grid", long),
            ("marts.instruments", instruments.with_columns(pl.lit(RUN_ID).alias("run_id"))),
        ):
            lake.connection.register("incoming", frame)
            lake.connection.execute(f"create table {name} as from incoming")
        lake.connection.execute(
            "insert into results.regimes (run_id, stage, session_date, regime) values (?, 'full', ?, 'NORMAL')",
            [RUN_ID, AS_OF],
        )
    run.folder.mkdir(parents=True)
    return Landed(run, clustering)


def test_correlations_agree_with_numpy(landed: Landed) -> None:
    correlation = np.corrcoef(PANEL.returns.T)
    upper = np.triu_indices(N, 1)
    summary = {row["stream"]: row for row in landed.rows("correlation_summary").to_dicts()}
    assert summary["physical"]["mean"] == pytest.approx(correlation[upper].mean(), abs=1e-12)
    held = correlation * np.outer(DIRECTIONS, DIRECTIONS)
    assert summary["held"]["mean"] == pytest.approx(held[upper].mean(), abs=1e-12)
    top = landed.rows("correlation_pairs").filter(kind="highest", rank=1).row(0, named=True)
    assert top["correlation"] == pytest.approx(correlation[upper].max(), abs=1e-12)
    last = landed.rows("correlation_averages").filter(session_date=AS_OF, window_sessions=60)
    assert last["average_correlation"][0] == pytest.approx(np.corrcoef(PANEL.returns[-60:].T)[upper].mean(), abs=1e-12)
    assert set(landed.rows("correlation_averages")["window_sessions"]) == {20, 60, 180}
    assert landed.rows("correlation_redundancy").height == landed.rows("factor_map").height == N


def test_anchors_are_ten_for_the_market_and_ten_for_the_hub(landed: Landed) -> None:
    anchors = landed.rows("hedge_anchors")
    assert anchors.group_by("reference").len().sort("reference").rows() == [("crypto_hub", 10), ("market", 10)]
    market = PANEL.returns.mean(axis=1)
    expected = sorted((float(np.corrcoef(PANEL.returns[:, n], market)[0, 1]), SYMBOLS[n]) for n in range(N))[:10]
    found = anchors.filter(reference="market").sort("rank")
    assert found["symbol"].to_list() == [symbol for _, symbol in expected]
    assert found["correlation"].to_numpy() == pytest.approx([value for value, _ in expected], abs=1e-12)
    assert set(anchors.filter(reference="crypto_hub")["reference_symbol"]) <= set(SYMBOLS[:3])


def test_the_cut_in_use_is_marked_once_and_gives_the_reported_clusters(landed: Landed) -> None:
    table = landed.rows("cluster_sensitivity")
    used = table.filter("is_used")
    assert used["threshold"].to_list() == [landed.clustering.threshold]
    assert used["n_clusters"][0] == landed.rows("clusters")["cluster_id"].max() == landed.clustering.n_clusters
    assert table.height == 17


def test_a_cut_between_the_listed_ones_is_listed_too(tmp_path: Path) -> None:
    clustering = cluster_instruments(PANEL.returns, SYMBOLS, DIRECTIONS, threshold=0.43)
    sensitivity, _ = analysis.partition_writes(a_run(tmp_path), PANEL, CHOSEN, clustering)
    assert sensitivity.frame.filter("is_used")["threshold"].to_list() == [0.43]
    assert sensitivity.frame.height == 18


def test_a_cluster_that_broke_up_is_an_alert_and_the_whole_has_its_rand(landed: Landed) -> None:
    drift = landed.rows("cluster_drift")
    whole = drift.filter(cluster_id=analysis.WHOLE).row(0, named=True)
    assert (whole["n_members"], whole["half_sessions"], whole["message"]) == (N, 100, None)
    assert 0.0 < whole["adjusted_rand"] < 1.0
    assert drift.filter(pl.col("cluster_id") > 0).height == landed.clustering.n_clusters


def test_halves_too_short_to_compare_are_one_row_that_says_so(tmp_path: Path) -> None:
    short = GridReturns(DATES[-30:], SYMBOLS, PANEL.returns[-30:], 252)
    clustering = cluster_instruments(short.returns, SYMBOLS, DIRECTIONS, threshold=0.4, lookbacks=(30,))
    rows = analysis.drift_rows(a_run(tmp_path), short, CHOSEN, clustering)
    assert rows["cluster_id"].to_list() == [analysis.WHOLE]
    assert "Halves of 15 sessions are shorter" in rows["message"][0]


def test_an_instrument_that_never_moved_takes_no_part_and_the_log_names_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    still = PANEL.returns.copy()
    still[:, 4] = 0.0
    with caplog.at_level(logging.INFO):
        (anchors,) = analysis.anchor_writes(
            a_run(tmp_path),
            GridReturns(DATES, SYMBOLS, still, 252),
            pl.DataFrame({"asset_class": CHOSEN.asset_classes}),
        )
    assert "X:S04" not in set(anchors.frame["symbol"])
    assert "X:S04 takes no part in the correlations: constant series" in caplog.text


def test_zoom_takes_one_reported_cluster_apart(landed: Landed) -> None:
    members, links = inspection.zoom(landed.run, 1).values()
    assert tuple(sorted(members["symbol"])) == tuple(sorted(landed.clustering.members(1)))
    assert links.height == members.height - 1
    assert members["identity"].to_list() == [f"id{symbol[-2:]}" for symbol in members["symbol"]]
    with pytest.raises(UsageError, match="--cluster 99"):
        inspection.zoom(landed.run, 99)


def test_the_stored_tree_is_the_tree_bit_by_bit(landed: Landed) -> None:
    stored = recut(read_tree(landed.run, T), landed.clustering.threshold)
    for field in fields(Clustering):
        made, read = getattr(landed.clustering, field.name), getattr(stored, field.name)
        if isinstance(made, np.ndarray):
            np.testing.assert_array_equal(made, read, err_msg=field.name, strict=True)
        else:
            assert made == read, field.name


def test_a_tree_with_a_missing_link_is_refused(landed: Landed) -> None:
    rows = tree_rows(landed.clustering)
    broken = replace(rows, links=rows.links.head(-1))
    with pytest.raises(InputError, match="15 leaves, 13 links and 105 pairs are not one complete tree"):
        tree_from_rows(broken, method="ward", lookbacks=(60,))


def test_zoom_needs_no_marts(landed: Landed) -> None:
    """Another run may stand in the marts: the stored tree is the run's own."""
    landed.run.lake.connection.execute("alter table intermediate.int_returns_on_grid rename to returns_elsewhere")
    try:
        assert inspection.zoom(landed.run, 1)
    finally:
        landed.run.lake.connection.execute("alter table intermediate.returns_elsewhere rename to int_returns_on_grid")


@pytest.mark.parametrize(
    ("command", "titles"),
    [
        ("analyze", ["clusters", "left_out", "drift", "hedge_anchors"]),
        ("correlations", ["all_pairs", "rolling_averages", "top_pairs", "redundancy"]),
        ("sensitivity", ["threshold_sensitivity"]),
    ],
)
def test_commands_show_the_tables(
    landed: Landed, capsys: pytest.CaptureFixture[str], command: str, titles: list[str]
) -> None:
    home = str(landed.run.paths.root)
    assert main(["--home", home, command, RUN_ID, "--json"]) == 0
    shown: dict[str, list[dict[str, Any]]] = json.loads(capsys.readouterr().out)
    assert list(shown) == titles
    assert all(shown[title] for title in titles if title != "left_out")
    assert main(["--home", home, command, RUN_ID]) == 0
    assert titles[0].replace("_", " ") in capsys.readouterr().out


def test_a_run_without_these_tables_is_told_where_to_start(landed: Landed, capsys: pytest.CaptureFixture[str]) -> None:
    other = "20240101-test-ffffffff"
    landed.run.paths.run_dir(other).mkdir(parents=True)
    assert main(["--home", str(landed.run.paths.root), "correlations", other]) == 1
    assert "--start-step factors" in capsys.readouterr().err
    assert main(["--home", str(landed.run.paths.root), "sensitivity", "no-such-run"]) == 2
