from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.errors import ScanUnsupportedError
from ingest.landing.bars import LandingReport, land_bars
from ingest.landing.reference import land_instruments, land_sessions
from ingest.landing.scope import LandingScope
from ingest.reference.calendars import as_of_clock, sessions
from ingest.reference.venues import Venues
from ingest.screening.scanners import Scanner
from ingest.sources.files import FilesSource
from ingest.sources.protocol import BAR_SCHEMA, INSTRUMENT_SCHEMA, BarBatch, BarRequest
from ingest.sources.sample.source import SampleSource
from lakehouse.connection.catalog import Lake
from lakehouse.storage.hashing import content_hash

FETCHED = dt.datetime.fromisoformat("2024-06-01")
DAYS = sessions("XNYS", dt.date(2024, 3, 1), dt.date(2024, 3, 28))["session_date"].to_list()
CONTENT = ["symbol", "session_date", "open", "high", "low", "close", "volume", "adj_close", "is_close_only"]


def landing(as_of: dt.date, **changes: object) -> LandingScope:
    return replace(LandingScope("run-1", "prep", as_of, as_of_clock(as_of), fetched_at=FETCHED), **changes)  # type: ignore[arg-type]


def stored(lake: Lake, as_of: dt.date | None = None) -> pl.DataFrame:
    bars = lake.read("raw.bars").select(CONTENT).sort("symbol", "session_date")
    return bars if as_of is None else bars.filter(pl.col("session_date") <= as_of)


def table(closes: dict[str, Sequence[float]]) -> pl.DataFrame:
    rows = [(symbol, day, close) for symbol, prices in closes.items() for day, close in zip(DAYS, prices, strict=False)]
    return pl.DataFrame(rows, schema=["symbol", "date", "close"], orient="row")


def files(folder: Path, venues: Venues, frame: pl.DataFrame) -> FilesSource:
    folder.mkdir(exist_ok=True)
    frame.write_parquet(folder / "bars.parquet")
    return FilesSource(folder, venues)


def land(lake: Lake, source: FilesSource, venues: Venues, as_of: dt.date, **changes: object) -> LandingReport:
    return land_bars(lake, source, venues, landing(as_of, **changes))


def test_landing_keeps_accepted_bars_and_sets_the_others_aside(lake: Lake, venues: Venues, tmp_path: Path) -> None:
    source = files(tmp_path / "in", venues, table({"NASDAQ:A": [1.0, -2.0, 3.0], "NASDAQ:B": [5.0, 5.1, 5.2]}))
    report = land(lake, source, venues, DAYS[2])
    assert (report.n_symbols, report.n_inserted, report.quarantined) == (2, 5, {"not_positive": 1})
    aside = lake.read("raw.quarantine")
    assert aside.select("symbol", "session_date", "reason", "close", "source", "row_number").rows() == [
        ("NASDAQ:A", DAYS[1], "not_positive", -2.0, "files", 2)
    ]
    log = lake.read("raw.fetches").sort("symbol")
    assert log.select("symbol", "status", "n_bars", "n_quarantined", "attempt", "requested_to").rows() == [
        ("NASDAQ:A", "ok", 2, 1, 1, DAYS[2]),
        ("NASDAQ:B", "ok", 3, 0, 1, DAYS[2]),
    ]
    bars = lake.read("raw.bars")
    assert set(bars["fetch_id"]) == set(log["fetch_id"])
    assert bars["is_final"].all()
    assert set(bars["first_seen_at"]) == {as_of_clock(DAYS[2])}


def test_landing_twice_changes_nothing_but_the_log(lake: Lake, venues: Venues, tmp_path: Path) -> None:
    source = files(tmp_path / "in", venues, table({"NASDAQ:A": [1.0, -2.0, 3.0]}))
    tables = ("raw.bars", "raw.quarantine", "raw.instruments", "raw.sessions")

    def once() -> tuple[LandingReport, list[pl.DataFrame]]:
        land_instruments(lake, source, landing(DAYS[2]))
        land_sessions(lake, ["XNYS"], DAYS[0], DAYS[2], landing(DAYS[2]))
        return land(lake, source, venues, DAYS[2]), [lake.read(name) for name in tables]

    _, before = once()
    report, after = once()
    assert (report.n_inserted, report.n_deleted) == (0, 0)
    for first, second in zip(before, after, strict=True):
        assert first.sort(pl.all()).equals(second.sort(pl.all()))
    assert sorted(lake.read("raw.fetches")["attempt"]) == [1, 2]


