"""A step reads its inputs and its own outputs, and writes its outputs, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl
import pytest

from lakefolio.errors import UndeclaredAccessError
from lakefolio.runs.step_access import StepAccess, StepLake, is_declared, tables_of
from lakehouse.connection.catalog import Lake, LakeSettings
from lakehouse.dbt.runner import DbtNode
from lakehouse.paths import Paths
from lakehouse.storage.writes import Write, write


def access() -> StepAccess:
    return StepAccess(
        "factors",
        ("results.selection", "results.health:light", "intermediate.*"),
        ("results.risk:full",),
        ("weights/*",),
    )


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    paths = Paths.at(tmp_path_factory.mktemp("home"))
    with Lake.open(paths, settings=LakeSettings(memory_limit="1GB", threads=1)) as opened:
        yield opened


@pytest.mark.parametrize(
    ("sql", "tables"),
    [
        ("select * from raw.bars where symbol = ?", {"raw.bars"}),
        ("with raw as (select * from marts.a) select * from raw join batch using (x)", {"marts.a"}),
        ("select * from lake.raw.bars at (version => 3)", {"raw.bars"}),
        ("select 1 where 2 in (select x from scope.runs) union all from marts.b", {"scope.runs", "marts.b"}),
        ("select id from lake.current_snapshot()", set()),
        ("drop table marts.a", set()),
    ],
)
def test_the_tables_of_a_query_are_those_it_names_with_their_schema(sql: str, tables: set[str]) -> None:
    assert tables_of(duckdb.connect(), sql) == tables


@pytest.mark.parametrize(
    ("table", "is_allowed"),
    [
        ("results.selection", True),
        ("results.health", True),
        ("intermediate.int_grid", True),
        ("results.selections", False),
        ("marts.int_grid", False),
    ],
)
def test_a_table_is_declared_by_its_name_or_its_schema(table: str, is_allowed: bool) -> None:
    assert is_declared(table, access().inputs) is is_allowed


def test_a_step_reads_inputs_and_outputs_alone(lake: Lake) -> None:
    used = access()
    step_lake = StepLake(lake, used)
    assert step_lake.query("select * from results.selection").is_empty()
    assert step_lake.rows("select count(*) from results.risk") == [(0,)]
    assert step_lake.read("results.health").is_empty()
    assert used.reads == {"results.selection", "results.risk", "results.health"}
    with pytest.raises(
        UndeclaredAccessError, match=r"step 'factors' reads results.weights, which is not among its inputs"
    ):
        step_lake.query("select * from results.selection join results.weights using (symbol)")


def test_a_step_writes_outputs_alone(lake: Lake) -> None:
    used = access()
    rows = pl.DataFrame({"run_id": ["one"], "stage": ["full"], "symbol": ["X:A"], "n_sessions": [1]})
    floats = ("volatility_annual", "var95", "cvar95", "max_drawdown", "skew", "tail_ratio", "convexity", "fragility")
    risk = rows.with_columns(*(pl.lit(0.1).alias(name) for name in floats), pl.lit("LOW").alias("fragility_level"))
    write(StepLake(lake, used), Write("results.risk", risk), run_id="one", step="factors")
    assert used.writes == {"results.risk"}
    before = lake.snapshot_id()
    with pytest.raises(UndeclaredAccessError, match=r"step 'factors' writes scope.runs"):
        write(
            StepLake(lake, used),
            Write("scope.runs", pl.DataFrame({"run_id": ["one"]}), "append"),
            run_id="one",
            step="x",
        )
    assert lake.snapshot_id() == before


def test_what_dbt_built_and_from_what_is_held_to_the_declaration() -> None:
    used = access()
    used.build([DbtNode("risk", "model", "success", 0.1, None, "", "results.risk", ("results.selection",))])
    with pytest.raises(UndeclaredAccessError, match=r"writes marts.candidates"):
        used.build([DbtNode("candidates", "model", "success", 0.1, None, "", "marts.candidates")])
    with pytest.raises(UndeclaredAccessError, match=r"reads raw.scans"):
        used.build([DbtNode("risk", "model", "success", 0.1, None, "", "results.risk", ("raw.scans",))])


def test_a_view_reads_its_tables_when_it_is_read(lake: Lake) -> None:
    lake.connection.execute("create schema if not exists lake.intermediate")
    lake.connection.execute("create or replace view lake.intermediate.lower_view as select symbol from lake.raw.scans")
    lake.connection.execute("create or replace view lake.intermediate.upper_view as from lake.intermediate.lower_view")
    used = access()
    used.build([DbtNode("v", "model", "success", 0.1, None, "", "results.risk", ("raw.scans",), is_view=True)])
    assert used.reads == set()
    with pytest.raises(UndeclaredAccessError, match=r"reads raw.scans"):
        StepLake(lake, used).query("select * from intermediate.upper_view")


def test_a_file_is_published_under_a_declared_name() -> None:
    access().publish("weights/hrp.csv")
    with pytest.raises(UndeclaredAccessError, match=r"the file orders.csv"):
        access().publish("orders.csv")


def test_the_shipped_lake_is_not_held(tmp_path: Path) -> None:
    with Lake.open(Paths.at(tmp_path), settings=LakeSettings(memory_limit="1GB", threads=1)) as free:
        free.before_write(["results.weights"])
        assert free.query("select * from results.weights").is_empty()
