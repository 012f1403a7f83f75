"""SQL of a user reads the lake, and reaches nothing else.

See docs/lake.md#9.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from lakehouse.connection import user_sql
from lakehouse.connection.catalog import Lake, LakeSettings
from lakehouse.connection.user_sql import user_query
from lakehouse.errors import LakeMissingError, QueryRefusedError
from lakehouse.paths import Paths
from lakehouse.storage.writes import Write, write

Make = Callable[..., pl.DataFrame]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, extensions: Path, bars: Make, clusters: Make) -> Iterator[Paths]:
    """One lake for all queries; the fixture checks that none changed it."""
    root = tmp_path_factory.mktemp("home")
    paths = replace(
        Paths.at(root),
        catalog=f"sqlite:{root}/catalog.sqlite",
        data=str(root / "files"),
        extensions=extensions,
    )
    with Lake.open(paths, settings=LakeSettings(memory_limit="1GB", threads=1)) as lake:
        write(lake, Write("raw.bars", bars(300)), run_id="run-a", step="land")
        write(lake, Write("results.cluster_links", clusters(4)), run_id="run-a", step="cluster")
        lake.rows("create view lake.staging.stg_bars as select symbol, close from lake.raw.bars")
        before = lake.snapshot_id()
    yield paths
    with Lake.open(paths, settings=LakeSettings(memory_limit="1GB", threads=1)) as lake:
        assert lake.snapshot_id() == before, "a query changed the lake"


@pytest.fixture
def ask(home: Paths, settings: LakeSettings) -> Callable[..., pl.DataFrame]:
    return lambda sql, limit=10_000: user_query(home, sql, limit, settings=settings)


@pytest.fixture(scope="module")
def reader(home: Paths) -> Iterator[Lake]:
    with Lake.open(home, settings=LakeSettings(memory_limit="1GB", threads=1), read_only=True) as lake:
        yield lake


@pytest.fixture
def refuse(reader: Lake, ask: Callable[..., pl.DataFrame]) -> Callable[[str], None]:
    """Check the SQL on a connection that is already open; SQL that passes is run in full."""

    def check(sql: str) -> None:
        user_sql._refuse_outside_names(user_sql._parsed(reader.connection, sql))
        ask(sql)

    def refused(sql: str) -> None:
        with pytest.raises(QueryRefusedError):
            check(sql)

    return refused


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("select symbol, count(*) as n from raw.bars group by symbol", 1),
        ("with late as (from raw.bars where session_date > '2024-06-01') select * from late limit 3", 3),
        ("from staging.stg_bars limit 2;", 2),
        ("from results.cluster_links", 4),
        ("from lake.snapshots() order by 1 limit 1", 1),
        ("select * from ducklake_snapshots('lake') limit 1", 1),
        ("show schemas", None),
        ("describe raw.bars", 15),
        ("summarize raw.bars", 15),
        ("explain select 1", 1),
        ("pivot raw.bars on symbol in ('TEST:AAA') using max(close) group by session_date", 300),
        ("select * from raw.bars at (version => 1)", 0),
        ("from range(5)", 5),
        ("select 'insert into x; drop table y' as text -- a comment; with a semicolon", 1),
    ],
)
def test_queries_return_their_rows(ask: Callable[..., pl.DataFrame], sql: str, rows: int | None) -> None:
    frame = ask(sql)
    assert rows is None or frame.height == rows


def test_no_more_rows_are_returned_than_requested(ask: Callable[..., pl.DataFrame]) -> None:
    assert ask("from raw.bars", 7).height == 7
    assert ask("from raw.bars", 301).height == 300
    assert ask("select i, i * 2 as twice from range(100000000) t(i)", 10_001).height == 10_001
    empty = ask("select symbol, close from raw.bars where false")
    assert (empty.height, empty.columns) == (0, ["symbol", "close"])


@pytest.mark.parametrize(
    "sql",
    [
        "insert into raw.bars select * from raw.bars",
        "delete from raw.bars",
        "update raw.bars set close = 0",
        "drop table raw.bars",
        "create table raw.t as select 1",
        "create temp table t as select 1",
        "alter table raw.bars add column x int",
        "truncate raw.bars",
        "call ducklake_expire_snapshots('lake', older_than => now())",
        "call lake.set_option('parquet_compression', 'snappy')",
        "from ducklake_expire_snapshots('lake', older_than => now())",
        "from ducklake_cleanup_old_files('lake', cleanup_all => true)",
        "from ducklake_delete_orphaned_files('lake', cleanup_all => true)",
        "from ducklake_set_option('lake', 'parquet_compression', 'snappy')",
        "explain analyze delete from raw.bars",
        "begin",
        "vacuum",
        "set memory_limit = '100GB'",
        "reset enable_external_access",
        "attach 'x.db'",
        "detach lake",
        "use memory",
        "install httpfs",
        "load httpfs",
        "export database 'x'",
        "pragma database_list",
        "prepare p as select 1",
        "select 1; select 2",
        "select 1; drop table raw.bars",
        "",
        "selec 1",
        "select no_such_column from raw.bars",
        "from raw.no_such_table",
    ],
)
def test_statements_that_are_not_one_select_or_that_fail_are_refused(refuse: Callable[[str], None], sql: str) -> None:
    refuse(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "from read_csv('/etc/passwd')",
        "select * from '/etc/passwd.csv'",
        "from read_text('/etc/hostname')",
        "from read_blob('/etc/hostname')",
        "from glob('/etc/*')",
        "select (select count(*) from glob('/etc/*'))",
        "with f as (select * from read_csv('/etc/passwd')) select * from f",
        "select 1 where exists (from read_parquet('/tmp/x.parquet'))",
        "from query('from read_csv(''/etc/passwd'')')",
        "from query_table('/etc/passwd')",
        "from duckdb_databases()",
        "from duckdb_databases",
        "from duckdb_settings()",
        "from duckdb_secrets()",
        "from pragma_database_list",
        "from __ducklake_metadata_lake.ducklake_metadata",
        "from __ducklake_metadata_lake.main.ducklake_metadata",
        "from __DuckLake_Metadata_Lake.ducklake_metadata",
        "select current_setting('extension_directory')",
        "select getenv('HOME')",
    ],
)
def test_files_settings_and_the_attachment_are_out_of_reach(refuse: Callable[[str], None], sql: str) -> None:
    refuse(sql)


def test_not_even_the_lake_s_own_files_can_be_read_or_written_past_the_lake(
    ask: Callable[..., pl.DataFrame], home: Paths
) -> None:
    parquet = next(Path(home.data).rglob("*.parquet"))
    before = sorted(Path(home.data).rglob("*"))
    for sql in (
        f"from '{parquet}'",
        f"from read_parquet('{parquet}')",
        f"copy (select 1) to '{home.data}/planted.csv'",
        f"copy raw.bars to '{home.root}/out.parquet'",
        f"from sqlite_scan('{home.catalog_file}', 'ducklake_metadata')",
    ):
        with pytest.raises(QueryRefusedError):
            ask(sql)
    assert sorted(Path(home.data).rglob("*")) == before


def test_the_connection_refuses_what_passes_the_parser(
    ask: Callable[..., pl.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lakehouse.connection.user_sql._refuse_outside_names", lambda *_: None)
    monkeypatch.setattr("lakehouse.connection.user_sql._parsed", lambda *_: {})
    for sql, message in (
        ("from read_csv('/etc/passwd')", "disabled by configuration"),
        ("copy (select 1) to '/tmp/x.csv'", "disabled by configuration"),
        ("attach '/tmp/x.db'", "disabled by configuration"),
        ("delete from raw.bars", "read-only"),
        ("set memory_limit = '100GB'", "locked"),
        ("set enable_external_access = true", "locked|Cannot"),
    ):
        with pytest.raises(QueryRefusedError, match=message):
            ask(sql)


def test_a_query_of_a_missing_lake_creates_none(paths: Paths) -> None:
    with pytest.raises(LakeMissingError):
        user_query(paths, "select 1")
    assert not (paths.root / "data").exists()
