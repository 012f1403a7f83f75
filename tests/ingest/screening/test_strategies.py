from __future__ import annotations

import math

import pytest

from ingest.screening.strategies import NAMED, STRATEGIES, TITLES, Rule, at_interval, mirrored


@pytest.mark.parametrize(
    ("mirror", "comparison", "short"),
    [
        ("same", ">=", (">=", 15.0)),
        ("negate", ">", ("<", -15.0)),
        ("negate", ">=", ("<=", -15.0)),
        ("complement", "<", (">", 85.0)),
        ("complement", ">=", ("<=", 85.0)),
    ],
)
def test_a_short_has_the_mirror_image_of_a_rule(mirror: str, comparison: str, short: tuple[str, float]) -> None:
    rule = Rule("column", comparison, "threshold", 0.0, mirror)  # type: ignore[arg-type]
    assert mirrored(rule, 15.0, "LONG") == (comparison, 15.0)
    assert mirrored(rule, 15.0, "SHORT") == short


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
def test_no_value_passes_a_rule_of_direction_for_long_and_short_at_once(strategy: str) -> None:
    """With the thresholds as they are, on a grid that has them."""
    holds = {">": lambda a, b: a > b, ">=": lambda a, b: a >= b, "<": lambda a, b: a < b, "<=": lambda a, b: a <= b}
    for rule in STRATEGIES[strategy]:
        grid = [value / 10 for value in range(-1000, 1001)] + [rule.default]
        passing = {
            direction: {value for value in grid if holds[comparison](value, threshold)}
            for direction in ("LONG", "SHORT")
            for comparison, threshold in [mirrored(rule, rule.default, direction)]
        }
        both = passing["LONG"] & passing["SHORT"]
        edge = {50.0} if rule.threshold == "rsi_weekly_min" else set()
        assert both == (passing["LONG"] if rule.mirror == "same" else edge), rule.column
        assert passing["LONG"]
        assert passing["SHORT"]


def test_rules_move_to_the_interval_unless_they_have_one_or_cover_a_span() -> None:
    rules = STRATEGIES["multi_timeframe"]
    assert at_interval(rules, "1d") == rules
    assert [rule.column for rule in at_interval(rules, "1W")] == [
        "rsi|1W", "momentum10|1W", "adx|1W", "recommend_all|1W", "perf_w"
    ]  # fmt: skip
    assert [rule.threshold for rule in at_interval(rules, "1M")] == [rule.threshold for rule in rules]


def test_every_strategy_has_a_word_a_title_and_thresholds_of_its_own() -> None:
    assert set(NAMED.values()) == set(TITLES) == set(STRATEGIES)
    for rules in STRATEGIES.values():
        names = [rule.threshold for rule in rules]
        assert len(set(names)) == len(names)
        assert all(math.isfinite(rule.default) for rule in rules)
