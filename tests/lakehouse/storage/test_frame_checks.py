"""A frame that violates its contract is refused, and the message names table, column and key."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import polars as pl
import pytest

from lakehouse.errors import ContractError
from lakehouse.schema.tables import CONTRACTS
from lakehouse.storage.frame_checks import check_contract, collapse_exact_duplicates, require_unique

BARS = CONTRACTS["raw.bars"]
Bars = Callable[..., pl.DataFrame]


def test_a_frame_in_any_column_order_comes_back_in_the_contract_s(bars: Bars) -> None:
    frame = bars(3)
    held = check_contract(frame.select(reversed(frame.columns)), BARS)
    assert tuple(held.columns) == BARS.names
    assert held.equals(frame.select(BARS.names))


def test_types_that_lose_nothing_are_widened(bars: Bars) -> None:
    frame = bars(2).with_columns(
        pl.col("close").cast(pl.Float32), pl.col("fetched_at").cast(pl.Datetime("ms")), volume=None
    )
    held = check_contract(frame, BARS)
    assert (held["close"].dtype, held["fetched_at"].dtype, held["volume"].dtype) == (
        pl.Float64,
        pl.Datetime("us"),
        pl.Float64,
    )


def test_a_missing_column_is_named(bars: Bars) -> None:
    with pytest.raises(ContractError, match=r"raw\.bars\.close: .*lacks") as refused:
        check_contract(bars(2).drop("close"), BARS)
    assert (refused.value.table, refused.value.column) == ("raw.bars", "close")


def test_an_unknown_column_is_named(bars: Bars) -> None:
    with pytest.raises(ContractError, match=r"raw\.bars\.closing: ") as refused:
        check_contract(bars(2).with_columns(closing=1.0), BARS)
    assert refused.value.column == "closing"


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("close", [1, 2], "Int64"),
        ("symbol", [1, 2], "Int64"),
        ("session_date", ["2024-01-01", "2024-01-02"], "String"),
        ("fetched_at", [datetime(2024, 1, 1, tzinfo=UTC)] * 2, "naive UTC"),
        ("is_final", [1, 0], "Int64"),
    ],
)
def test_a_wrong_type_is_named_and_never_cast(bars: Bars, column: str, values: list[object], message: str) -> None:
    with pytest.raises(ContractError, match=rf"raw\.bars\.{column}: .*{message}"):
        check_contract(bars(2).with_columns(pl.Series(column, values)), BARS)


def test_a_null_where_none_is_allowed_is_named_with_its_key(bars: Bars) -> None:
    frame = bars(3).with_columns(pl.Series("is_final", [True, None, None]))
    with pytest.raises(ContractError, match="2 of 3 values are null") as refused:
        check_contract(frame, BARS)
    assert refused.value.column == "is_final"
    assert refused.value.key == "symbol=TEST:AAA, interval=1d, session_date=2024-01-02, source=files"


def test_two_rows_of_one_key_are_refused_and_the_key_is_named(bars: Bars) -> None:
    frame = pl.concat([bars(2), bars(1, close=2.0, first=1)])
    with pytest.raises(ContractError, match="2 rows share a key") as refused:
        require_unique(frame, BARS)
    assert "session_date=2024-01-02" in refused.value.key


def test_exact_duplicates_collapse_and_conflicting_ones_are_refused(bars: Bars) -> None:
    later = bars(2, seen=datetime(2024, 7, 1))  # noqa: DTZ001
    assert collapse_exact_duplicates(pl.concat([bars(2), later]), BARS).height == 2
    with pytest.raises(ContractError, match="share a key"):
        collapse_exact_duplicates(pl.concat([bars(2), bars(1, close=9.0)]), BARS)
