"""Geometry: lengths are the numbers."""

from __future__ import annotations

import datetime as dt
import math
import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.drawing.svg import Dot, Line, Part, bar, line_chart, regime_chart, scatter_map, stacked_bar, ticks


def rects(figure: str) -> list[dict[str, str]]:
    return [element.attrib for element in ET.fromstring(figure).iter("rect")]  # noqa: S314 (our own output)


def test_a_bar_is_as_long_as_its_share_and_the_limit_stands_where_it_is() -> None:
    figure = bar(0.125, full=0.275, limit=0.25, title="a & b")
    track, fill = rects(figure)
    assert float(track["width"]) == 100
    assert float(fill["width"]) == pytest.approx(0.125 / 0.275 * 100, abs=1e-3)
    limit = ET.fromstring(figure).find("line")  # noqa: S314
    assert limit is not None
    assert float(limit.attrib["x1"]) == pytest.approx(0.25 / 0.275 * 100, abs=1e-3)


@pytest.mark.parametrize(("value", "length"), [(None, 0.0), (-0.1, 0.0), (7.0, 100.0)])
def test_a_bar_never_leaves_its_track(value: float | None, length: float) -> None:
    assert float(rects(bar(value, full=1.0, limit=None, title="t"))[1]["width"]) == length


def test_parts_of_a_stack_touch_and_fill_their_whole() -> None:
    parts = [Part("class-equity", "equity", 0.5, "50 %"), Part("class-fx", "FX", 0.3, "30 %")]
    _, first, second = rects(stacked_bar(parts, title="t"))
    assert float(first["x"]) == 0
    assert float(second["x"]) == pytest.approx(float(first["width"]))
    assert float(second["x"]) + float(second["width"]) == pytest.approx(80)


@given(st.floats(-1e3, 1e3), st.floats(1e-3, 1e3))
def test_ticks_are_few_round_and_inside(low: float, span: float) -> None:
    marks = ticks(low, low + span)
    assert len(marks) <= 6
    assert all(low - 1e-6 * span <= mark <= low + span * (1 + 1e-6) for mark in marks)
    assert marks == sorted(set(marks))


def test_a_line_rises_when_its_values_do_and_spans_the_dates() -> None:
    dates = [dt.date(2023, 6, 1), dt.date(2024, 6, 1), dt.date(2025, 6, 1)]
    figure = line_chart([Line("series s1", "<one>", dates, [1.0, 1.5, 2.0])], title="t", desc="d")
    found = re.search(r'points="([^"]+)"', figure)
    assert found is not None
    points = [tuple(map(float, point.split(","))) for point in found.group(1).split()]
    assert [x for x, _ in points] == pytest.approx([0, 1000 * 366 / 731, 1000], abs=0.1)
    assert points[0][1] > points[1][1] > points[2][1]
    assert points[0][1] - points[1][1] == pytest.approx(points[1][1] - points[2][1], abs=0.11)
    assert "&lt;one&gt;" in figure
    assert ">2024<" in figure
    assert ">2025-06-01<" in figure


def test_a_flat_line_of_one_day_can_be_drawn() -> None:
    day = dt.date(2025, 1, 2)
    assert "0.0,300.0" in line_chart([Line("series s1", "one", [day], [1.0])], title="t", desc="d")


def test_spells_of_a_regime_leave_no_hole() -> None:
    dates = [dt.date(2025, 1, day) for day in (1, 2, 3, 6, 7)]
    figure = regime_chart(dates, [0.1, 0.2, 0.9, 0.9, 0.3], ["QUIET", "QUIET", "CRISIS", "CRISIS", "QUIET"], title="t")
    band = re.findall(r'<rect class="regime-(\w+)" x="([\d.]+)" width="([\d.]+)"', figure)
    assert [name for name, _, _ in band] == ["quiet", "crisis", "quiet"]
    assert float(band[0][1]) + float(band[0][2]) == pytest.approx(float(band[1][1]), abs=0.11)


def test_a_map_keeps_the_shape_of_its_distances_and_ties_each_dot_to_its_group() -> None:
    places = {"a": (0.0, 0.0), "b": (3.0, 0.0), "c": (3.0, 4.0), "<d>": (0.1, 0.0)}
    group = {"a": "1", "<d>": "1", "b": "2", "c": "3"}
    middle = {"1": (0.05, 0.0), "2": (3.0, 0.0), "3": (3.0, 4.0)}
    dots = [Dot("class-fx", name, *places[name], *middle[group[name]], group[name]) for name in places]
    figure = scatter_map(dots, title="t", desc="d")
    tree = ET.fromstring(str(figure).split("</svg>")[0].removeprefix('<div class="map">') + "</svg>")  # noqa: S314
    circles = {circle.findtext("title"): circle.attrib for circle in tree.iter("circle")}
    at = {name: (float(c["cx"]), float(c["cy"])) for name, c in circles.items() if name}
    assert set(at) == set(places)
    distance = {pair: math.dist(at[pair[0]], at[pair[1]]) for pair in (("a", "b"), ("b", "c"), ("a", "c"))}
    assert distance["a", "b"] / 3 == pytest.approx(distance["b", "c"] / 4, abs=0.1)
    assert distance["a", "c"] / 5 == pytest.approx(distance["b", "c"] / 4, abs=0.1)
    assert at["c"][1] < at["b"][1]
    spoke = next(iter(tree.iter("line"))).attrib
    assert (float(spoke["x1"]), float(spoke["y1"])) == at["a"]
    assert float(spoke["x2"]) == pytest.approx((at["a"][0] + at["<d>"][0]) / 2, abs=0.11)
    assert sorted(re.findall(r"%\">([^<]+)</span>", figure)) == ["1", "2", "3"]


def test_labels_of_a_map_do_not_stand_on_each_other() -> None:
    dots = [Dot("class-fx", str(n), 0.001 * n, 0.0, 0.001 * n, 0.0, str(n)) for n in range(5)]
    dots.append(Dot("class-fx", "far", 9.0, 5.0, 9.0, 5.0, "far"))
    tops = [float(top) for top in re.findall(r"top:([0-9.-]+)%", scatter_map(dots, title="t", desc="d"))]
    assert len(set(tops)) == 6


def test_a_map_of_one_instrument_is_a_dot_in_the_middle() -> None:
    figure = scatter_map([Dot("class-fx", "only", 0.2, -0.1, 0.2, -0.1, "1")], title="t", desc="d")
    assert 'cx="500.0" cy="280.0"' in figure
