"""Opening creates the lake once, refuses a damaged or foreign one, and reads old snapshots."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import polars as pl
import pytest

from lakehouse.connection.catalog import SCHEMAS, Lake, LakeSettings, contract_of
from lakehouse.errors import LakeMismatchError, LakeMissingError, UnknownTableError
from lakehouse.paths import Paths
from lakehouse.schema.tables import CONTRACTS
from lakehouse.storage.hashing import content_hash
from lakehouse.storage.writes import Write, write

Make = Callable[..., pl.DataFrame]


def test_the_first_opening_creates_every_schema_and_contract_table_and_the_second_nothing(
    paths: Paths, settings: LakeSettings
) -> None:
    with Lake.open(paths, settings=settings) as lake:
        created = lake.snapshot_id()
        assert set(lake.tables()) == set(CONTRACTS)
        found = lake.rows("select schema_name from duckdb_schemas() where database_name = 'lake'")
        assert {name for (name,) in found} >= set(SCHEMAS)
        required = lake.rows(
            "select column_name from duckdb_columns() where database_name = 'lake' and schema_name = 'results' "
            "and table_name = 'weights' and not is_nullable"
        )
        assert {name for (name,) in required} == {
            column.name for column in CONTRACTS["results.weights"].columns if not column.nullable
        }
    with Lake.open(paths, settings=settings) as lake:
        assert lake.snapshot_id() == created
        assert lake.rows("select current_setting('autoinstall_known_extensions'), current_setting('memory_limit')") == [
            (False, "953.6 MiB")
        ]
    with closing(sqlite3.connect(str(paths.catalog_file))) as catalog:
        assert catalog.execute("pragma journal_mode").fetchone() == ("wal",)


def test_a_lake_that_is_only_read_is_never_created(paths: Paths, settings: LakeSettings) -> None:
    for options in ({"read_only": True}, {"create": False}):
        with pytest.raises(LakeMissingError, match="there is no lake"):
            Lake.open(paths, settings=settings, **options)
    assert not (paths.root / "data").exists()


def test_a_reader_cannot_write(lake: Lake, paths: Paths, settings: LakeSettings) -> None:
    with Lake.open(paths, settings=settings, read_only=True) as reader:
        assert reader.snapshot_id() == lake.snapshot_id()
        with pytest.raises(Exception, match="read-only"):
            reader.rows("delete from lake.raw.bars")


def test_time_travel_reads_what_was_there_then(lake: Lake, bars: Make) -> None:
    then = [
        write(lake, Write("raw.bars", bars(20 + n, close=float(n)), "upsert"), run_id="run-a", step=f"s{n}")
        for n in range(3)
    ]
    for number, receipt in enumerate(then):
        held = lake.read("raw.bars", "close = ?", [float(number)], at_snapshot=receipt.snapshot_id)
        assert held.height == 20 + number
        assert content_hash(held, ["symbol", "session_date", "close"]) == content_hash(
            bars(20 + number, close=float(number)), ["symbol", "session_date", "close"]
        )


def test_reading_selects_orders_and_names_what_is_missing(lake: Lake, bars: Make) -> None:
    write(lake, Write("raw.bars", bars(12)), run_id="run-a", step="land")
    frame = lake.read("raw.bars", columns=["session_date", "close"], order_by=["session_date"])
    assert frame.columns == ["session_date", "close"]
    assert frame["session_date"].is_sorted()
    assert lake.table_exists("raw.bars")
    assert not lake.table_exists("marts.candidates")
    with pytest.raises(UnknownTableError, match=r"did you mean raw\.bars\?"):
        lake.read("raw.barz")
    with pytest.raises(UnknownTableError, match="at snapshot 0"):
        lake.read("raw.bars", at_snapshot=0)
    for name in ("bars", "raw.bars; drop table raw.bars", 'raw."bars"', "memory.raw.bars"):
        with pytest.raises(UnknownTableError, match=r"schema\.name"):
            lake.read(name)


def test_a_table_without_contract_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UnknownTableError, match=r"did you mean raw\.bars\?"):
        contract_of("raw.bar")


def test_a_data_folder_without_the_files_of_the_catalog_is_refused(
    lake: Lake, paths: Paths, settings: LakeSettings, bars: Make
) -> None:
    write(lake, Write("raw.bars", bars(20)), run_id="run-a", step="land")
    lake.close()
    with pytest.raises(LakeMismatchError, match=r"its files are not in .*other: set LAKEFOLIO_DATA"):
        Lake.open(replace(paths, data=str(paths.root / "other")), settings=settings)


def test_a_table_that_differs_from_its_contract_is_named(lake: Lake, paths: Paths, settings: LakeSettings) -> None:
    lake.rows("alter table lake.raw.sessions add column note varchar")
    lake.close()
    with pytest.raises(LakeMismatchError, match=r"raw\.sessions .* differs from its contract in note"):
        Lake.open(paths, settings=settings)


def test_a_catalog_that_is_no_database_is_refused(paths: Paths, settings: LakeSettings) -> None:
    assert paths.catalog_file is not None
    paths.catalog_file.parent.mkdir(parents=True)
    paths.catalog_file.write_text("this is no database, and it is long enough to be taken for one " * 20)
    with pytest.raises(LakeMissingError, match="could not be attached"):
        Lake.open(paths, settings=settings)
