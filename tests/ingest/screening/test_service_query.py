from __future__ import annotations

from typing import Any

import pytest

from ingest.errors import ScannerConfigError
from ingest.screening.service_fields import FIELDS
from ingest.screening.service_query import Query, build_query, is_text
from tests.ingest.live.loopback_market import trend_scanner

KNOWN = frozenset([*FIELDS.values(), "type", "exchange", "typespecs"])


def query(known: frozenset[str] = KNOWN, *, is_universe: bool = False, **changes: object) -> Query:
    return build_query(trend_scanner(**changes), "america", "equity", ["NYSE", "AMEX"], known, is_universe=is_universe)


def conditions(of: Query) -> dict[str, tuple[str, Any]]:
    return {one.left: (one.operation, one.right) for one in of.filters}


def floors(of: Query) -> list[dict[str, Any]]:
    (operand,) = of.body(0, 1)["filter2"]["operands"]  # type: ignore[index]
    return [one["expression"] for one in operand["operation"]["operands"]]


def test_a_short_requests_the_mirror_image() -> None:
    known = frozenset([*FIELDS.values(), "type", "exchange", "typespecs"])
    query = build_query(
        trend_scanner(direction="SHORT", value_traded_min_usd=5e6), "america", "equity", ["NYSE"], known
    )
    requested = {(one.left, one.operation, str(one.right)) for one in query.filters}
    assert requested == {
        ("type", "in_range", "['stock', 'dr']"),
        ("exchange", "in_range", "['NYSE']"),
        ("ADX", "egreater", "15.0"),
        ("Recommend.All", "eless", "-0.1"),
        ("Perf.W", "less", "-0.0"),
        ("Perf.1M", "less", "-0.5"),
        ("Perf.3M", "less", "-1.0"),
    }
    body = query.body(10, 20)
    assert body["range"] == [10, 20]
    assert {"expression": {"left": "Value.Traded", "operation": "empty", "right": None}} in (
        body["filter2"]["operands"][0]["operation"]["operands"]  # type: ignore[index]
    )


def test_a_page_is_sorted_by_name_and_refuses_unknown_fields() -> None:
    body = query().body(500, 1000)
    assert body["range"] == [500, 1000]
    assert body["sort"] == {"sortBy": "name", "sortOrder": "asc", "nullsFirst": False}
    assert body["ignore_unknown_fields"] is False
    assert "filter2" not in body
    assert conditions(query())["exchange"] == ("in_range", ["AMEX", "NYSE"])


def test_the_floor_is_applied_to_dollars_and_an_unknown_volume_passes_where_it_may() -> None:
    loose, strict = query(value_traded_min_usd=5e6), query(value_traded_min_usd=5e6, liquidity_required=True)
    assert [one["operation"] for one in floors(loose)] == ["not_in_range", "egreater", "empty"]
    assert [(one["left"], one["operation"]) for one in floors(strict)] == [
        ("currency", "not_in_range"), ("Value.Traded", "egreater")
    ]  # fmt: skip
    assert floors(strict)[1]["right"] == 5e6
    without_volume = build_query(
        trend_scanner(value_traded_min_usd=5e6), "forex", "fx", ["FX_IDC"], KNOWN - {"Value.Traded"}
    )
    assert without_volume.floor is None


def test_what_the_market_lacks_is_named_and_not_requested() -> None:
    lacking = query(KNOWN - {"ADX", "Recommend.All"})
    assert lacking.missing == ("adx", "recommend_all")
    assert not {"ADX", "Recommend.All"} & set(lacking.columns)
    assert query().missing == ()
    capped = query(KNOWN - {"market_cap_basic"}, market_cap_rank_max=10)
    assert capped.missing == ("market_cap_usd",)


def test_a_base_universe_is_requested_without_rules_and_so_is_one_that_depends_on_all() -> None:
    ruled = {"ADX", "Recommend.All", "Perf.W", "Perf.1M", "Perf.3M"}
    assert set(conditions(query())) >= ruled
    for whole in (query(is_universe=True), query(venue_priority=("NYSE", "AMEX")), query(market_cap_rank_max=10)):
        assert set(conditions(whole)) == {"type", "exchange"}
    assert query(is_universe=True).missing == query(frozenset(), is_universe=True).missing == ()
    assert set(query(market_cap_rank_max=10).columns) >= ruled


def test_members_of_indices_are_requested_from_all_markets() -> None:
    members = query(indexes=("SP:SPX", "NASDAQ:NDX"))
    assert members.path_market == "global"
    assert members.body(0, 1)["symbols"]["symbolset"] == ["SYML:SP;SPX", "SYML:NASDAQ;NDX"]  # type: ignore[index]
    assert query().path_market == "america"


def test_words_become_codes_and_an_unknown_word_names_the_nearest() -> None:
    local = {"left": "value_traded_usd", "operation": "greater", "right": 1.0}
    close = {"left": "close", "operation": "in_range", "right": [5.0, 10.0]}
    found = conditions(query(filters=(local, close)))
    assert found["close"] == ("in_range", [5.0, 10.0])
    assert "Value.Traded" not in found
    with pytest.raises(ScannerConfigError, match="fund_class has no value 'bonds'"):
        query(filters=({"left": "fund_class", "operation": "equal", "right": "bonds"},))


def test_text_columns_are_known() -> None:
    assert is_text("sector")
    assert not is_text("adx")
