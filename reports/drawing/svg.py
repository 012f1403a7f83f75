"""Draw bars, lines and maps as SVG from computed numbers.

Colours are CSS classes, so that figures follow dark mode and print styles. Figures stretch with the page and contain no
text; their labels are HTML on top of them, so that a narrow screen shrinks the plot and not the text.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

_WIDTH, _HEIGHT = 1000.0, 300.0
# Space above the highest value, and between the label of a year and those at the ends.
_TOP, _EDGE = 8.0, 0.16
# A map keeps its proportions, since its distances have a meaning.
_MAP_HEIGHT, _RADIUS = 560.0, 7.0
_LABEL = (24.0, 15.0)


@dataclass(frozen=True, slots=True)
class Part:
    """One segment of a stacked bar: CSS class, label, fraction and formatted fraction."""

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


@dataclass(frozen=True, slots=True)
class Dot:
    """One point of a map: CSS class, name, coordinates, and the centre and label of its group."""

    css: str
    name: str
    x: float
    y: float
    centre_x: float
    centre_y: float
    group: str


def _open(view_width: float, view_height: float, css: str, title: str, desc: str, *, stretch: bool) -> Markup:
    ratio = Markup(' preserveAspectRatio="none"') if stretch else Markup("")
    head = Markup('<svg class="{}" viewBox="0 0 {:g} {:g}"{} role="img"><title>{}</title>').format(
        css, view_width, view_height, ratio, title
    )
    return head + (Markup("<desc>{}</desc>").format(desc) if desc else Markup(""))


def bar(value: float | None, *, full: float, limit: float | None, title: str, css: str = "fill") -> Markup:
    """Draw `value` as a horizontal bar on a track that ends at `full`, with a tick at `limit`.

    A value beyond `full` is drawn to the end of the track.
    """
    length = 0.0 if value is None else min(max(value / full, 0.0), 1.0) * 100
    figure = _open(100, 10, "bar", title, "", stretch=True)
    figure += Markup(
        '<rect class="track" width="100" height="10"/><rect class="{}" width="{:.3f}" height="10"/>'
    ).format(css, length)
    if limit is not None:
        figure += Markup('<line class="limit" x1="{0:.3f}" x2="{0:.3f}" y1="0" y2="10"/>').format(
            min(limit / full, 1.0) * 100
        )
    return figure + Markup("</svg>")


def stacked_bar(parts: Sequence[Part], *, title: str) -> Markup:
    """Draw the parts of a whole as one bar; each part has a tooltip."""
    desc = ", ".join(f"{part.label} {part.written}" for part in parts)
    figure = _open(100, 10, "bar stack", title, desc, stretch=True)
    figure += Markup('<rect class="track" width="100" height="10"/>')
    start = 0.0
    for part in parts:
        width = max(part.value, 0.0) * 100
        figure += Markup('<rect class="{}" x="{:.3f}" width="{:.3f}" height="10"><title>{} {}</title></rect>').format(
            part.css, start, width, part.label, part.written
        )
        start += width
    return figure + Markup("</svg>")


def ticks(low: float, high: float, n_steps: int = 4) -> list[float]:
    """Return round numbers that divide [low, high] into about `n_steps` steps of 1, 2 or 5 times a power of ten."""
    span = high - low
    if span <= 0:
        return [low]
    power = 10.0 ** math.floor(math.log10(span / n_steps))
    step = next(size * power for size in (1, 2, 5, 10) if size * power * n_steps >= span)
    first = math.ceil(low / step - 1e-9)
    return [round(index * step, 12) for index in range(first, math.floor(high / step + 1e-9) + 1)]


class _Plane:
    """Map dates and values to coordinates of the plot, and write its labels."""

    def __init__(self, first: dt.date, last: dt.date, low: float, high: float) -> None:
        self.first, self.last, self.days = first, last, max((last - first).days, 1)
        self.low, self.high = low, high if high > low else low + 1.0

    def x(self, date: dt.date) -> float:
        return (date - self.first).days / self.days * _WIDTH

    def y(self, value: float) -> float:
        return _HEIGHT - (value - self.low) / (self.high - self.low) * (_HEIGHT - _TOP)

    def path(self, dates: Sequence[dt.date], values: Sequence[float]) -> str:
        return " ".join(f"{self.x(date):.1f},{self.y(value):.1f}" for date, value in zip(dates, values, strict=True))

    def year_starts(self) -> list[dt.date]:
        return [dt.date(year, 1, 1) for year in range(self.first.year + 1, self.last.year + 1)]

    def rules(self, levels: Sequence[float]) -> Markup:
        rules = Markup("")
        for start in self.year_starts():
            rules += Markup('<line class="year" x1="{0:.1f}" x2="{0:.1f}" y1="0" y2="{1:g}"/>').format(
                self.x(start), _HEIGHT
            )
        for level in levels:
            rules += Markup('<line class="grid" x1="0" x2="{0:g}" y1="{1:.1f}" y2="{1:.1f}"/>').format(
                _WIDTH, self.y(level)
            )
        return rules

    def level_labels(self, levels: Sequence[float], pattern: str) -> Markup:
        return Markup("").join(
            Markup('<span class="level" style="top:{:.2f}%">{}</span>').format(
                self.y(level) / _HEIGHT * 100, format(level, pattern)
            )
            for level in levels
        )

    def date_labels(self) -> Markup:
        """Label the first and last session, and each year that begins far enough from both."""
        labels = Markup('<div class="dates" aria-hidden="true"><span class="first">{}</span>').format(self.first)
        for start in self.year_starts():
            at = self.x(start) / _WIDTH
            if _EDGE < at < 1 - _EDGE:
                labels += Markup('<span style="left:{:.2f}%">{}</span>').format(at * 100, start.year)
        return labels + Markup('<span class="last">{}</span></div>').format(self.last)


def line_chart(lines: Sequence[Line], *, title: str, desc: str) -> Markup:
    """Draw lines over calendar time with labelled gridlines."""
    values = [value for line in lines for value in line.values]
    dates = [date for line in lines for date in line.dates]
    plane = _Plane(min(dates), max(dates), min(values), max(values))
    levels = ticks(plane.low, plane.high)
    figure = _open(_WIDTH, _HEIGHT, "plot", title, desc, stretch=True) + plane.rules(levels)
    for line in lines:
        figure += Markup('<polyline class="{}" points="{}"><title>{}</title></polyline>').format(
            line.css, plane.path(line.dates, line.values), line.name
        )
    labels = plane.level_labels(levels, ".4g")
    return Markup('<div class="chart">{}</svg>{}</div>{}').format(figure, labels, plane.date_labels())


def regime_chart(dates: Sequence[dt.date], scores: Sequence[float], regimes: Sequence[str], *, title: str) -> Markup:
    """Draw the score of each session in [0, 1], and below it a band coloured by the regime."""
    plane = _Plane(dates[0], dates[-1], 0.0, 1.0)
    levels = (0.25, 0.5, 0.75, 1.0)
    desc = f"{dates[0].isoformat()} to {dates[-1].isoformat()}; the last regime is {regimes[-1]}"
    figure = _open(_WIDTH, _HEIGHT, "plot", title, desc, stretch=True) + plane.rules(levels)
    figure += Markup('<polyline class="series s1" points="{}"/>').format(plane.path(dates, scores))
    band = _open(_WIDTH, 10, "band", "Regime of each session", desc, stretch=True)
    for first, last, regime in _spells(dates, regimes):
        start, end = plane.x(first), plane.x(last)
        band += Markup(
            '<rect class="regime-{}" x="{:.1f}" width="{:.1f}" height="10"><title>{} from {} to {}</title></rect>'
        ).format(regime.lower(), start, max(end - start, 1.0), regime, first, last)
    return Markup('<div class="chart">{}</svg>{}</div>{}</svg>{}').format(
        figure, plane.level_labels(levels, ".2f"), band, plane.date_labels()
    )


def _spells(dates: Sequence[dt.date], regimes: Sequence[str]) -> list[tuple[dt.date, dt.date, str]]:
    spells: list[tuple[dt.date, dt.date, str]] = []
    start = 0
    for index in range(1, len(dates) + 1):
        if index == len(dates) or regimes[index] != regimes[start]:
            # A spell ends at the first session of the next one, so that the band has no holes.
            spells.append((dates[start], dates[min(index, len(dates) - 1)], regimes[start]))
            start = index
    return spells


def scatter_map(dots: Sequence[Dot], *, title: str, desc: str) -> Markup:
    """Draw dots with one scale for both axes, each connected to the centre of its group, which is labelled."""
    xs, ys = [dot.x for dot in dots], [dot.y for dot in dots]
    margin = 4 * _RADIUS
    scale = min(
        (_WIDTH - 2 * margin) / max(max(xs) - min(xs), 1e-9), (_MAP_HEIGHT - 2 * margin) / max(max(ys) - min(ys), 1e-9)
    )
    centre_x, centre_y = (max(xs) + min(xs)) / 2, (max(ys) + min(ys)) / 2

    def to_plot(x: float, y: float) -> tuple[float, float]:
        return _WIDTH / 2 + (x - centre_x) * scale, _MAP_HEIGHT / 2 - (y - centre_y) * scale

    figure = _open(_WIDTH, _MAP_HEIGHT, "map", title, desc, stretch=False)
    for dot in dots:
        figure += Markup('<line class="spoke" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(
            *to_plot(dot.x, dot.y), *to_plot(dot.centre_x, dot.centre_y)
        )
    for dot in dots:
        x, y = to_plot(dot.x, dot.y)
        figure += Markup('<circle class="dot {}" cx="{:.1f}" cy="{:.1f}" r="{:g}"><title>{}</title></circle>').format(
            dot.css, x, y, _RADIUS, dot.name
        )
    tops: dict[str, tuple[float, float]] = {}
    for dot in dots:
        middle, top = to_plot(dot.centre_x, dot.y)
        tops[dot.group] = (middle, min(top - 2 * _RADIUS, tops.get(dot.group, (middle, _MAP_HEIGHT))[1]))
    labels = Markup("").join(
        Markup('<span style="left:{:.2f}%;top:{:.2f}%">{}</span>').format(x / _WIDTH * 100, y / _MAP_HEIGHT * 100, name)
        for name, (x, y) in _spread(tops).items()
    )
    return Markup('<div class="map">{}</svg>{}</div>').format(figure, labels)


def _spread(labels: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """Move labels up until none overlaps another, beginning with the lowest."""
    positions: dict[str, tuple[float, float]] = {}
    for name, (x, y) in sorted(labels.items(), key=lambda item: (-item[1][1], item[0])):
        free = y
        while any(
            abs(x - other_x) < _LABEL[0] and abs(free - other_y) < _LABEL[1] for other_x, other_y in positions.values()
        ):
            free -= _LABEL[1]
        positions[name] = (x, free)
    return positions
