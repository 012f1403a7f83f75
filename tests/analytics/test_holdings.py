"""Mark to market, drift and orders.

See docs/method/10-state-orders.md.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.errors import InputError
from analytics.holdings import SIDES, OrderTerms, make_orders, mark_to_market, measure_drift

TERMS = {name: OrderTerms("SIMX", 10.0) for name in "ABCDEFGHIJ"}
WEIGHTS = st.dictionaries(
    st.sampled_from(list(TERMS)), st.floats(min_value=-0.3, max_value=0.3).map(lambda w: round(w, 4)), max_size=10
)


DRIFT_COLUMNS = ["symbol", "held_weight", "target_weight", "drift", "action", "portfolio_action", "turnover"]
ORDER_COLUMNS = ["symbol", "venue", "side", "weight_change", "target_weight", "notional", "last_price", "quantity"]


def test_positions_grow_with_their_instruments_and_are_shares_of_the_new_total() -> None:
    marked = mark_to_market(
        np.array([0.5, -0.2]), np.array([[0.1, 0.5], [0.1, np.nan]]), symbols=["SIMX:LONG", "SIMX:SHORT"]
    )
    # In money: 0.5 becomes 0.605, owing 0.2 becomes owing 0.3, and 0.7 of cash stays.
    total = 0.605 - 0.3 + 0.7
    assert marked.growth == pytest.approx(total, rel=1e-15)
    np.testing.assert_allclose(marked.weights, [0.605 / total, -0.3 / total], rtol=1e-15)


def test_a_short_in_a_rising_instrument_loses_what_a_long_earns() -> None:
    rise = np.array([[0.1]])
    assert mark_to_market(np.array([1.0]), rise, symbols=["A"]).growth == pytest.approx(1.1)
    assert mark_to_market(np.array([-1.0]), rise, symbols=["A"]).growth == pytest.approx(0.9)


def test_nothing_moves_without_sessions() -> None:
    marked = mark_to_market(np.array([0.6, 0.4]), np.empty((0, 2)), symbols=["A", "B"])
    assert marked.growth == 1.0
    np.testing.assert_array_equal(marked.weights, [0.6, 0.4])


@pytest.mark.parametrize(
    ("weights", "returns", "message"),
    [
        ([0.5, np.nan], [[0.0, 0.0]], "B has weight nan"),
        ([0.5, 0.5], [[0.0, np.inf]], "B returns inf"),
        ([0.5, 0.5], [[-1.1, 0.0]], "A returns -1.1"),
        ([0.5], [[0.0, 0.0]], "one weight and one column"),
        ([-1.0, 0.0], [[1.5, 0.0]], r"lost 150.00% since"),
    ],
)
def test_invalid_holdings_are_refused(weights: list[float], returns: list[list[float]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        mark_to_market(np.array(weights), np.array(returns), symbols=["A", "B"])


def test_drift_is_signed_and_turnover_is_half_its_sum() -> None:
    report = measure_drift({"A": 0.6, "B": 0.4}, {"A": 0.5, "C": -0.5}, partial_rebalance=False)
    assert report.symbols == ("A", "B", "C")
    np.testing.assert_allclose(report.drift, [-0.1, -0.4, -0.5])
    assert report.turnover == pytest.approx(0.5)
    assert report.frame().columns == DRIFT_COLUMNS


@pytest.mark.parametrize(
    ("moves", "action"),
    [
        ({"A": 0.0}, "MAINTAIN"),
        (dict.fromkeys("ABCD", 0.049), "MAINTAIN"),
        (dict.fromkeys("ABCD", 0.0625), "REBALANCE"),
        (dict.fromkeys("ABCDEF", 0.07), "URGENT"),
        ({"A": 0.0625}, "MAINTAIN"),
        ({"A": 0.08}, "URGENT"),
        ({"A": -0.08}, "URGENT"),
    ],
)
def test_the_portfolio_is_kept_below_ten_percent_and_urgent_above_twenty_or_at_one_large_drift(
    moves: dict[str, float], action: str
) -> None:
    assert measure_drift({}, moves, partial_rebalance=False).portfolio_action == action


def test_ten_percent_itself_is_a_rebalance_and_twenty_is_not_yet_urgent() -> None:
    ten = measure_drift({}, dict.fromkeys("ABCD", 0.05), partial_rebalance=False)
    twenty = measure_drift({}, dict.fromkeys("ABCDEFGH", 0.05), partial_rebalance=False)
    assert (ten.turnover, ten.portfolio_action) == (0.1, "REBALANCE")
    assert (twenty.turnover, twenty.portfolio_action) == (0.2, "REBALANCE")


def test_small_trades_stay_as_held_and_the_rest_meets_the_exposure() -> None:
    held = {"A": 0.300, "B": 0.300, "C": 0.200, "D": 0.200}
    target = {"A": 0.305, "B": 0.250, "C": 0.245, "D": 0.200}
    report = measure_drift(held, target, partial_rebalance=True)
    assert report.actions == ("SKIPPED", "TRADE", "TRADE", "HOLD")
    assert report.published[0] == 0.3
    assert report.published[3] == 0.2
    assert abs(report.published.sum() - 1.0) < 1e-9
    np.testing.assert_allclose(report.published[1] / report.published[2], 0.250 / 0.245, rtol=1e-12)
    whole = measure_drift(held, target, partial_rebalance=False)
    np.testing.assert_array_equal(whole.published, whole.target)


def test_skipped_trades_return_where_scaling_would_distort_the_rest() -> None:
    held = dict.fromkeys("ABCDEFGHIJ", 0.092)
    target = dict.fromkeys("ABCDEFGHIJ", 0.1)
    report = measure_drift(held, target, partial_rebalance=True)
    assert abs(report.published.sum() - 1.0) < 1e-9
    assert np.abs(report.published - report.target).max() < 0.01
    assert set(report.actions) == {"TRADE", "SKIPPED"}


def test_a_drift_of_one_percent_is_traded_though_scaling_reduces_it() -> None:
    report = measure_drift({"C": 0.005}, {"A": 0.25, "B": 0.07, "C": 0.0, "D": 0.01}, partial_rebalance=True)
    assert report.actions == ("TRADE", "TRADE", "SKIPPED", "TRADE")
    np.testing.assert_allclose(report.published, [0.25 * 65 / 66, 0.07 * 65 / 66, 0.005, 0.01 * 65 / 66], rtol=1e-12)


def test_a_change_of_direction_is_never_skipped() -> None:
    report = measure_drift({"A": 0.004, "B": 0.5}, {"A": -0.004, "B": 0.5}, partial_rebalance=True)
    assert report.actions == ("TRADE", "HOLD")
    assert report.published[0] < 0.0


@settings(deadline=None)
@given(held=WEIGHTS, target=WEIGHTS)
def test_published_weights_meet_the_exposure_keep_directions_and_stay_near(
    held: dict[str, float], target: dict[str, float]
) -> None:
    report = measure_drift(held, target, partial_rebalance=True)
    assert abs(np.abs(report.published).sum() - np.abs(report.target).sum()) < 1e-9
    assert (report.published * report.target >= 0.0).all()
    assert np.abs(report.published - report.target).max(initial=0.0) < 0.01
    for action, now, after in zip(report.actions, report.held, report.published, strict=True):
        assert (action == "TRADE") == (now != after)
    orders = make_orders(report, TERMS, portfolio_value_usd=1e6)
    reached = dict(zip(report.symbols, report.held, strict=True))
    for symbol, change in orders.select("symbol", "weight_change").rows():
        reached[symbol] += change
    np.testing.assert_allclose([reached[name] for name in report.symbols], report.published, atol=1e-12)
    assert abs(sum(abs(w) for w in reached.values()) - np.abs(report.target).sum()) < 1e-9


@pytest.mark.parametrize(
    ("now", "after", "legs"),
    [
        (0.0, 0.2, [("BUY", 0.2, 0.2)]),
        (0.3, 0.2, [("SELL", -0.1, 0.2)]),
        (0.3, 0.0, [("SELL", -0.3, 0.0)]),
        (0.0, -0.2, [("SELL_SHORT", -0.2, -0.2)]),
        (-0.3, -0.1, [("COVER", 0.2, -0.1)]),
        (-0.3, 0.0, [("COVER", 0.3, 0.0)]),
        (0.2, -0.1, [("SELL", -0.2, 0.0), ("SELL_SHORT", -0.1, -0.1)]),
        (-0.2, 0.1, [("COVER", 0.2, 0.0), ("BUY", 0.1, 0.1)]),
        (0.2, 0.2, []),
    ],
)
def test_each_side_has_its_name_and_a_flip_is_two_orders(
    now: float, after: float, legs: list[tuple[str, float, float]]
) -> None:
    report = measure_drift({"A": now}, {"A": after}, partial_rebalance=False)
    orders = make_orders(report, TERMS, portfolio_value_usd=1000.0)
    found = orders.select("side", "weight_change", "target_weight").rows()
    assert [row[0] for row in found] == [leg[0] for leg in legs]
    for row, leg in zip(found, legs, strict=True):
        assert row[1:] == pytest.approx(leg[1:], abs=1e-15)


def test_orders_carry_notional_and_the_nearest_number_of_lots() -> None:
    terms = {
        "A": OrderTerms("NYSE", 30.0, lot_size=1.0),
        "B": OrderTerms("TSE", 1500.0, lot_size=100.0, usd_per_quote=0.01),
        "C": OrderTerms("BINANCE", 50_000.0),
        "D": OrderTerms("NYSE", None),
        "E": OrderTerms("LSE", 10.0, usd_per_quote=None),
    }
    report = measure_drift({"A": 0.1}, {"B": 0.2, "C": 0.3, "D": 0.3, "E": 0.2}, partial_rebalance=False)
    orders = make_orders(report, terms, portfolio_value_usd=100_000.0)
    assert orders.columns == ORDER_COLUMNS
    rows = {row["symbol"]: row for row in orders.to_dicts()}
    assert orders["side"].to_list() == ["SELL", "BUY", "BUY", "BUY", "BUY"]
    assert (rows["A"]["notional"], rows["A"]["quantity"]) == (10_000.0, 333.0)
    assert rows["B"]["quantity"] == 1300.0  # 20,000 USD at 15 USD are 1,333.3, the nearest hundred below
    assert rows["C"]["quantity"] == pytest.approx(0.6)
    assert rows["D"]["quantity"] is None
    assert rows["E"]["quantity"] is None
    assert set(orders["side"]) <= set(SIDES)


def test_orders_without_terms_or_positive_values_are_refused() -> None:
    report = measure_drift({}, {"Z": 0.5}, partial_rebalance=False)
    with pytest.raises(InputError, match="Z is traded but has no order terms"):
        make_orders(report, TERMS, portfolio_value_usd=1.0)
    with pytest.raises(InputError, match="positive value"):
        make_orders(report, TERMS, portfolio_value_usd=0.0)
    with pytest.raises(InputError, match="Z has the lot 0"):
        make_orders(report, {"Z": OrderTerms("NYSE", 1.0, lot_size=0.0)}, portfolio_value_usd=1.0)
    with pytest.raises(InputError, match="A has weight inf"):
        measure_drift({"A": np.inf}, {}, partial_rebalance=True)