def test_a_corrected_close_is_written_alone_and_keeps_when_it_was_first_seen(
    lake: Lake, venues: Venues, tmp_path: Path
) -> None:
    closes = [1.0, 1.1, 1.2, 1.3]
    land(lake, files(tmp_path / "in", venues, table({"NASDAQ:A": closes[:3]})), venues, DAYS[2])
    before = content_hash(stored(lake))
    closes[1] += 1e-9
    report = land(lake, files(tmp_path / "in", venues, table({"NASDAQ:A": closes})), venues, DAYS[3])
    assert (report.n_inserted, report.n_deleted) == (2, 1)
    seen = dict(lake.read("raw.bars").select("session_date", "first_seen_at").iter_rows())
    assert [seen[day] for day in DAYS[:4]] == [as_of_clock(DAYS[2])] * 3 + [as_of_clock(DAYS[3])]
    assert content_hash(stored(lake, DAYS[2])) != before


def test_a_bar_that_turns_bad_or_vanishes_leaves_the_lake(lake: Lake, venues: Venues, tmp_path: Path) -> None:
    land(lake, files(tmp_path / "in", venues, table({"NASDAQ:A": [1.0, 1.1, 1.2]})), venues, DAYS[2])
    worse = table({"NASDAQ:A": [1.0, -1.1, 1.2]}).filter(pl.col("date") != DAYS[2])
    land(lake, files(tmp_path / "in", venues, worse), venues, DAYS[2])
    assert stored(lake)["session_date"].to_list() == [DAYS[0]]
    assert lake.read("raw.quarantine")["session_date"].to_list() == [DAYS[1]]
    land(lake, files(tmp_path / "in", venues, table({"NASDAQ:A": [1.0, 1.1, 1.2]})), venues, DAYS[2])
    assert stored(lake).height == 3
    assert lake.read("raw.quarantine").is_empty()


def test_a_jump_waits_in_quarantine_until_the_next_bar_confirms_it(lake: Lake, venues: Venues, tmp_path: Path) -> None:
    source = files(tmp_path / "in", venues, table({"NASDAQ:A": [1.0, 1.1, 9.0, 9.1]}))
    assert land(lake, source, venues, DAYS[2]).quarantined == {"unconfirmed_jump": 1}
    assert land(lake, source, venues, DAYS[3]).quarantined == {}
    assert stored(lake)["close"].to_list() == [1.0, 1.1, 9.0, 9.1]
    # Going back in time, the bar is unconfirmed again: what stands up to a date depends on nothing later.
    assert land(lake, source, venues, DAYS[2]).quarantined == {"unconfirmed_jump": 1}
    assert stored(lake, DAYS[2])["close"].to_list() == [1.0, 1.1]


@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.integers(0, 2**32 - 1), st.integers(3, 9))
def test_bars_landed_do_not_depend_on_the_future_the_order_or_repetition(
    lake: Lake, venues: Venues, tmp_path: Path, seed: int, index: int
) -> None:
    rng = np.random.default_rng(seed)
    closes = {name: np.exp(rng.normal(0.0, 0.9, 12).cumsum()).tolist() for name in "ABC"}
    result = table(closes)
    noisy = pl.when(pl.col("date") > DAYS[index]).then(pl.lit(rng.normal(0.0, 50.0, result.height))).otherwise("close")
    noise = result.with_columns(noisy.alias("close"))
    shuffled = pl.concat([noise, noise.sample(5, seed=seed)]).sample(fraction=1.0, shuffle=True, seed=seed)
    hashes = set()
    for frame in (result, noise, shuffled):
        # Each landing has symbols of its own, so that one lake serves all of them.
        batch = f"X{uuid.uuid4().hex[:12].upper()}"
        named = frame.with_columns(pl.concat_str(pl.lit(f"NASDAQ:{batch}"), "symbol").alias("symbol"))
        land(lake, files(tmp_path / "in", venues, named), venues, DAYS[index])
        mine = pl.col("symbol").str.contains(batch), pl.col("symbol").str.tail(1).alias("symbol")
        bars = stored(lake).filter(mine[0]).with_columns(mine[1])
        aside = lake.read("raw.quarantine").filter(mine[0]).with_columns(mine[1])
        assert bars.height + aside.height == 3 * (index + 1)
        hashes.add((content_hash(bars), content_hash(aside.select("symbol", "session_date", "reason", "close"))))
    assert len(hashes) == 1


