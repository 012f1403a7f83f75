"""Health history and coverage equal those computed from the rows of the runs."""

from __future__ import annotations

import datetime as dt
import itertools

import polars as pl
import pytest

from tests.reports.conftest import MemoryLake, build_models, put
from tests.reports.run_frames import run_frames

# Health of four runs at full depth, the oldest first; `old` and `new` have another source than `odd`.
STATUSES = {
    "SIMX:A": {"old": "OK", "mid": "GAPS", "new": "GAPS", "odd": "MISSING"},
    "SIMX:B": {"old": "STALE", "mid": "OK", "new": "OK"},
    "SIMX:C": {"mid": "SHORT", "new": "INVALID", "odd": "OK"},
    "SIMFX_A:D": {"new": "MISSING"},
    "SIMFX_A:E": {"old": "OK", "new": "OK"},
}
CLASSES = {"SIMX:A": "equity", "SIMX:B": "equity", "SIMX:C": "etf", "SIMFX_A:D": "fx"}
RANKS = ["MISSING", "INVALID", "STALE", "GAPS", "SHORT", "OK"]
DAYS = {"old": 1, "mid": 2, "odd": 3, "new": 4}


def run_row(run_id: str) -> dict[str, object]:
    at = dt.datetime(2026, 1, DAYS[run_id], 8)  # noqa: DTZ001 - the lake's timestamps are naive UTC
    template = run_frames()["scope.runs"].row(0, named=True)
    changed = {"source": "other" if run_id == "odd" else "sample", "started_at": at, "as_of": at.date()}
    return {**template, "run_id": run_id, **changed}


def health_row(symbol: str, run_id: str, status: str) -> dict[str, object]:
    n_gaps = {"GAPS": 3 + DAYS[run_id], "MISSING": 20}.get(status, 0)
    return {
        "run_id": run_id,
        "stage": "full",
        "symbol": symbol,
        "status": status,
        "n_expected": 20,
        "n_present": 20 - n_gaps,
        "n_gaps": n_gaps,
        "n_quarantined": int(status == "INVALID"),
        "n_stale_sessions": 5 * (status == "STALE"),
        "is_judged": True,
    }


@pytest.fixture(scope="module")
def lake() -> MemoryLake:
    lake = MemoryLake()
    frames = run_frames()
    schema = frames["scope.runs"].schema
    instruments = frames["marts.instruments"]
    rows = [
        {**instruments.row(0, named=True), "run_id": run_id, "symbol": symbol, "asset_class": asset_class}
        for run_id in DAYS
        for symbol, asset_class in CLASSES.items()
    ]
    marts = {name: frame for name, frame in frames.items() if name.startswith("marts.")}
    health = [health_row(symbol, run, status) for symbol, runs in STATUSES.items() for run, status in runs.items()]
    put(
        lake.connection,
        {
            **marts,
            "marts.instruments": pl.DataFrame(rows, schema=instruments.schema),
            "scope.runs": pl.DataFrame([run_row(run_id) for run_id in DAYS], schema=schema),
            "results.health": pl.DataFrame(health),
        },
    )
    build_models(lake.connection)
    return lake


def test_each_run_says_what_a_symbol_was_in_the_run_before_of_the_same_source(lake: MemoryLake) -> None:
    history = {
        (row["symbol"], row["run_id"]): row
        for row in lake.query("from reports.rpt_health_history").iter_rows(named=True)
    }
    assert len(history) == sum(len(runs) for runs in STATUSES.values())
    for symbol, runs in STATUSES.items():
        ours = [run_id for run_id in DAYS if run_id in runs and run_id != "odd"]
        assert history[symbol, ours[0]]["movement"] == "first"
        assert history[symbol, ours[0]]["previous_run_id"] is None
        for before, now in itertools.pairwise(ours):
            row = history[symbol, now]
            step = RANKS.index(runs[now]) - RANKS.index(runs[before])
            assert (row["previous_run_id"], row["previous_status"]) == (before, runs[before])
            assert row["movement"] == ("same" if step == 0 else "better" if step > 0 else "worse")
        for position, run_id in enumerate(ours):
            same = itertools.takewhile(lambda run: runs[run] == runs[run_id], reversed(ours[: position + 1]))  # noqa: B023
            assert history[symbol, run_id]["n_runs_in_status"] == len(list(same))
    assert {history[symbol, "odd"]["movement"] for symbol in ("SIMX:A", "SIMX:C")} == {"first"}
    assert history["SIMX:A", "new"]["as_of"] == dt.date(2026, 1, 4)


def test_a_later_run_leaves_what_the_earlier_ones_say_of_themselves(lake: MemoryLake) -> None:
    before = lake.query("select * from reports.rpt_health_history where run_id <> 'late' order by all")
    with_later = [{**run_row("new"), "run_id": "late", "started_at": dt.datetime(2026, 2, 1)}]  # noqa: DTZ001
    lake.connection.execute("begin")
    put(
        lake.connection,
        {
            "scope.runs": pl.DataFrame(with_later, schema=run_frames()["scope.runs"].schema),
            "results.health": pl.DataFrame([{**health_row("SIMX:A", "new", "OK"), "run_id": "late"}]),
        },
    )
    after = lake.query("select * from reports.rpt_health_history where run_id <> 'late' order by all")
    late = lake.query("select movement, previous_run_id from reports.rpt_health_history where run_id = 'late'")
    lake.connection.execute("rollback")
    assert after.equals(before)
    assert late.rows() == [("better", "new")]


def test_coverage_counts_every_instrument_of_a_class_and_venue_once(lake: MemoryLake) -> None:
    rows = lake.query("from reports.rpt_health_coverage").to_dicts()
    assert sum(row["n_instruments"] for row in rows) == sum(len(runs) for runs in STATUSES.values())
    counts = ("n_missing", "n_invalid", "n_stale", "n_with_gaps", "n_short", "n_ok")
    for row in rows:
        mine = [
            (symbol, runs[row["run_id"]])
            for symbol, runs in STATUSES.items()
            if row["run_id"] in runs
            and symbol.startswith(row["venue"] + ":")
            and CLASSES.get(symbol, "unknown") == row["asset_class"]
        ]
        assert [row[count] for count in counts] == [sum(status == rank for _, status in mine) for rank in RANKS]
        assert row["ok_share"] == sum(status == "OK" for _, status in mine) / len(mine)
        gaps = [health_row(symbol, row["run_id"], status)["n_gaps"] for symbol, status in mine]
        assert (row["n_gaps"], row["n_gaps_worst"]) == (sum(gaps), max(gaps))
        assert row["present_share"] == 1 - sum(gaps) / (20 * len(mine))


def test_the_worst_are_named_with_their_state_and_gaps(lake: MemoryLake) -> None:
    rows = lake.query("select run_id, asset_class, worst from reports.rpt_health_coverage").rows()
    worst = {(run_id, asset_class): named for run_id, asset_class, named in rows}
    assert worst["new", "equity"] == "SIMX:A GAPS 7"
    assert worst["new", "etf"] == "SIMX:C INVALID 0"
    assert worst["new", "fx"] == "SIMFX_A:D MISSING 20"
    assert worst["new", "unknown"] is None
