"""The reader refuses missing, malformed and empty tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from lakehouse.connection.catalog import Lake, LakeSettings
from lakehouse.paths import Paths
from reports.errors import IncompleteReportError, ReportError
from reports.reader import ReportTables, misfits, report_models
from tests.reports.conftest import MemoryLake, build_models, put
from tests.reports.run_frames import RUN_ID, run_frames

MODELS = report_models()
REQUIRED = [name for name, model in MODELS.items() if not model.may_be_empty]


def test_only_the_requested_run_is_read(lake: MemoryLake, tables: ReportTables) -> None:
    assert tables.run_id == RUN_ID
    assert set(tables) == set(MODELS)
    other = ReportTables.load(lake, "other-run")
    assert other.run_id == "other-run"
    assert other["rpt_gaps"].is_empty()


def test_a_run_that_the_lake_does_not_know_is_refused(lake: MemoryLake) -> None:
    with pytest.raises(IncompleteReportError, match="no row for this run"):
        ReportTables.load(lake, "unknown-run")


def test_rows_of_two_runs_are_refused(tables: ReportTables) -> None:
    mixed = tables["rpt_solves"].with_columns(run_id=pl.lit("other-run"))
    with pytest.raises(IncompleteReportError, match="other-run"):
        ReportTables(dict(tables) | {"rpt_solves": mixed})


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_missing_table_is_named(name: str, tables: ReportTables) -> None:
    frames = {key: frame for key, frame in tables.items() if key != name}
    with pytest.raises(IncompleteReportError) as caught:
        ReportTables(frames)
    assert caught.value.table == name
    assert isinstance(caught.value, ReportError)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_an_empty_table_is_refused_unless_it_may_be_empty(name: str, tables: ReportTables) -> None:
    frames = dict(tables) | {name: tables[name].clear()}
    if name in REQUIRED:
        with pytest.raises(IncompleteReportError, match=name):
            ReportTables(frames)
    else:
        assert ReportTables(frames)[name].is_empty()


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_missing_column_is_named(name: str, tables: ReportTables) -> None:
    column = list(MODELS[name].columns)[-1]
    with pytest.raises(IncompleteReportError, match=f"{name}: column {column}"):
        ReportTables(dict(tables) | {name: tables[name].drop(column)})


def test_a_column_of_another_type_is_refused(tables: ReportTables) -> None:
    spoilt = tables["rpt_holdings"].with_columns(pl.col("weight").cast(pl.String))
    with pytest.raises(IncompleteReportError, match="weight double"):
        ReportTables(dict(tables) | {"rpt_holdings": spoilt})


def test_every_type_of_a_family_fits_and_a_column_of_nulls_too(tables: ReportTables) -> None:
    frame = tables["rpt_orders"].with_columns(pl.col("side").cast(pl.Categorical), quantity=pl.lit(None))
    assert misfits(MODELS["rpt_orders"], frame) == ()
    assert misfits(MODELS["rpt_orders"], frame.with_columns(notional=pl.lit("1"))) == ("notional",)


@pytest.mark.parametrize("spoil", ["drop view reports.rpt_solves", "alter view reports.rpt_solves rename to other"])
def test_a_model_that_was_not_built_is_named(spoil: str, lake: MemoryLake) -> None:
    lake.connection.execute("begin")
    lake.connection.execute(spoil)
    with pytest.raises(IncompleteReportError, match="rpt_solves: the model is not in schema"):
        ReportTables.load(lake, RUN_ID)
    lake.connection.execute("rollback")


def test_two_summaries_of_one_run_are_refused(with_cell: Callable[..., dict[str, pl.DataFrame]]) -> None:
    frames = with_cell("rpt_summary", "profile", "demo")
    frames["rpt_summary"] = pl.concat([frames["rpt_summary"]] * 2)
    with pytest.raises(IncompleteReportError, match="expected one row, found 2"):
        ReportTables(frames)


def test_a_real_lake_gives_the_same_rows_as_the_memory_lake(tmp_path: Path, tables: ReportTables) -> None:
    settings = LakeSettings(memory_limit="1GB", threads=1)
    with Lake.open(Paths.at(tmp_path), settings=settings) as real:
        real.connection.execute("begin")
        put(real.connection, run_frames())
        build_models(real.connection)
        real.connection.execute("commit")
        from_lake = ReportTables.load(real, RUN_ID)
    for name in MODELS:
        assert from_lake[name].equals(tables[name]), name