class RemoteSource:
    """Remote source that serves one symbol at a time from a table and records its requests."""

    name = "remote"
    is_simulated = False
    scans_from_bars = False
    is_remote = True

    def __init__(self, closes: dict[str, dict[dt.date, float]]) -> None:
        self.closes = closes
        self.requested: list[tuple[str, dt.date | None]] = []
        self.broken: set[str] = set()

    def instruments(self, symbols: Sequence[str] | None = None, *, as_of: dt.date) -> pl.DataFrame:  # noqa: ARG002
        known = [symbol for symbol in sorted(self.closes) if symbols is None or symbol in symbols]
        rows = [
            {
                **dict.fromkeys(INSTRUMENT_SCHEMA),
                "symbol": one,
                "venue": "NASDAQ",
                "ticker": one[7:],
                "asset_class": "equity",
                "product": "cash",
                "is_close_only": True,
            }
            for one in known
        ]
        return pl.DataFrame(rows, schema=INSTRUMENT_SCHEMA)

    def bars(self, request: BarRequest) -> Iterator[BarBatch]:
        for symbol in request.symbols:
            self.requested.append((symbol, request.first))
            if symbol in self.broken:
                yield BarBatch((), pl.DataFrame(schema=BAR_SCHEMA), failures={symbol: "timed out; ask again"})
                continue
            result = {
                day: close
                for day, close in self.closes[symbol].items()
                if day <= request.last and (request.first is None or day >= request.first)
            }
            rows = [
                {"symbol": symbol, "session_date": day, "close": close, "row_number": 1}
                for day, close in result.items()
            ]
            yield BarBatch((symbol,), pl.DataFrame(rows, schema=BAR_SCHEMA))

    def scan(
        self,
        scanner: Scanner,
        *,
        as_of: dt.date,  # noqa: ARG002
        as_of_at: dt.datetime | None = None,  # noqa: ARG002
    ) -> pl.DataFrame:
        raise ScanUnsupportedError(scanner.name)


def test_only_stale_missing_and_incomplete_symbols_are_requested(lake: Lake, venues: Venues) -> None:
    complete_series = {day: 10.0 + index / 10 for index, day in enumerate(DAYS)}
    holed = {day: close for day, close in complete_series.items() if day != DAYS[3]}
    source = RemoteSource(
        {"NASDAQ:FULL": dict(complete_series), "NASDAQ:HOLE": holed, "NASDAQ:LATE": dict(complete_series)}
    )
    source.broken = {"NASDAQ:LATE"}
    first = land_bars(lake, source, venues, landing(DAYS[8]))
    assert (first.n_requested, first.failures) == (3, {"NASDAQ:LATE": "timed out; ask again"})
    assert lake.query("select symbol, error from raw.fetches where status = 'failed'").rows() == [
        ("NASDAQ:LATE", "timed out; ask again")
    ]

    source.requested, source.broken = [], set()
    again = land_bars(lake, source, venues, landing(DAYS[8]))
    assert source.requested == [("NASDAQ:HOLE", None), ("NASDAQ:LATE", None)]
    assert again.n_fresh == 1

    source.requested = []
    source.closes["NASDAQ:HOLE"] = dict(complete_series)
    land_bars(lake, source, venues, landing(DAYS[9]))
    assert sorted(source.requested, key=str) == [
        ("NASDAQ:FULL", DAYS[8]),
        ("NASDAQ:HOLE", None),
        ("NASDAQ:LATE", DAYS[8]),
    ]
    assert stored(lake).height == 30

    source.requested = []
    land_bars(lake, source, venues, landing(DAYS[9]))
    assert source.requested == []


def test_an_increment_is_checked_against_stored_bars(lake: Lake, venues: Venues) -> None:
    source = RemoteSource({"NASDAQ:A": {DAYS[0]: 10.0, DAYS[1]: 100.0}})
    land_bars(lake, source, venues, landing(DAYS[1]))
    assert stored(lake)["close"].to_list() == [10.0]
    source.closes["NASDAQ:A"][DAYS[2]] = 101.0
    source.requested = []
    land_bars(lake, source, venues, landing(DAYS[2]))
    assert source.requested == [("NASDAQ:A", DAYS[0])]
    assert stored(lake)["close"].to_list() == [10.0, 100.0, 101.0]
    assert lake.read("raw.quarantine").is_empty()
    tick = {day: close for day, close in source.closes["NASDAQ:A"].items() if day != DAYS[2]}
    source.closes["NASDAQ:A"] = {**tick, DAYS[3]: 9.0}
    land_bars(lake, source, venues, landing(DAYS[3], first=DAYS[3]))
    assert lake.read("raw.quarantine").select("session_date", "reason").rows() == [(DAYS[3], "unconfirmed_jump")]


def test_a_remote_source_that_forgets_its_past_takes_nothing_away(lake: Lake, venues: Venues) -> None:
    source = RemoteSource({"NASDAQ:A": dict.fromkeys(DAYS[:6], 10.0)})
    land_bars(lake, source, venues, landing(DAYS[5]))
    source.closes["NASDAQ:A"] = dict.fromkeys(DAYS[3:7], 10.0)
    land_bars(lake, source, venues, landing(DAYS[6]), is_selective=False)
    assert stored(lake)["session_date"].to_list() == DAYS[:7]


def test_the_sample_lands_whole(lake: Lake, venues: Venues, sample: SampleSource) -> None:
    day = dt.date(2021, 9, 30)
    report = land_bars(lake, sample, venues, landing(day))
    assert report.n_symbols > 240
    assert report.n_inserted == report.n_accepted > 10_000
    assert report.quarantined == {}
