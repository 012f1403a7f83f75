from __future__ import annotations

import datetime as dt
import json
import math

import polars as pl
import pytest

from ingest.errors import ScannerInputError
from ingest.screening.predicates import evaluate, scan_from_columns, summarise
from ingest.screening.scanners import Filter, Scanner
from ingest.screening.strategies import STRATEGIES
from lakehouse.schema.tables import CONTRACTS

DAY, AT = dt.date(2024, 3, 8), dt.datetime.fromisoformat("2024-03-09T00:10")
TREND_UP = {"adx": 15.0, "recommend_all": 0.1, "perf_w": 0.01, "perf_1m": 0.51, "perf_3m": 1.01}
TREND_DOWN = {"adx": 15.0, "recommend_all": -0.1, "perf_w": -0.01, "perf_1m": -0.51, "perf_3m": -1.01}
DIP = {"rsi": 39.9, "stoch_k": 29.9, "perf_w": -5.01, "perf_3m": 0.01}
SPIKE = {"rsi": 60.1, "stoch_k": 70.1, "perf_w": 5.01, "perf_3m": -0.01}


def scanner(strategy: str = "trend_momentum", direction: str = "LONG", **changes: object) -> Scanner:
    given = {"name": "mine", "title": "Mine", "asset_classes": ("equity",), "product": "cash", **changes}
    return Scanner.model_validate({"strategy": strategy, "direction": direction, **given})


def row(symbol: str = "NYSE:A", **values: object) -> dict[str, object]:
    fixed = {"session_date": DAY, "asset_class": "equity", "product": "cash", "venue": symbol.split(":", maxsplit=1)[0]}
    return {"symbol": symbol, **fixed, "close": 10.0, "volume": 1e6, "value_traded_usd": 1e7, **values}


def checked_bars(of: Scanner, *rows: dict[str, object]) -> dict[str, str]:
    checked = evaluate(of, pl.DataFrame(list(rows)))
    assert (checked["passed"] == (checked["reason"] == "passed")).all()
    return dict(checked.select("symbol", "reason").iter_rows())


@pytest.mark.parametrize(
    ("strategy", "direction", "good"),
    [
        ("trend_momentum", "LONG", TREND_UP),
        ("trend_momentum", "SHORT", TREND_DOWN),
        ("mean_reversion", "LONG", DIP),
        ("mean_reversion", "SHORT", SPIKE),
        ("price_momentum", "LONG", {name: TREND_UP[name] for name in ("perf_w", "perf_1m", "perf_3m")}),
        ("price_momentum", "SHORT", {name: TREND_DOWN[name] for name in ("perf_w", "perf_1m", "perf_3m")}),
    ],
)
def test_the_published_thresholds_hold_and_each_rule_decides_alone(
    strategy: str, direction: str, good: dict[str, float]
) -> None:
    mine = scanner(strategy, direction)
    assert set(good) == {rule.column for rule in STRATEGIES[strategy]}
    assert checked_bars(mine, row(**good)) == {"NYSE:A": "passed"}
    assert checked_bars(mine, row(**{name: -value for name, value in good.items()}))["NYSE:A"] != "passed"
    for name, value in good.items():
        for missing in (None, math.nan):
            assert (
                checked_bars(mine, row("NYSE:B", **good), row(**{**good, name: missing}))["NYSE:A"] == f"missing {name}"
            )
        without = {key: one for key, one in good.items() if key != name}
        assert checked_bars(mine, row(**without))["NYSE:A"] == f"missing {name}"
        worse = value - math.copysign(0.2, value) if name not in ("rsi", "stoch_k") else 100.0 - value
        if name == "adx":
            worse = 14.99
        failed = checked_bars(mine, row(**{**good, name: worse}))["NYSE:A"]
        assert failed.startswith(f"{name} "), failed
        assert ";" not in failed


def test_the_edges_are_on_the_right_side() -> None:
    mine = scanner()
    for name, edge, passes in (
        ("adx", 15.0, True),
        ("recommend_all", 0.1, True),
        ("perf_w", 0.0, False),
        ("perf_1m", 0.5, False),
    ):
        assert (checked_bars(mine, row(**{**TREND_UP, name: edge}))["NYSE:A"] == "passed") is passes
    dip = scanner("mean_reversion")
    for name, edge in (("rsi", 40.0), ("stoch_k", 30.0), ("perf_w", -5.0), ("perf_3m", 0.0)):
        assert checked_bars(dip, row(**{**DIP, name: edge}))["NYSE:A"] != "passed"


def test_all_failures_are_reported() -> None:
    result = checked_bars(scanner(), row(**{**TREND_UP, "adx": 3.0, "perf_1m": None}))["NYSE:A"]
    assert result == "adx 3.0 is not >= 15.0; missing perf_1m"


def test_a_threshold_of_the_file_replaces_the_default_on_both_sides() -> None:
    assert checked_bars(scanner(thresholds={"perf_1m_min_pct": 5.0}), row(**TREND_UP))["NYSE:A"].startswith("perf_1m")
    assert checked_bars(scanner(direction="SHORT", thresholds={"perf_1m_min_pct": 5.0}), row(**TREND_DOWN))[
        "NYSE:A"
    ] == ("perf_1m -0.51 is not < -5.0")


