"""Aggregate daily bars to weeks and months, as the services do on request."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

from tests.servers.market_data import Bar

WEEK = "1W"
MONTH = "1M"
# A session may open on the evening before (FX, futures), and counts for the day that holds most of it.
EVENING = dt.timedelta(hours=6)


def gathered(bars: Sequence[Bar], period: str) -> list[Bar]:
    """Bars of one week (Monday to Sunday) or calendar month each; the first bar's opening time is kept."""
    groups: dict[tuple[int, int], list[Bar]] = {}
    for bar in bars:
        day = (dt.datetime.fromtimestamp(bar.opened, dt.UTC) + EVENING).date()
        key = day.isocalendar()[:2] if period == WEEK else (day.year, day.month)
        groups.setdefault(key, []).append(bar)
    return [_joined(group) for group in groups.values()]


def _joined(group: Sequence[Bar]) -> Bar:
    highs = [bar.high for bar in group if bar.high is not None]
    lows = [bar.low for bar in group if bar.low is not None]
    volumes = [bar.volume for bar in group if bar.volume is not None]
    last = group[-1]
    return replace(
        group[0],
        high=max(highs, default=None),
        low=min(lows, default=None),
        close=last.close,
        volume=sum(volumes) if volumes else None,
        adj_close=last.adj_close,
    )
