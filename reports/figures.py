"""Server-made SVG: geometry only, from numbers that SQL has already computed.

Colours are CSS classes, so that a figure follows the page into dark mode and print. Bars carry no text and stretch with
their cell; charts write their labels inside the plot, where the style sheet may enlarge them on a narrow screen.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

_WIDTH, _HEIGHT = 760.0, 260.0
_TOP, _BOTTOM = 14.0, 26.0
_BAND = 12.0


@dataclass(frozen=True, slots=True)
class Part:
    """One segment of a stacked bar: CSS class, what it is, its fraction and how that is written."""

    css: str
    label: str
    value: float
    written: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart: CSS class, name, dates and values of equal length."""

    css: str
    name: str
    dates: Sequence[dt.date]
    values: Sequence[float]


def _open(view_width: float, view_height: float, css: str, title: str, desc: str, *, stretch: bool) -> Markup:
    ratio = Markup(' preserveAspectRatio="none"') if stretch else Markup("")
    head = Markup('<svg class="{}" viewBox="0 0 {:g} {:g}"{} role="img"><title>{}</title>').format(
        css, view_width, view_height, ratio, title
    )
    return head + (Markup("<desc>{}</desc>").format(desc) if desc else Markup(""))


def bar(value: float | None, *, full: float, limit: float | None, title: str, css: str = "fill") -> Markup:
    """Horizontal bar of `value` on a track that ends at `full`, with a tick at `limit`.

    A value beyond the track is drawn to its end; the number beside it tells the truth.
    """
    length = 0.0 if value is None else min(max(value / full, 0.0), 1.0) * 100
    figure = _open(100, 10, "bar", title, "", stretch=True)
    figure += Markup('<rect class="track" width="100" height="10"/><rect class="{}" width="{:.3f}" height="10"/>').format(
        css, length
    )
    if limit is not None:
        figure += Markup('<line class="limit" x1="{0:.3f}" x2="{0:.3f}" y1="0" y2="10"/>').format(
            min(limit / full, 1.0) * 100
        )
    return figure + Markup("</svg>")


def stacked_bar(parts: Sequence[Part], *, title: str) -> Markup:
    """Parts of a whole on one bar; each part names itself when pointed at."""
    desc = ", ".join(f"{part.label} {part.written}" for part in parts)
    figure = _open(100, 10, "bar stack", title, desc, stretch=True)
    figure += Markup('<rect class="track" width="100" height="10"/>')
    start = 0.0
    for part in parts:
        width = max(part.value, 0.0) * 100
        figure += Markup(
            '<rect class="{}" x="{:.3f}" width="{:.3f}" height="10"><title>{} {}</title></rect>'
        ).format(part.css, start, width, part.label, part.written)
        start += width
    return figure + Markup("</svg>")


def ticks(low: float, high: float, wanted: int = 4) -> list[float]:
    """Round numbers that divide [low, high] into about `wanted` steps of 1, 2 or 5 times a power of ten."""
    span = high - low
    if span <= 0:
        return [low]
    power = 10.0 ** math.floor(math.log10(span / wanted))
    step = next(size * power for size in (1, 2, 5, 10) if size * power * wanted >= span)
    first = math.ceil(low / step - 1e-9)
    return [round(index * step, 12) for index in range(first, math.floor(high / step + 1e-9) + 1)]