def test_only_the_market_of_the_scanner_is_evaluated() -> None:
    others = [
        row("NYSE:E", asset_class="etf", **TREND_UP),
        row("NYSE:P", product="spot", **TREND_UP),
        row("LSE:V", **TREND_UP),
    ]
    assert list(checked_bars(scanner(venues=("NYSE",)), row(**TREND_UP), *others)) == ["NYSE:A"]
    assert len(checked_bars(scanner(product=None, asset_classes=("equity", "etf")), row(**TREND_UP), *others)) == 4


def test_the_liquidity_floor_holds_where_there_is_volume() -> None:
    thin, unknown = (
        row("NYSE:T", **{**TREND_UP, "value_traded_usd": 9.0}),
        row("NYSE:U", **{**TREND_UP, "value_traded_usd": None}),
    )
    loose = checked_bars(scanner(value_traded_min_usd=10.0), row(**TREND_UP), thin, unknown)
    assert loose == {"NYSE:A": "passed", "NYSE:T": "value_traded_usd 9.0 is below the floor 10", "NYSE:U": "passed"}
    strict = checked_bars(scanner(value_traded_min_usd=10.0, liquidity_required=True), thin, unknown)
    assert strict["NYSE:U"] == "missing value_traded_usd"


@pytest.mark.parametrize(
    ("condition", "passes"),
    [
        ({"left": "close", "operation": "greater", "right": 10.0}, False),
        ({"left": "close", "operation": "egreater", "right": 10.0}, True),
        ({"left": "close", "operation": "less", "right": 10.0}, False),
        ({"left": "close", "operation": "eless", "right": 10.0}, True),
        ({"left": "close", "operation": "equal", "right": 10.0}, True),
        ({"left": "venue", "operation": "nequal", "right": "NYSE"}, False),
        ({"left": "close", "operation": "in_range", "right": [5.0, 10.0]}, True),
        ({"left": "close", "operation": "not_in_range", "right": [5.0, 10.0]}, False),
        ({"left": "venue", "operation": "in_range", "right": ["LSE", "NYSE"]}, True),
        ({"left": "venue", "operation": "not_in_range", "right": ["LSE", "NYSE"]}, False),
        ({"left": "sma50", "operation": "greater", "right": 1.0}, False),
    ],
)
def test_filters_compare_as_the_scanner_protocol_does(condition: dict[str, object], passes: bool) -> None:
    mine = scanner(filters=(Filter.model_validate(condition),))
    assert (checked_bars(mine, row(**TREND_UP))["NYSE:A"] == "passed") is passes


def test_a_frame_that_cannot_be_evaluated_is_refused() -> None:
    with pytest.raises(ScannerInputError, match="asset_class"):
        evaluate(scanner(), pl.DataFrame([row(**TREND_UP)]).drop("asset_class"))
    with pytest.raises(ScannerInputError, match="NYSE:A has two rows"):
        evaluate(scanner(), pl.DataFrame([row(**TREND_UP), row(**TREND_UP)]))
    with pytest.raises(ScannerInputError, match="cannot be compared"):
        evaluate(
            scanner(filters=(Filter(left="venue", operation="greater", right=1.0),)), pl.DataFrame([row(**TREND_UP)])
        )


def test_a_scan_ranks_by_value_traded_and_fits_the_table() -> None:
    rows = [
        row("NYSE:A", **TREND_UP, change=1.5, sma50=9.0),
        row("NYSE:B", **{**TREND_UP, "value_traded_usd": 9e9}, change=None, sma50=8.0),
        row("NYSE:C", **{**TREND_UP, "value_traded_usd": None}, change=0.0, sma50=7.0),
        row("NYSE:D", **TREND_DOWN, change=0.0, sma50=6.0),
    ]
    mine = scanner(columns=("change", "sma50", "never_there"))
    scans = scan_from_columns(mine, pl.DataFrame(rows), source="sample", run_id="run-1", scanned_at=AT)
    assert tuple(scans.columns) == CONTRACTS["raw.scans"].names
    assert scans.select("rank", "symbol").rows() == [(1, "NYSE:B"), (2, "NYSE:A"), (3, "NYSE:C")]
    assert json.loads(scans["payload"][1]) == {"change": 1.5, "sma50": 9.0}
    assert scans["market_cap_usd"].null_count() == 3
    cut = scan_from_columns(scanner(limit=1), pl.DataFrame(rows), source="sample", run_id="run-1", scanned_at=AT)
    assert cut["symbol"].to_list() == ["NYSE:B"]


def test_row_order_changes_nothing() -> None:
    rows = pl.DataFrame([row(f"NYSE:{name}", **TREND_UP) for name in "DACB"])
    first = scan_from_columns(scanner(), rows, source="s", run_id="run-1", scanned_at=AT)
    assert first.equals(scan_from_columns(scanner(), rows.reverse(), source="s", run_id="run-1", scanned_at=AT))


def test_every_evaluation_counts_in_the_summary() -> None:
    columns = pl.DataFrame([row("NYSE:A", **TREND_UP), row("NYSE:B", **TREND_DOWN)])
    pair = [scanner(name="up"), scanner(name="down", direction="SHORT")]
    evaluations = [evaluate(one, columns) for one in pair]
    assert [one.filter("passed")["symbol"].to_list() for one in evaluations] == [["NYSE:A"], ["NYSE:B"]]
    assert summarise(evaluations)["reason"].to_list() == ["perf_1m", "perf_3m", "perf_w", "recommend_all"]
    nothing = scan_from_columns(pair[0], columns.head(0), source="sample", run_id="run-1", scanned_at=AT)
    assert nothing.is_empty()
    assert tuple(nothing.columns) == CONTRACTS["raw.scans"].names
