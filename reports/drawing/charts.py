"""Draw the charts of the reports from the rows of report tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl
from markupsafe import Markup

from reports.drawing.svg import Dot, Line, Part, bar, line_chart, regime_chart, scatter_map, stacked_bar
from reports.text.formats import ASSET_CLASSES, cluster_label, percent, ratio, side, word

_BENCHMARKS = ("market", "equal_weight")
_COLOURS = 8


def groups(frame: pl.DataFrame, column: str) -> Iterator[tuple[Any, pl.DataFrame]]:
    """Yield the rows of each value of `column`, in order of first appearance."""
    for part in frame.partition_by(column, maintain_order=True):
        yield part.item(0, column), part


def only(frame: pl.DataFrame, **values: object) -> pl.DataFrame:
    """Return the rows whose columns have the given values."""
    return frame.filter(*(pl.col(name) == value for name, value in values.items()))


def class_css(asset_class: str | None) -> str:
    """Return the CSS class of an asset class; `class-other` for one without its own colour."""
    return f"class-{asset_class}" if asset_class in ASSET_CLASSES else "class-other"


def asset_classes_in(frame: pl.DataFrame) -> list[str]:
    """List the asset classes of a frame for a legend, in the order of `ASSET_CLASSES`, others last."""
    held = set(frame.get_column("asset_class"))
    return [name for name in ASSET_CLASSES if name in held] + sorted(held - set(ASSET_CLASSES))


def asset_class_bar(risk_profile: str, frame: pl.DataFrame) -> Markup:
    """Draw the weights of one risk profile by asset class as a stacked bar."""
    parts = [
        Part(class_css(row["asset_class"]), word(row["asset_class"]), row["weight"], percent(row["weight"]))
        for row in frame.iter_rows(named=True)
    ]
    return stacked_bar(parts, title=f"{word(risk_profile)} by asset class")


def cluster_bar(row: dict[str, Any]) -> Markup:
    """Draw the weight of one cluster against its cap."""
    cap = row["cap"]
    title = f"{cluster_label(row['label'])}: {percent(row['weight'])} of a cap of {percent(cap)}"
    return bar(
        row["weight"],
        full=cap * 1.1 if cap else 1.0,
        limit=cap,
        title=title,
        css="fill at-limit" if row["is_at_cap"] else "fill",
    )


def wealth_lines(frame: pl.DataFrame, simulator: str) -> list[Line]:
    """Return the wealth of each engine and risk profile under one simulator; benchmarks last, in grey."""
    lines: list[Line] = []
    greys: list[Line] = []
    for engine, of_engine in groups(only(frame, simulator=simulator), "engine"):
        for risk_profile, rows in groups(of_engine, "risk_profile"):
            is_benchmark = engine in _BENCHMARKS
            css = f"b{len(greys) % 2 + 1}" if is_benchmark else f"s{len(lines) % _COLOURS + 1}"
            line = Line(
                f"series {css}",
                _cell_name(engine, risk_profile),
                rows.get_column("session_date").to_list(),
                rows.get_column("wealth").to_list(),
            )
            (greys if is_benchmark else lines).append(line)
    return lines + greys


def wealth_chart(lines: list[Line], simulator: str) -> Markup:
    """Draw the lines of `wealth_lines`."""
    dates = sorted(date for line in lines for date in (line.dates[0], line.dates[-1]))
    desc = "; ".join(f"{line.name} ends at {line.values[-1]:.3f}" for line in lines)
    title = f"Growth of 1 out of sample, {simulator}, {dates[0].isoformat()} to {dates[-1].isoformat()}"
    return line_chart(lines, title=title, desc=desc)


def regime_history_chart(frame: pl.DataFrame) -> Markup:
    """Draw score and regime of each recent session."""
    scored = frame.filter(pl.col("score").is_not_null())
    return regime_chart(
        scored.get_column("session_date").to_list(),
        scored.get_column("score").to_list(),
        scored.get_column("regime").to_list(),
        title="Regime score and regime by session",
    )


def factor_map(frame: pl.DataFrame) -> Markup:
    """Draw the winners as a map by their correlations; shorts are rings, numbers label the clusters."""
    dots = [
        Dot(
            class_css(row["asset_class"]) + (" hollow" if row["direction"] < 0 else ""),
            f"{row['symbol']}, {side(row['direction'])}, cluster {row['cluster_id']} {cluster_label(row['label'])}",
            row["x"],
            row["y"],
            row["cluster_x"],
            row["cluster_y"],
            str(row["cluster_id"]),
        )
        for row in frame.iter_rows(named=True)
    ]
    n_clusters = frame.get_column("cluster_id").n_unique()
    desc = f"{frame.height} instruments in {n_clusters} clusters; hover over a dot for its name"
    return scatter_map(dots, title="Map of the winners by their correlations as held", desc=desc)


def sensitivity_bars(row: dict[str, Any], most: int) -> tuple[Markup, Markup]:
    """Draw the number of clusters and their mean correlation at one cut as two bars."""
    cut = f"Cut at {ratio(row['threshold'])}"
    inside = row["mean_intra_correlation"]
    css = "fill at-limit" if row["is_used"] else "fill"
    return (
        bar(row["n_clusters"], full=float(most), limit=None, title=f"{cut}: {row['n_clusters']} clusters", css=css),
        bar(inside, full=1.0, limit=None, title=f"{cut}: mean correlation within clusters {ratio(inside)}", css=css),
    )


def correlation_lines(frame: pl.DataFrame) -> list[Line]:
    """Return the rolling average correlation, one line per window length."""
    return [
        Line(
            f"series s{number % _COLOURS + 1}",
            f"{window} sessions",
            rows.get_column("session_date").to_list(),
            rows.get_column("average_correlation").to_list(),
        )
        for number, (window, rows) in enumerate(groups(frame, "window_sessions"))
    ]


def correlation_chart(lines: list[Line]) -> Markup:
    """Draw the lines of `correlation_lines`."""
    desc = "; ".join(f"over {line.name} it ends at {line.values[-1]:.3f}" for line in lines)
    return line_chart(lines, title="Average pairwise correlation of the winners", desc=desc)


def _cell_name(engine: str, risk_profile: str) -> str:
    if engine == risk_profile:
        return word(engine)
    return word(risk_profile) if engine == "ours" else f"{word(engine)}, {word(risk_profile)}"
