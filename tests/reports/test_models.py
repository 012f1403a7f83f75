"""Report models have the declared columns and grain, and their figures equal those computed from the source rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml

from reports.reader import ReportTables, report_models
from tests.reports.conftest import MODELS, MemoryLake
from tests.reports.run_frames import AS_OF, CELLS, RUN_ID, run_frames

MODEL_NAMES = sorted(path.stem for path in MODELS.rglob("rpt_*.sql"))


@pytest.fixture(scope="module")
def documented() -> dict[str, dict[str, Any]]:
    files = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in MODELS.rglob("*.yml")]
    return {model["name"]: model for file in files for model in file["models"]}


@pytest.fixture(scope="module")
def written() -> dict[str, pl.DataFrame]:
    return run_frames()


def test_every_model_is_declared_and_documented(documented: dict[str, Any]) -> None:
    assert sorted(report_models()) == MODEL_NAMES == sorted(documented)


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_a_model_has_the_columns_and_types_that_the_yaml_declares(name: str, lake: MemoryLake) -> None:
    described = lake.connection.execute(f"describe reports.{name}").fetchall()
    declared = report_models()[name].columns.values()
    assert [(column.name, column.type.upper()) for column in declared] == [(row[0], row[1]) for row in described]


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_a_model_keeps_its_grain_over_all_runs(name: str, lake: MemoryLake, documented: dict[str, Any]) -> None:
    grain = report_models()[name].grain
    assert grain[0] == "run_id"
    tested = documented[name]["data_tests"][0]["unique_grain"]["arguments"]["columns"]
    assert tuple(column.strip('"') for column in tested) == grain
    frame = lake.query(f"from reports.{name}")
    assert frame.height
    assert not frame.select(grain).is_duplicated().any()
    assert not frame.select(pl.col(*grain).is_null().any()).to_numpy().any()


def test_the_decision_regime_is_the_last_session_of_the_full_stage(tables: ReportTables) -> None:
    regime = tables["rpt_regime"].row(0, named=True)
    assert (regime["stage"], regime["session_date"]) == ("full", AS_OF)
    assert tables["rpt_regime_history"]["session_date"].is_sorted()
    assert tables["rpt_regime_history"].height == 504


def test_risk_profiles_add_up_to_their_weights(tables: ReportTables, written: dict[str, pl.DataFrame]) -> None:
    weights = written["results.weights"]
    for row in tables["rpt_risk_profiles"].iter_rows(named=True):
        of_risk_profile = weights.filter(pl.col("risk_profile") == row["risk_profile"])
        held = of_risk_profile.filter(pl.col("sleeve") != "cash")
        size, sign = held["weight"].to_numpy(), held["direction"].to_numpy()
        assert row["total_weight"] == pytest.approx(1.0, abs=1e-9)
        assert row["long_weight"] == pytest.approx(size[sign > 0].sum(), abs=1e-12)
        assert row["short_weight"] == pytest.approx(size[sign < 0].sum(), abs=1e-12)
        assert row["net_weight"] == pytest.approx((size * sign).sum(), abs=1e-12)
        assert row["effective_holdings"] == pytest.approx(1 / (size**2).sum(), rel=1e-12)
        assert row["cash_weight"] == pytest.approx(of_risk_profile["weight"].sum() - size.sum(), abs=1e-12)
        assert row["n_holdings"] == held.height


def test_asset_classes_partition_each_risk_profile(tables: ReportTables) -> None:
    sums = tables["rpt_asset_classes"].group_by("risk_profile").agg(pl.col("weight").sum())
    assert sums["weight"].to_numpy() == pytest.approx(np.ones(sums.height), abs=1e-9)
    cash = tables["rpt_asset_classes"].filter(pl.col("asset_class") == "cash")
    assert cash["weight"].to_list() == [0.05]
    assert cash["long_weight"].to_list() == [0.0]


def test_a_cluster_at_its_cap_is_marked(tables: ReportTables) -> None:
    capped = tables["rpt_cluster_weights"].filter(pl.col("is_at_cap"))
    assert set(capped["risk_profile"]) == {"max_sharpe"}
    assert capped["weight"].to_numpy() == pytest.approx([0.25, 0.25], abs=1e-9)
    assert capped["cap_used"].to_numpy() == pytest.approx([1.0, 1.0], abs=1e-8)


def test_holdings_are_ranked_by_weight(tables: ReportTables) -> None:
    for rows in tables["rpt_holdings"].partition_by("risk_profile"):
        assert rows["weight_rank"].to_list() == list(range(1, rows.height + 1))
        assert rows["weight"].is_sorted(descending=True)


def test_only_a_barbell_has_sleeves_and_they_share_no_member(tables: ReportTables) -> None:
    sleeves = tables["rpt_sleeves"]
    assert set(sleeves["risk_profile"]) == {"barbell"}
    members = [set(text.split(", ")) for text in sleeves["members"]]
    assert members[0].isdisjoint(members[1])


def test_decay_is_idealized_minus_realized(tables: ReportTables, written: dict[str, pl.DataFrame]) -> None:
    metrics = written["results.tournament_metrics"]
    row = tables["rpt_decay"].filter(pl.col("risk_profile") == "hrp").row(0, named=True)
    sharpe = {
        simulator: metrics.filter(engine="ours", risk_profile="hrp", simulator=simulator, metric="sharpe")[
            "value"
        ].item()
        for simulator in ("idealized", "realized")
    }
    assert row["decay_sharpe"] == pytest.approx(sharpe["idealized"] - sharpe["realized"], abs=1e-12)
    assert row["decay_sharpe"] > 0
    assert tables["rpt_decay"].null_count().sum_horizontal().item() == 0
    assert tables["rpt_decay"].height == len(CELLS)


def test_window_returns_and_wealth_compound_the_sessions(
    tables: ReportTables, written: dict[str, pl.DataFrame]
) -> None:
    stream = written["results.tournament_sessions"].filter(risk_profile="risk_parity", simulator="realized")
    returns = stream["net_return"].to_numpy()
    windows = tables["rpt_window_returns"].filter(risk_profile="risk_parity")
    expected = np.prod(1 + returns.reshape(25, 20), axis=1) - 1
    assert windows["realized_return"].to_numpy() == pytest.approx(expected, abs=1e-12)
    assert windows["decay"].to_numpy() == pytest.approx(
        (windows["idealized_return"] - windows["realized_return"]).to_numpy(), abs=1e-15
    )
    wealth = tables["rpt_wealth"].filter(risk_profile="risk_parity", simulator="realized")
    assert wealth["wealth"][-1] == pytest.approx(np.prod(1 + returns), rel=1e-12)
    assert wealth["session_date"][-1] == stream["session_date"].max()
    assert wealth.height == stream["session_date"].dt.truncate("1w").n_unique()


def test_the_weights_of_the_last_window_stand_beside_those_of_the_window_before(tables: ReportTables) -> None:
    rows = tables["rpt_tournament_weights"].filter(risk_profile="hrp")
    assert rows.select("window", "direction", "weight", "net_weight", "previous_net_weight").rows() == [
        (24, -1, 0.5, -0.5, None),
        (24, 1, 0.4, 0.4, 0.7),
    ]
    assert rows["asset_class"].to_list() == ["equity", "equity"]
    assert rows["train_end"].unique().to_list() == [tables["rpt_windows"]["train_end"].max()]


def test_metrics_of_all_cells_together_are_no_cell(tables: ReportTables) -> None:
    assert "all" not in set(tables["rpt_engines"]["engine"])
    assert set(tables["rpt_overfitting"]["metric"]) == {"n_trials", "overfitting_probability", "superiority_p_value"}
    failed = tables["rpt_engines"].filter(status="failed")
    assert set(failed["message"]) == {"window 3: K * cap = 0.75 < 1"}
    assert failed["sharpe"].null_count() == failed.height == 2


def test_quarantine_stops_at_the_date_of_the_run(tables: ReportTables) -> None:
    assert set(tables["rpt_quarantine"]["reason"]) == {"unconfirmed_jump", "inconsistent_ohlc"}


def test_only_the_last_attempt_of_a_step_is_shown(tables: ReportTables) -> None:
    health = tables["rpt_steps"].filter(step="health").row(0, named=True)
    assert (health["attempt"], health["status"]) == (2, "done")


def test_gate_failures_come_first(lake: MemoryLake) -> None:
    lake.connection.execute("begin")
    lake.connection.execute(
        """insert into results.audit_checks (run_id, "check", risk_profile, value, "limit", passed)
        values (?, 'zz_last_by_name', 'hrp', 0.26, 0.25, false)""",
        [RUN_ID],
    )
    gate = ReportTables.load(lake, RUN_ID)["rpt_gate"]
    lake.connection.execute("rollback")
    assert gate.row(0, named=True)["check"] == "zz_last_by_name"
