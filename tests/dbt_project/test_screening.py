"""Screening in SQL finds what the scanners' own evaluation finds, and indicators are added session by session."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ingest.cli import main
from ingest.landing.discovery import JUDGED, SCREENED, scope_writes, session_rows
from ingest.reference.calendars import as_of_clock
from ingest.screening.predicates import scan_from_columns
from ingest.screening.scanners import load_scanners
from ingest.screening.sql import COPIED, NUMBERS, TEXTS, sql_name
from lakehouse.connection.catalog import Lake
from lakehouse.dbt.runner import DbtResult
from lakehouse.paths import Paths
from lakehouse.schema.tables import CONTRACTS
from lakehouse.storage.hashing import content_hash
from lakehouse.storage.writes import Write, write

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
Kit = dict[str, Any]
MARKETS = {
    "sample": (dt.date(2025, 12, 30), [dt.date(2024, 11, 28), dt.date(2025, 3, 15), dt.date(2025, 9, 17)]),
    "real": (dt.date(2026, 2, 5), [dt.date(2024, 7, 7), dt.date(2025, 4, 8), dt.date(2025, 12, 25)]),
}
"""Session of discovery and replayed sessions, a holiday and weekends among them."""


def ask(lake: Lake, run_id: str, session: dt.date, past: list[dt.date], settle_minutes: int = 10) -> None:
    """Ask for all scanners at a session and at past ones."""
    scope = scope_writes(load_scanners(CONFIGS), [(session, as_of_clock(session, settle_minutes))], run_id=run_id)
    replayed = session_rows([(one, as_of_clock(one, settle_minutes)) for one in past], "replay", run_id)
    again = Write("scope.sessions", replayed, mode="replace_run", keys={"purpose": "replay"})
    write(lake, [*scope, again], run_id=run_id, step="test")


# dbt leaves its event loop open.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module", params=list(MARKETS))
def screened(
    request: pytest.FixtureRequest, homes: Callable[[str], Paths], dbt: Callable[..., DbtResult], kit: Kit
) -> tuple[Paths, str]:
    """A lake with a whole market, screened by all scanners at several sessions."""
    name = request.param
    session, past = MARKETS[name]
    source = ["--source", "sample"]
    if name == "real":
        source = ["--source", "files", "--path", str(request.getfixturevalue("real_market"))]
    paths = homes(f"screened_{name}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAKEFOLIO_EXTENSIONS", str(paths.extensions))
        words = [
            "scan",
            *source,
            "--as-of",
            session.isoformat(),
            "--run-id",
            "scan-a",
            "--home",
            str(paths.root),
            "--json",
        ]
        assert main(words) == 0
    with Lake.open(paths, settings=kit["SETTINGS"]) as lake:
        ask(lake, "scan-a", session, past)
    dbt(paths, "run", "--select", "+int_scans_screened", run_id="scan-a").require()
    return paths, name


def test_all_scanners_find_in_sql_what_their_evaluation_finds(screened: tuple[Paths, str], kit: Kit) -> None:
    paths, name = screened
    with Lake.open(paths, settings=kit["SETTINGS"], read_only=True) as lake:
        judged = lake.read(JUDGED).rename({sql_name(column): column for column in NUMBERS if "|" in column})
        found = lake.read(SCREENED)
    assert NUMBERS | TEXTS | {"symbol", "session_date", "is_close_only"} == set(judged.columns)
    session, past = MARKETS[name]
    expected = pl.concat(
        scan_from_columns(
            scanner, of_session, source=found["source"][0], run_id="scan-a", scanned_at=found["scanned_at"][0]
        )
        for scanner in load_scanners(CONFIGS)
        for of_session in judged.partition_by("session_date")
    )
    keys = ["session_date", "scanner", "rank"]
    expected, found = expected.sort(keys), found.sort(keys)
    assert set(found["session_date"]) == {session, *past}
    assert found["scanner"].n_unique() > 20
    names = [column for column in CONTRACTS["raw.scans"].names if column != "payload"]
    assert found.select(names).equals(expected.select(names))
    assert set(COPIED) < set(names)
    payloads = [
        [None if text is None else json.loads(text) for text in frame["payload"]] for frame in (found, expected)
    ]
    assert payloads[0] == payloads[1]


def test_an_instrument_without_a_bar_on_its_last_session_is_not_judged(screened: tuple[Paths, str], kit: Kit) -> None:
    paths, _ = screened
    with Lake.open(paths, settings=kit["SETTINGS"], read_only=True) as lake:
        rows = lake.rows(
            "select decided.session_date, count(*), count(judged.symbol) "
            "from intermediate.int_sessions_decided as decided "
            "inner join intermediate.int_instruments_described as i on decided.calendar = i.calendar "
            "inner join intermediate.int_bars_of_run as bars "
            "on i.symbol = bars.symbol and bars.session_date = decided.last_session "
            "left join intermediate.int_scanner_inputs as judged "
            "on i.symbol = judged.symbol and decided.session_date = judged.session_date group by 1"
        )
        judged = dict(lake.rows(f"select session_date, count(*) from {JUDGED} group by 1"))  # noqa: S608
    assert len(rows) == 4
    assert {session: with_bar for session, with_bar, _ in rows} == judged
    assert all(with_bar == found for _, with_bar, found in rows)


def test_sessions_added_one_by_one_equal_a_full_build(
    built: Paths, copy_of: Callable[[Paths, str], Paths], dbt: Callable[..., DbtResult], kit: Kit
) -> None:
    days = [dt.date(2026, 1, day) for day in (12, 13, 15)]
    query = "select * from marts.scanner_columns order by source, symbol, session_date"

    def build(paths: Paths, *flags: str) -> pl.DataFrame:
        dbt(paths, "run", *flags, "--select", "scanner_columns", run_id="run-a").require()
        with Lake.open(paths, settings=kit["SETTINGS"], read_only=True) as lake:
            return lake.query(query)

    one_by_one, at_once = copy_of(built, "one_by_one"), copy_of(built, "at_once")
    for day in days:
        with Lake.open(one_by_one, settings=kit["SETTINGS"]) as lake:
            ask(lake, "run-a", day, [])
        added = build(one_by_one)
    with Lake.open(at_once, settings=kit["SETTINGS"]) as lake:
        ask(lake, "run-a", days[-1], [])
        rows = session_rows([(day, as_of_clock(day)) for day in days], "discovery", "run-a")
        again = Write("scope.sessions", rows, mode="replace_run", keys={"purpose": "discovery"})
        write(lake, again, run_id="run-a", step="test")
    whole = build(at_once, "--full-refresh")
    assert whole["session_date"].n_unique() >= len(days)
    assert content_hash(added) == content_hash(whole)
    assert added.equals(whole)


def test_only_restated_rows_are_written_again_and_rows_without_a_bar_go(
    built: Paths, copy_of: Callable[[Paths, str], Paths], dbt: Callable[..., DbtResult], kit: Kit
) -> None:
    paths, day = copy_of(built, "restated_screen"), dt.date(2026, 1, 15)

    def build() -> pl.DataFrame:
        dbt(paths, "run", "--select", "scanner_columns", run_id="run-a").require()
        with Lake.open(paths, settings=kit["SETTINGS"], read_only=True) as lake:
            return lake.query("select rowid, * from marts.scanner_columns order by symbol")

    with Lake.open(paths, settings=kit["SETTINGS"]) as lake:
        ask(lake, "run-a", day, [])
    before = build()
    assert build().equals(before), "a second build writes nothing"
    with Lake.open(paths, settings=kit["SETTINGS"]) as lake:
        lake.connection.execute(
            "update marts.bars_daily set close = close + 1 where symbol = 'US:AAA' and session_date = ?", [day]
        )
        lake.connection.execute("delete from marts.bars_daily where symbol = 'US:SPY' and session_date = ?", [day])
    after = build()
    assert set(before["symbol"]) - set(after["symbol"]) == {"US:SPY"}
    kept = before.join(after, on=before.columns, how="inner", nulls_equal=True)
    assert set(before["symbol"]) - set(kept["symbol"]) == {"US:AAA", "US:SPY"}
    closes = [frame.filter(pl.col("symbol") == "US:AAA")["close"][0] for frame in (before, after)]
    assert closes[1] == closes[0] + 1
