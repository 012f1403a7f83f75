"""A series that is not healthy is named with its sessions, and with the reason of each bar that was set aside."""

from __future__ import annotations

import datetime as dt

import polars as pl

from lakefolio.steps.market.health import describe_health_problems
from lakehouse.dbt.runner import DbtResult


def test_a_bar_on_a_holiday_is_named_with_session_and_reason() -> None:
    left = pl.DataFrame({"symbol": ["NYSE:A"], "status": ["INVALID"], "n_gaps": [0], "n_quarantined": [1]})
    missing = pl.DataFrame(schema={"symbol": pl.String, "session_date": pl.Date})
    refused = pl.DataFrame({
        "symbol": ["NYSE:A", "NYSE:B"], "session_date": [dt.date(2025, 12, 25)] * 2, "reason": ["not_a_session"] * 2,
        "detail": ["XNYS is closed", None],
    })  # fmt: skip
    text = describe_health_problems(left, missing, refused, {}, DbtResult(success=True, nodes=(), snapshot_id=1))
    assert "  NYSE:A INVALID: 0 gaps, 1 quarantined\n    2025-12-25 not_a_session: XNYS is closed\n" in text
    assert "NYSE:B" not in text
