"""What one call of the gate is about: the run, the span, the symbols and the clocks."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from lakehouse.paths import check_symbol


def now_utc() -> dt.datetime:
    """Return the present moment as the lake writes it: naive UTC."""
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)


@dataclass(frozen=True, slots=True)
class Landing:
    """One call of the gate: what is landed, for which run, by which clocks (naive UTC).

    `fetched_at` is the moment of the fetch; by default now, which only decides what is a future session. `backfill` and
    `gap_fill` say whether a selective landing asks for history before the first held bar, and for sessions that are
    missing between held bars.
    """

    run_id: str
    step: str
    last: dt.date
    as_of_at: dt.datetime
    first: dt.date | None = None
    symbols: tuple[str, ...] | None = None
    settle_minutes: int = 10
    fetched_at: dt.datetime = field(default_factory=now_utc)
    backfill: bool = True
    gap_fill: bool = True

    def __post_init__(self) -> None:
        for symbol in self.symbols or ():
            check_symbol(symbol)
