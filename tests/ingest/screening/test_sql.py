"""Scanners compile to SQL that holds where their rules hold, whatever a scanner file contains."""

from __future__ import annotations

import math

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.errors import ScannerInputError
from ingest.screening.predicates import evaluate
from ingest.screening.scanners import Filter, Scanner
from ingest.screening.sql import NUMBERS, _number, compiled, scanner_rows, sql_name

VALUES = (None, math.nan, -math.inf, -5.0, 0.0, 0.5, 40.0, 60.0, math.inf)


def scanner(**values: object) -> Scanner:
    common: dict[str, object] = {
        "name": "probe", "title": "S", "direction": "LONG", "strategy": "price_momentum", "asset_classes": ("equity",),
    }  # fmt: skip
    return Scanner.model_validate({**common, **values})


def market(column: str, values: tuple[object, ...], kind: pl.DataType | None = None) -> pl.DataFrame:
    """One instrument for each value; the rules of the strategy hold for all."""
    frame = pl.DataFrame({"symbol": [f"NYSE:{number}" for number in range(len(values))]})
    good = {"perf_w": 1.0, "perf_1m": 1.0, "perf_3m": 2.0, "asset_class": "equity", "product": "cash", "venue": "NYSE",
            "session_date": None, "value_traded_usd": 1.0}  # fmt: skip
    return frame.with_columns(
        *(pl.lit(value).alias(name) for name, value in good.items() if name != column),
        pl.Series(column, list(values), dtype=kind),
    )


def selected(one: Scanner, frame: pl.DataFrame) -> list[str]:
    """Symbols for which the compiled conditions hold in DuckDB."""
    conditions = compiled(one)
    with duckdb.connect() as connection:
        connection.register("inputs", frame.to_arrow())
        rows = connection.execute(
            f"select symbol from inputs where {conditions.universe} and ({conditions.predicate}) order by symbol"  # noqa: S608
        ).fetchall()
    return [symbol for (symbol,) in rows]


def passed(one: Scanner, frame: pl.DataFrame) -> list[str]:
    return evaluate(one, frame).filter("passed")["symbol"].to_list()


@pytest.mark.parametrize("operation", ["greater", "egreater", "less", "eless", "equal", "nequal"])
def test_a_comparison_holds_where_the_rule_holds_and_never_for_a_missing_value(operation: str) -> None:
    one = scanner(filters=(Filter.model_validate({"left": "rsi", "operation": operation, "right": 40.0}),))
    frame = market("rsi", VALUES, pl.Float64())
    assert selected(one, frame) == passed(one, frame)
    assert not {"NYSE:0", "NYSE:1"} & set(selected(one, frame))


@pytest.mark.parametrize("operation", ["in_range", "not_in_range"])
@pytest.mark.parametrize("right", [(0.0, 50.0), (0.5, 40.0, 60.0), (0.5,)])
def test_two_numbers_are_bounds_and_others_a_list(operation: str, right: tuple[float, ...]) -> None:
    one = scanner(filters=(Filter.model_validate({"left": "rsi", "operation": operation, "right": right}),))
    frame = market("rsi", VALUES, pl.Float64())
    assert selected(one, frame) == passed(one, frame) != []


@pytest.mark.parametrize(("operation", "right"), [
    ("equal", "O'Neil; drop table x --"), ("nequal", "Energy"), ("in_range", ("Energy", "O'Neil; drop table x --")),
    ("not_in_range", ("Energy", "Metals")),
])  # fmt: skip
def test_text_of_a_scanner_file_is_only_compared(operation: str, right: object) -> None:
    one = scanner(filters=(Filter.model_validate({"left": "sector", "operation": operation, "right": right}),))
    frame = market("sector", (None, "Energy", "O'Neil; drop table x --", "Metals"), pl.String())
    assert selected(one, frame) == passed(one, frame) != []


@pytest.mark.parametrize("is_required", [True, False])
def test_an_unknown_volume_fails_the_floor_only_where_liquidity_is_required(is_required: bool) -> None:
    one = scanner(value_traded_min_usd=1.0, liquidity_required=is_required)
    frame = market("value_traded_usd", VALUES, pl.Float64())
    assert selected(one, frame) == passed(one, frame)


def test_a_column_that_bars_do_not_have_is_false_and_named() -> None:
    unknown = Filter.model_validate({"left": "x) or (true", "operation": "greater", "right": 1.0})
    conditions = compiled(scanner(filters=(unknown,), indexes=("SP:SPX",), market_cap_rank_max=3))
    assert conditions.predicate.endswith(" and false and false")
    assert conditions.universe.endswith(" and false")
    assert (conditions.size_limit, conditions.missing_columns) == (None, "x) or (true, indexes, market_cap_usd")


def test_text_is_not_compared_with_numbers() -> None:
    for left, right in (("sector", 1.0), ("rsi", "high")):
        wrong = scanner(filters=(Filter.model_validate({"left": left, "operation": "equal", "right": right}),))
        with pytest.raises(ScannerInputError, match=f"scanner probe: column {left}"):
            compiled(wrong)


@settings(max_examples=60, deadline=None)
@given(st.floats())
def test_a_number_is_read_back_to_the_last_bit(value: float) -> None:
    with duckdb.connect() as connection:
        (found,) = connection.execute(f"select ({_number(value)})::double").fetchone() or (None,)
    assert found == value or (math.isnan(value) and math.isnan(found))


def test_rows_of_the_table_hold_one_scanner_each() -> None:
    rows = scanner_rows([scanner(columns=("change", "close", "rsi|1W", "stoch_rsi"), venue_priority=("NYSE", "CBOE"))])
    assert rows.select("scanner", "row_limit", "payload", "venue_order").row(0) == (
        "probe", 500, "json_object('change', change, 'rsi|1W', rsi_1w)",
        "case venue when 'NYSE' then 0 when 'CBOE' then 1 else 2 end",
    )  # fmt: skip
    assert scanner_rows([]).columns == rows.columns
    assert all(sql_name(name).isidentifier() for name in NUMBERS)
