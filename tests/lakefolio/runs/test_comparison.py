"""Differences between two runs whose rows are given by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date

import polars as pl
import pytest

from lakefolio.runs.comparison import TOURNAMENT, compare, summarize
from lakefolio.runs.run import RESOLVED
from lakefolio.runs.table_differences import ColumnDifference, TableDifference, compare_table
from lakehouse.connection.catalog import Lake, LakeSettings
from lakehouse.paths import Paths
from lakehouse.schema.tables import CONTRACTS
from lakehouse.storage.writes import Write, write

DAY = date(2024, 3, 1)
WEIGHT = {"engine": "ours", "risk_profile": "hrp", "window": 0}
CELL = {"engine": "ours", "risk_profile": "hrp", "simulator": "realized"}
SESSION = {
    **CELL, "window": 0, "session_date": DAY, "gross_return": 0.01, "cost": 0.001, "borrow": 0.0, "net_return": 0.009,
    "gross_exposure": 1.0, "net_exposure": 1.0, "turnover": 0.5, "wealth": 1.009,
}  # fmt: skip
METRIC = {**CELL, "status": "ok", "metric": "sharpe", "value": 1.0, "message": None}


def held(symbol: str, net_weight: float, **changes: object) -> dict[str, object]:
    sign = 1 if net_weight > 0 else -1
    return {
        **WEIGHT,
        "symbol": symbol,
        "direction": sign,
        "weight": abs(net_weight),
        "net_weight": net_weight,
        **changes,
    }


ROWS = {
    "left": {
        "tournament_weights": [held("X:A", 0.6), held("X:B", 0.3), held("X:C", 0.1)],
        "tournament_sessions": [SESSION],
        "tournament_metrics": [METRIC, {**METRIC, "metric": "cagr", "message": "too short", "value": None}],
    },
    "right": {
        "tournament_weights": [held("X:A", 0.5), held("X:B", -0.3), held("X:D", 0.2), held("X:E", 0.0625)],
        "tournament_sessions": [SESSION | {"net_return": 0.009 + 1e-17, "wealth": 1.010}],
        "tournament_metrics": [METRIC, {**METRIC, "metric": "cagr", "message": None, "value": 0.1}],
    },
    "same": {"tournament_weights": [held("X:A", 0.6), held("X:B", 0.3), held("X:C", 0.1)]},
}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    root = tmp_path_factory.mktemp("home")
    paths = Paths.at(root)
    with Lake.open(paths, settings=LakeSettings(memory_limit="1GB", threads=1)) as lake:
        for run_id, tables in ROWS.items():
            for name, rows in tables.items():
                columns = {column.name for column in CONTRACTS[f"results.{name}"].columns}
                frame = pl.DataFrame([{"run_id": run_id, **row} for row in rows])
                assert set(frame.columns) == columns
                write(lake, Write(f"results.{name}", frame, mode="replace_run"), run_id=run_id, step="tournament")
            folder = paths.run_dir(run_id)
            folder.mkdir(parents=True)
            top_n = 2 if run_id == "right" else 3
            (folder / RESOLVED).write_text(json.dumps({"selection": {"top_n": top_n}, "seed": 1}), encoding="utf-8")
            (folder / "audit.jsonl").write_text("", encoding="utf-8")
        yield lake


def test_rows_only_in_one_run_and_the_largest_difference_with_its_key(lake: Lake) -> None:
    found = compare_table(lake, "results.tournament_weights", "left", "right")
    assert found == TableDifference(
        "results.tournament_weights", 3, 4, 1, 2,
        (
            ColumnDifference("direction", 1, "ours hrp 0 X:B", "1", "-1", 2.0),
            ColumnDifference("weight", 1, "ours hrp 0 X:A", "0.6", "0.5", 0.6 - 0.5),
            ColumnDifference("net_weight", 2, "ours hrp 0 X:B", "0.3", "-0.3", 0.6),
        ),
    )  # fmt: skip


def test_a_difference_in_the_last_bits_counts(lake: Lake) -> None:
    found = compare_table(lake, "results.tournament_sessions", "left", "right")
    key = f"ours hrp realized {DAY}"
    assert [(column.column, column.n_rows, column.key) for column in found.columns] == [
        ("net_return", 1, key),
        ("wealth", 1, key),
    ]
    assert [column.difference for column in found.columns] == pytest.approx([1e-17, 0.001], rel=0.1)


def test_a_text_or_a_missing_value_differs_without_a_size(lake: Lake) -> None:
    found = compare_table(lake, "results.tournament_metrics", "left", "right")
    key = "ours hrp realized cagr"
    assert found.columns == (
        ColumnDifference("value", 1, key, None, "0.1", None),
        ColumnDifference("message", 1, key, "too short", None, None),
    )


def test_equal_rows_and_no_rows_are_no_difference(lake: Lake) -> None:
    assert compare_table(lake, "results.tournament_weights", "left", "same").is_empty
    assert compare_table(lake, "results.tournament_trades", "left", "right").is_empty
    assert not compare_table(lake, "results.tournament_sessions", "left", "same").is_empty


def test_settings_and_tables_are_listed_and_said_in_sentences(lake: Lake) -> None:
    frame = compare(lake, lake.paths, "left", "right")
    rows = frame.select("what", "name", "n_rows", "left", "right").rows()
    assert rows[0] == ("setting", "selection.top_n", None, "3", "2")
    assert ("tournament weights", "rows", 3, "1 of 3", "2 of 4") in rows
    assert ("tournament weights", "net_weight", 2, "0.3", "-0.3") in rows
    assert {row[0] for row in rows[1:]} == set(TOURNAMENT) - {"tournament trades"}
    said = summarize(frame)
    assert said[4] == (
        "Tournament weights: 1 of 3 rows only on the left and 2 of 4 rows only on the right; "
        "common rows differ, direction in 1 row, weight in 1 row, net_weight in 2 rows."
    )
    assert said == [
        "Settings: selection.top_n is 3 on the left and 2 on the right.",
        "Inputs: the same.",
        "Winners: the same.",
        "Weights: the same.",
        said[4],
        "Tournament trades: the same.",
        "Tournament sessions: common rows differ, net_return in 1 row, wealth in 1 row.",
        "Tournament metrics: common rows differ, value in 1 row, message in 1 row.",
    ]


def test_a_run_equals_itself(lake: Lake) -> None:
    frame = compare(lake, lake.paths, "left", "left")
    assert frame.is_empty()
    assert [sentence.endswith(": the same.") for sentence in summarize(frame)] == [True] * 8
