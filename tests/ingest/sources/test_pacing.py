from __future__ import annotations

import asyncio

import polars as pl

from ingest.errors import Origin, RequestRefusedError, TimedOutError
from ingest.sources.pacing import Pace, PacedFetch, Progress
from ingest.sources.protocol import BAR_SCHEMA

ORIGIN = Origin("made", "host", "X:Y")


def test_the_pace_halves_when_throttled_and_grows_by_steps() -> None:
    pace = Pace(size=16, largest=24, step=4, target_s=1.0)
    pace.observe(16, 0.5, is_throttled=False, n_failed=0)
    assert pace.size == 20
    pace.observe(20, 0.5, is_throttled=True, n_failed=0)
    assert pace.size == 10
    pace.observe(10, 5.0, is_throttled=False, n_failed=0)
    assert pace.size == 7
    pace.observe(7, 0.1, is_throttled=False, n_failed=4)
    assert pace.size == 3
    for _ in range(20):
        pace.observe(pace.size, 0.1, is_throttled=False, n_failed=0)
    assert pace.size == 24


def test_a_symbol_that_fails_transiently_is_fetched_again_alone() -> None:
    groups: list[list[str]] = []

    async def fetch(symbols: object) -> dict[str, object]:
        group = list(symbols)  # type: ignore[call-overload]
        groups.append(group)
        result: dict[str, object] = {symbol: pl.DataFrame(schema=BAR_SCHEMA) for symbol in group}
        if "B" in group and len(groups) == 1:
            result["B"] = TimedOutError(ORIGIN, "no data", "try again later")
        if "C" in group:
            result["C"] = RequestRefusedError(ORIGIN, "no", "check")
        return result

    reported: list[Progress] = []
    with asyncio.Runner() as runner:
        paced = PacedFetch("made", fetch, Pace(size=3), runner, reported.append)  # type: ignore[arg-type]
        batches = list(paced.batches(["A", "B", "C", "D"]))
    assert groups == [["A", "B", "C"], ["D"], ["B"]]
    assert [batch.symbols for batch in batches] == [("A",), ("D",), ("B",)]
    assert list(batches[0].failures) == ["C"]
    assert batches[0].failures["C"] == "RequestRefusedError: made (host), X:Y: no; check"
    assert [(one.n_done, one.n_failed, one.is_sequential) for one in reported] == [
        (1, 1, False),
        (2, 1, False),
        (3, 1, True),
    ]
    assert reported[-1].eta_s == 0.0
    assert str(reported[-1]).startswith("made: 4/4 symbols, 1 failed, ")
