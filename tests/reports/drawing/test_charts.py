"""Charts take their lines, colours and labels from the rows of report tables."""

from __future__ import annotations

import datetime as dt

import polars as pl

from reports.drawing.charts import asset_classes_in, class_css, correlation_lines, only, wealth_lines


def test_benchmarks_come_last_and_in_grey() -> None:
    days = [dt.date(2026, 1, 1), dt.date(2026, 1, 8)]
    cells = [("market", "market"), ("ours", "hrp"), ("plugin", "min_cvar")]
    rows = [
        {"engine": engine, "risk_profile": name, "simulator": simulator, "session_date": day, "wealth": 1.0 + number}
        for engine, name in cells
        for simulator in ("realized", "idealized")
        for number, day in enumerate(days)
    ]
    lines = wealth_lines(pl.DataFrame(rows), "realized")
    assert [(line.name, line.css) for line in lines] == [
        ("HRP", "series s1"),
        ("plugin, min CVaR", "series s2"),
        ("market", "series b1"),
    ]
    assert [list(line.values) for line in lines] == [[1.0, 2.0]] * 3


def test_correlations_have_one_line_per_window() -> None:
    day = dt.date(2026, 1, 1)
    frame = pl.DataFrame(
        {"window_sessions": [20, 60, 60], "session_date": [day] * 3, "average_correlation": [0.1, 0.2, 0.3]}
    )
    assert [(line.name, list(line.values)) for line in correlation_lines(frame)] == [
        ("20 sessions", [0.1]),
        ("60 sessions", [0.2, 0.3]),
    ]


def test_unknown_asset_classes_come_last_and_share_a_colour() -> None:
    frame = pl.DataFrame({"asset_class": ["warrant", "cash", "equity"]})
    assert asset_classes_in(frame) == ["equity", "cash", "warrant"]
    assert (class_css("equity"), class_css("warrant"), class_css(None)) == ("class-equity", *["class-other"] * 2)


def test_rows_are_kept_by_all_given_values() -> None:
    frame = pl.DataFrame({"stage": ["full", "full", "light"], "n": [1, 2, 1]})
    assert only(frame, stage="full", n=1).rows() == [("full", 1)]
