"""Each write mode leaves the expected rows in the table, and run and step in the commit."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import datetime

import duckdb
import polars as pl
import pytest

from lakehouse.connection.catalog import Lake, LakeSettings
from lakehouse.errors import ContractError, PathRefusedError, ReadOnlyLakeError, WriteConflictError
from lakehouse.paths import Paths
from lakehouse.storage import writes
from lakehouse.storage.hashing import content_hash
from lakehouse.storage.snapshots import find_commit, list_snapshots
from lakehouse.storage.writes import Write, write

LATER = datetime(2025, 1, 1)  # noqa: DTZ001
Make = Callable[..., pl.DataFrame]
LINKS = "results.cluster_links"


def count(lake: Lake, table: str) -> int:
    return int(lake.rows(f"select count(*) from lake.{table}")[0][0])  # noqa: S608


def test_one_step_s_writes_are_one_snapshot_with_run_and_step_in_its_message(
    lake: Lake, bars: Make, clusters: Make
) -> None:
    before = lake.snapshot_id()
    both = [Write("raw.bars", bars(30)), Write(LINKS, clusters(12))]
    receipt = write(lake, both, run_id="run-a", step="full-prep", extra={"attempt": 2})
    assert receipt.snapshot_id == before + 1 == lake.snapshot_id()
    assert receipt.rows == {"raw.bars": 30, LINKS: 12}
    newest = list_snapshots(lake, limit=1)[0]
    assert (newest.message, newest.author, newest.run_id, newest.step) == (
        "run-a full-prep",
        "lakefolio",
        "run-a",
        "full-prep",
    )
    assert newest.tables == ("raw.bars", LINKS)
    extra = json.loads(lake.rows("select commit_extra_info from ducklake_snapshots('lake') order by 1 desc")[0][0])
    assert extra["attempt"] == 2
    assert find_commit(lake, "run-a", "full-prep") == receipt.snapshot_id
    assert find_commit(lake, "run-a", "light-prep") is None


def test_values_come_back_bit_for_bit_inlined_or_in_files(lake: Lake, bars: Make) -> None:
    odd = [0.1, 1 / 3, math.nan, math.inf, -math.inf, 5e-324, 1.7976931348623157e308, None]
    few = bars(8, symbol="TEST:FEW").with_columns(pl.Series("close", odd), name_is=pl.lit("x")).drop("name_is")
    many = bars(80, symbol="TEST:MANY").with_columns(pl.Series("close", odd * 10))
    for frame in (few, many):
        write(lake, Write("raw.bars", frame), run_id="run-a", step="land")
        held = lake.read("raw.bars", "symbol = ?", [frame["symbol"][0]])
        assert content_hash(held) == content_hash(frame)


def test_appending_an_existing_key_is_refused_and_nothing_of_the_step_is_written(
    lake: Lake, bars: Make, clusters: Make
) -> None:
    write(lake, Write("raw.bars", bars(5)), run_id="run-a", step="one")
    before = lake.snapshot_id()
    with pytest.raises(ContractError, match="already exists") as refused:
        write(lake, [Write(LINKS, clusters(3)), Write("raw.bars", bars(9, first=4))], run_id="run-a", step="two")
    assert "session_date=2024-01-05" in refused.value.key
    assert lake.snapshot_id() == before
    assert count(lake, LINKS) == 0


def test_replacing_a_run_leaves_other_runs_and_other_stages_alone(lake: Lake, clusters: Make) -> None:
    for run_id, stage in (("run-a", "light"), ("run-a", "full"), ("run-b", "full")):
        write(lake, Write(LINKS, clusters(15, run_id, stage)), run_id=run_id, step="prep")
    again = Write(LINKS, clusters(4, "run-a", "full", height=0.9), "replace_run", keys={"stage": "full"})
    receipt = write(lake, again, run_id="run-a", step="prep")
    assert (receipt.rows[LINKS], receipt.deleted[LINKS]) == (4, 15)
    held = lake.rows(f"select run_id, stage, count(*) from lake.{LINKS} group by all order by all")  # noqa: S608
    assert held == [("run-a", "full", 4), ("run-a", "light", 15), ("run-b", "full", 15)]


def test_replacing_a_run_refuses_rows_of_another_run_or_stage(lake: Lake, clusters: Make, bars: Make) -> None:
    with pytest.raises(ContractError, match="'run-b', but this write replaces 'run-a'"):
        write(lake, Write(LINKS, clusters(3, "run-b"), "replace_run"), run_id="run-a", step="prep")
    with pytest.raises(ContractError, match="'full', but this write replaces 'light'"):
        write(lake, Write(LINKS, clusters(3), "replace_run", keys={"stage": "light"}), run_id="run-a", step="prep")
    with pytest.raises(ContractError, match=r"raw\.bars\.run_id"):
        write(lake, Write("raw.bars", bars(3), "replace_run"), run_id="run-a", step="prep")


def test_landing_the_same_bars_twice_writes_nothing(lake: Lake, bars: Make) -> None:
    first = write(lake, Write("raw.bars", bars(40), "upsert"), run_id="run-a", step="land")
    second = write(lake, Write("raw.bars", bars(40, seen=LATER), "upsert"), run_id="run-b", step="land")
    assert second.rows == {"raw.bars": 0}
    assert second.snapshot_id == first.snapshot_id == lake.snapshot_id()
    assert find_commit(lake, "run-b", "land") is None


def test_an_upsert_writes_the_difference_and_keeps_when_a_key_was_first_seen(lake: Lake, bars: Make) -> None:
    write(lake, Write("raw.bars", bars(40), "upsert"), run_id="run-a", step="land")
    changed = bars(1, close=7.0, seen=LATER, first=3)
    frame = pl.concat([bars(3, seen=LATER), changed, bars(2, seen=LATER, first=40)])
    receipt = write(lake, Write("raw.bars", frame, "upsert"), run_id="run-b", step="land")
    assert (receipt.rows["raw.bars"], receipt.deleted["raw.bars"]) == (3, 1)
    held = lake.read("raw.bars", order_by=["session_date"])
    assert held.height == 42
    assert held["close"].to_list() == [1.0] * 3 + [7.0] + [1.0] * 38
    assert held["first_seen_at"].to_list() == bars(40)["first_seen_at"].to_list() + [LATER] * 2
    assert held["fetched_at"].to_list()[3] == LATER
    assert held["fetched_at"].to_list()[2] != LATER


def test_an_upsert_knows_null_from_nan_and_from_a_value(lake: Lake, bars: Make) -> None:
    def with_volume(values: list[float | None]) -> pl.DataFrame:
        return bars(3).with_columns(pl.Series("volume", values, dtype=pl.Float64))

    write(lake, Write("raw.bars", with_volume([None, math.nan, 1.0]), "upsert"), run_id="run-a", step="land")
    same = write(lake, Write("raw.bars", with_volume([None, math.nan, 1.0]), "upsert"), run_id="run-a", step="again")
    assert same.rows == {"raw.bars": 0}
    other = write(lake, Write("raw.bars", with_volume([math.nan, None, None]), "upsert"), run_id="run-a", step="more")
    assert other.rows == {"raw.bars": 3}
    assert lake.read("raw.bars", order_by=["session_date"])["volume"].is_null().to_list() == [False, True, True]


def test_an_upsert_refuses_conflicting_duplicates_and_tables_without_a_key(lake: Lake, bars: Make) -> None:
    with pytest.raises(ContractError, match="share a key"):
        write(lake, Write("raw.bars", pl.concat([bars(2), bars(1, close=3.0)]), "upsert"), run_id="run-a", step="land")
    quarantine = lake.read("raw.quarantine")
    with pytest.raises(ContractError, match="no grain"):
        write(lake, Write("raw.quarantine", quarantine, "upsert"), run_id="run-a", step="land")


def test_rows_are_deleted_by_key(lake: Lake, bars: Make) -> None:
    write(lake, Write("raw.bars", bars(40)), run_id="run-a", step="land")
    keys = bars(3, first=38).select("symbol", "interval", "session_date", "source")
    receipt = write(lake, Write("raw.bars", keys, "delete"), run_id="run-a", step="health")
    assert receipt.deleted == {"raw.bars": 2}
    assert count(lake, "raw.bars") == 38
    with pytest.raises(ContractError, match=r"raw\.bars\.source"):
        write(lake, Write("raw.bars", keys.drop("source"), "delete"), run_id="run-a", step="health")


def test_a_condition_replaces_its_range_and_can_leave_an_unchanged_one_alone(lake: Lake, bars: Make) -> None:
    write(lake, Write("raw.bars", pl.concat([bars(20), bars(20, "TEST:BBB")])), run_id="run-a", step="land")
    where, symbols = "symbol in (select unnest(?)) and session_date >= ?", ["TEST:AAA", "TEST:CCC"]
    cut = bars(1, first=9)["session_date"][0]
    newer = bars(2, close=5.0, first=9)
    replaced = write(
        lake, Write("raw.bars", newer, "replace_where", where=where, params=[symbols, cut]), run_id="run-a", step="fix"
    )
    assert (replaced.rows["raw.bars"], replaced.deleted["raw.bars"]) == (2, 11)
    assert count(lake, "raw.bars") == 9 + 2 + 20
    again = Write(
        "raw.bars",
        bars(2, close=5.0, first=9, seen=LATER),
        "replace_where",
        where=where,
        params=[symbols, cut],
        skip_unchanged=True,
    )
    assert write(lake, again, run_id="run-a", step="fix-again").snapshot_id == replaced.snapshot_id
    with pytest.raises(ContractError, match="already exists"):
        write(lake, Write("raw.bars", bars(3), "replace_where", where="false"), run_id="run-a", step="fix")
    with pytest.raises(ContractError, match="without a condition"):
        write(lake, Write("raw.bars", bars(3), "replace_where"), run_id="run-a", step="fix")


def test_events_without_a_key_may_repeat(lake: Lake) -> None:
    schema = lake.read("raw.quarantine").schema
    now = datetime(2024, 1, 1)  # noqa: DTZ001
    row = {
        "fetch_id": "f",
        "source": "files",
        "symbol": "A:B",
        "interval": "1d",
        "reason": "not_positive",
        "fetched_at": now,
    }
    frame = pl.DataFrame([{**dict.fromkeys(schema), **row}] * 2, schema=schema)
    write(lake, Write("raw.quarantine", frame), run_id="run-a", step="land")
    write(lake, Write("raw.quarantine", frame), run_id="run-a", step="land-2")
    assert count(lake, "raw.quarantine") == 4


def test_a_write_needs_a_valid_run_id_and_a_writable_lake(
    lake: Lake, paths: Paths, bars: Make, settings: LakeSettings
) -> None:
    with pytest.raises(PathRefusedError):
        write(lake, Write("raw.bars", bars(1)), run_id="../x", step="land")
    with Lake.open(paths, settings=settings, read_only=True) as reader, pytest.raises(ReadOnlyLakeError):
        write(reader, Write("raw.bars", bars(1)), run_id="run-a", step="land")


def test_contention_is_retried_with_a_new_transaction_until_it_lands(
    lake: Lake, bars: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    true_apply, met = writes.apply, []

    def busy_twice(*args: object) -> tuple[int, int]:
        done = true_apply(*args)  # type: ignore[arg-type]
        if len(met) < 2:
            met.append(1)
            raise duckdb.TransactionException("Failed to commit: database is locked")
        return done

    monkeypatch.setattr(writes, "apply", busy_twice)
    receipt = write(lake, Write("raw.bars", bars(15)), run_id="run-a", step="land")
    assert len(met) == 2
    assert receipt.rows == {"raw.bars": 15}
    assert count(lake, "raw.bars") == 15


def test_contention_without_end_says_that_nothing_was_written(
    lake: Lake, bars: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: object) -> tuple[int, int]:
        raise duckdb.IOException("database is locked")

    monkeypatch.setattr(writes, "apply", locked)
    monkeypatch.setattr(writes, "_retry", writes.retrying(attempts=2))
    with pytest.raises(WriteConflictError, match="nothing was written"):
        write(lake, Write("raw.bars", bars(15)), run_id="run-a", step="land")
    assert count(lake, "raw.bars") == 0


def test_an_error_that_is_no_contention_is_not_retried(lake: Lake, bars: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def broken(*_: object) -> tuple[int, int]:
        calls.append(1)
        raise duckdb.BinderException("no such column")

    monkeypatch.setattr(writes, "apply", broken)
    with pytest.raises(duckdb.BinderException):
        write(lake, Write("raw.bars", bars(15)), run_id="run-a", step="land")
    assert len(calls) == 1
    assert find_commit(lake, "run-a", "land") is None


def test_a_commit_whose_acknowledgement_was_lost_is_not_made_twice(
    lake: Lake, bars: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    true_transact, calls = writes._transact, []

    def lost(*args: object) -> writes.WriteReceipt:
        calls.append(true_transact(*args))  # type: ignore[arg-type]
        raise duckdb.IOException("conflict: connection to the catalog was lost after commit")

    monkeypatch.setattr(writes, "_transact", lost)
    receipt = write(lake, Write("raw.bars", bars(15)), run_id="run-a", step="land")
    assert len(calls) == 1
    assert receipt.snapshot_id == calls[0].snapshot_id
    assert count(lake, "raw.bars") == 15
