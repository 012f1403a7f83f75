"""Gaps of US shares and funds in the market file are the sessions that are missing in it."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import exchange_calendars
import polars as pl
import pytest

from lakehouse.connection.catalog import Lake
from lakehouse.dbt.runner import DbtResult
from lakehouse.paths import Paths

LAST = dt.date(2026, 2, 5)


def of_contract(kit: dict[str, Any], table: str, frame: pl.DataFrame) -> pl.DataFrame:
    empty = kit["frame_of"](table, [])
    return pl.concat(
        [empty, frame.select(pl.col(name) for name in frame.columns if name in empty.columns)], how="diagonal"
    )


@pytest.mark.slow
@pytest.mark.real_data
def test_one_us_session_is_missing_in_all_of_the_market_file(
    real_market: Path,
    empty: Paths,
    copy_of: Callable[[Paths, str], Paths],
    dbt: Callable[..., DbtResult],
    kit: dict[str, Any],
) -> None:
    paths = copy_of(empty, "real")
    bars = (
        pl.scan_parquet(real_market)
        .filter((pl.col("venue") == "US") & (pl.col("date").dt.date() <= LAST))
        .with_columns(
            symbol="US:" + pl.col("symbol"),
            interval=pl.lit("1d"),
            session_date=pl.col("date").dt.date(),
            source=pl.lit("files"),
            is_close_only=pl.col("open").is_null(),
            is_final=pl.lit(value=True),
            fetched_at=pl.lit(dt.datetime(2026, 3, 1), pl.Datetime("us")),  # noqa: DTZ001
            first_seen_at=pl.lit(dt.datetime(2026, 3, 1), pl.Datetime("us")),  # noqa: DTZ001
        )
        .collect()
    )
    symbols = bars["symbol"].unique().sort().to_list()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        calendar = exchange_calendars.get_calendar("XNYS", start="2018-01-02", end="2026-03-31")
    sessions = [
        {
            "calendar": "XNYS",
            "session_date": day.date(),
            "opens_at": calendar.session_open(day).tz_localize(None).to_pydatetime(),
            "closes_at": calendar.session_close(day).tz_localize(None).to_pydatetime(),
        }
        for day in calendar.sessions
    ]
    clock = dt.datetime.combine(LAST, dt.time()) + dt.timedelta(days=1, minutes=10)
    run = kit["run_row"](as_of=LAST, as_of_at=clock, full_sessions=5000, benchmark=None)
    kit["land"](
        paths,
        {
            "raw.bars": of_contract(kit, "raw.bars", bars),
            "raw.sessions": kit["frame_of"]("raw.sessions", sessions),
            "raw.instruments": kit["frame_of"](
                "raw.instruments", [kit["instrument_row"](symbol, "equity", "cash") for symbol in symbols]
            ),
            "scope.runs": kit["frame_of"]("scope.runs", [run]),
        },
    )
    dbt(
        paths,
        "run",
        "--select",
        "+gap_audit,config.materialized:table_in_place",
        "+gap_audit,config.materialized:incremental",
    ).require()
    with Lake.open(paths, settings=kit["SETTINGS"], read_only=True) as lake:
        gaps = lake.rows("select symbol, session_date from marts.gap_audit")
    assert len(symbols) > 300
    assert bars.height > 600_000
    assert gaps == [("US:FISV", dt.date(2025, 11, 12))]