class _Plane:
    """Maps dates and values to the plot's coordinates."""

    def __init__(self, first: dt.date, last: dt.date, low: float, high: float, bottom: float) -> None:
        self.first, self.days = first, max((last - first).days, 1)
        self.low, self.high, self.bottom = low, high if high > low else low + 1.0, bottom

    def x(self, date: dt.date) -> float:
        return (date - self.first).days / self.days * _WIDTH

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.bottom - share * (self.bottom - _TOP)

    def path(self, dates: Sequence[dt.date], values: Sequence[float]) -> str:
        return " ".join(f"{self.x(date):.1f},{self.y(value):.1f}" for date, value in zip(dates, values, strict=True))

    def years(self, last: dt.date) -> Markup:
        axis = Markup("")
        for year in range(self.first.year, last.year + 1):
            start = dt.date(year, 1, 1)
            at = self.x(max(start, self.first))
            if start > self.first:
                axis += Markup('<line class="year" x1="{0:.1f}" x2="{0:.1f}" y1="{1:.1f}" y2="{2:.1f}"/>').format(
                    at, _TOP, self.bottom
                )
            # A year that begins just before the right edge has no room for its name.
            if at < _WIDTH - 60 and (start >= self.first or (dt.date(year, 12, 31) - self.first).days > self.days * 0.12):
                axis += Markup('<text x="{:.1f}" y="{:.1f}">{}</text>').format(at + 3, _HEIGHT - 6, year)
        return axis


def line_chart(lines: Sequence[Line], *, title: str, desc: str, unit: str = "") -> Markup:
    """Lines over calendar time with labelled gridlines."""
    values = [value for line in lines for value in line.values]
    dates = [date for line in lines for date in line.dates]
    plane = _Plane(min(dates), max(dates), min(values), max(values), _HEIGHT - _BOTTOM)
    figure = _open(_WIDTH, _HEIGHT, "chart", title, desc, stretch=False) + plane.years(max(dates))
    for tick in ticks(plane.low, plane.high):
        at = plane.y(tick)
        figure += Markup('<line class="grid" x1="0" x2="{:g}" y1="{:.1f}" y2="{:.1f}"/>').format(_WIDTH, at, at)
        figure += Markup('<text x="{:g}" y="{:.1f}" text-anchor="end">{:g}{}</text>').format(
            _WIDTH, at - 4, tick, unit
        )
    for line in lines:
        figure += Markup('<polyline class="{}" points="{}"><title>{}</title></polyline>').format(
            line.css, plane.path(line.dates, line.values), line.name
        )
    return figure + Markup("</svg>")


def regime_chart(dates: Sequence[dt.date], scores: Sequence[float], regimes: Sequence[str], *, title: str) -> Markup:
    """Score of each session in [0, 1], and under it a band coloured by the state."""
    bottom = _HEIGHT - _BOTTOM - _BAND - 4
    plane = _Plane(dates[0], dates[-1], 0.0, 1.0, bottom)
    desc = f"{dates[0].isoformat()} to {dates[-1].isoformat()}; the last state is {regimes[-1]}"
    figure = _open(_WIDTH, _HEIGHT, "chart", title, desc, stretch=False) + plane.years(dates[-1])
    for tick in (0.25, 0.5, 0.75, 1.0):
        at = plane.y(tick)
        figure += Markup('<line class="grid" x1="0" x2="{:g}" y1="{:.1f}" y2="{:.1f}"/>').format(_WIDTH, at, at)
        figure += Markup('<text x="{:g}" y="{:.1f}" text-anchor="end">{:.2f}</text>').format(_WIDTH, at - 4, tick)
    figure += Markup('<polyline class="series s1" points="{}"/>').format(plane.path(dates, scores))
    for first, last, regime in _spells(dates, regimes):
        start, end = plane.x(first), plane.x(last)
        figure += Markup(
            '<rect class="regime-{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:g}"><title>{} {} to {}</title></rect>'
        ).format(regime.lower(), start, bottom + 4, max(end - start, 1.0), _BAND, regime, first, last)
    return figure + Markup("</svg>")


def _spells(dates: Sequence[dt.date], regimes: Sequence[str]) -> list[tuple[dt.date, dt.date, str]]:
    spells: list[tuple[dt.date, dt.date, str]] = []
    start = 0
    for index in range(1, len(dates) + 1):
        if index == len(dates) or regimes[index] != regimes[start]:
            # A spell reaches to the first session of the next, so that the band has no holes.
            spells.append((dates[start], dates[min(index, len(dates) - 1)], regimes[start]))
            start = index
    return spells
