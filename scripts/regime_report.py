"""Write the tables of a regime calibration in Markdown.

See docs/decisions/0005-regime-calibration.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import groupby

import numpy as np
import polars as pl

from analytics._typing import FloatMatrix, FloatVector
from analytics.regime.components import COMPONENTS
from analytics.regime.detection import RegimeHistory
from analytics.settings import REGIMES
from scripts.regime_search import (
    CONFIRM_SESSIONS,
    JUMP_SESSIONS,
    PANICS_BEFORE_2016,
    PAST_SESSIONS,
    CalibrationData,
    CandidateSettings,
    MarketSeries,
    label_thirds,
    roc_auc,
    weighted_scores,
)

PANICS_FROM_2016 = {
    "2018-02": (date(2018, 2, 5), date(2018, 2, 28)),
    "2018-12": (date(2018, 12, 1), date(2018, 12, 31)),
    "2020-03": (date(2020, 2, 24), date(2020, 3, 31)),
    "2022": (date(2022, 1, 3), date(2022, 12, 31)),
}
CALM_SPANS = {"2017": (date(2017, 1, 1), date(2017, 12, 31)), "2019-H2": (date(2019, 7, 1), date(2019, 12, 31))}
ALARMS = REGIMES[2:]
SCORE_BINS = ((0.0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.01), (0.0, 0.5), (0.5, 1.01))
N_BEST = 10


def describe_components(data: CalibrationData) -> list[str]:
    """Show for each component its AUC on the sessions to 2015 that have it, and its percentile after a jump."""
    rows = []
    for column, name in enumerate(COMPONENTS):
        is_known = np.isfinite(data.percentiles[:, column])
        known = np.where(is_known[:, np.newaxis], data.percentiles, np.nan)
        aucs = [roc_auc(third.percentiles[:, column], third.is_volatile) for third in label_thirds(data.series, known)]
        after = data.simulations[:, :, JUMP_SESSIONS:, column].max(axis=-1).mean()
        first_date = data.series.dates[int(np.flatnonzero(is_known)[0])]
        by_third = " ".join(f"{value:.2f}" for value in aucs)
        rows.append((f"{name} (from {first_date})", by_third, f"{np.mean(aucs):.3f}", f"{after:.2f}"))
    return ["## Components to 2015", "", *_table(("component", "AUC, thirds", "mean", "jump percentile"), rows)]


def describe_candidates(admissible: list[CandidateSettings]) -> list[str]:
    """List the ten best admissible settings, and the best of the others that confirm for longer."""
    slower = [found for found in admissible[N_BEST:] if found.confirm_sessions > min(CONFIRM_SESSIONS)]
    rows = []
    for found in admissible[:N_BEST] + slower[:1]:
        figures = (
            *(found.panic_share, found.jump_share, found.jump_share_with_correlation),
            *(found.auc, found.turbulent, found.crisis),
        )
        weights = " ".join(f"{weight:.3f}" for weight in found.weights)
        rows.append((weights, str(found.confirm_sessions), *(f"{value:.3f}" for value in figures)))
    columns = ("weights", "confirm", "panics", "jump", "jump with correlation", "AUC", "TURBULENT", "CRISIS")
    return [
        *(f"## Admissible weights: {len(admissible)}, best first", ""),
        *(f"Order: {', '.join(COMPONENTS)}", ""),
        *_table(columns, rows),
    ]


def describe_scores(data: CalibrationData, weights: FloatVector) -> list[str]:
    """Show by score the share of sessions that a volatile span followed."""
    scores = np.concatenate([weighted_scores(third.percentiles, weights) for third in data.thirds])
    is_volatile = np.concatenate([third.is_volatile for third in data.thirds])
    rows = []
    for low, high in SCORE_BINS:
        inside = (scores >= low) & (scores < high)
        rows.append((f"{low:.2f}-{high:.2f}", str(inside.sum()), f"{is_volatile[inside].mean():.2f}"))
    title = "Volatile spans ahead by score of the first row:"
    return [title, "", *_table(("score", "sessions", "share"), rows)]


def describe_bounds(shares: FloatMatrix) -> list[str]:
    """Show the shares of `bounds_by_length` (lengths, 4) in percent."""
    rows = [
        (str(past), *(f"{100.0 * share:.1f} %" for share in by_case))
        for past, by_case in zip(PAST_SESSIONS, shares, strict=True)
    ]
    columns = ("past", "noise", "jump", "noise with correlation", "jump with correlation")
    return ["## Bounds by length of the past", "", *_table(columns, rows)]


def describe_history(name: str, series: MarketSeries, history: RegimeHistory) -> list[str]:
    """Show the shares of the regimes by year and known episode, and the spans of alarms from 2016."""
    judged = pl.DataFrame({"day": series.dates, "regime": history.regimes}).drop_nulls()
    first_day, last_day = judged["day"][0], judged["day"][-1]
    years = {str(year): (date(year, 1, 1), date(year, 12, 31)) for year in sorted(set(judged["day"].dt.year()))}
    spans = {"all": (first_day, last_day), **years, **PANICS_BEFORE_2016, **PANICS_FROM_2016, **CALM_SPANS}
    rows = []
    for label, (first, last) in spans.items():
        part = judged.filter(pl.col("day").is_between(first, last))["regime"]
        if part.len():
            rows.append((label, *(f"{(part == state).sum() / part.len():.2f}" for state in REGIMES)))
    return [
        *(f"## {name}: {first_day} to {last_day}", "", *_table(("span", *REGIMES), rows)),
        *("", "Alarms from 2016 (first session, last session, worst state):", ""),
        *_alarms_from_2016(judged),
    ]


def _alarms_from_2016(judged: pl.DataFrame) -> list[str]:
    lines = []
    for is_alarm, group in groupby(judged.rows(), key=lambda row: row[1] in ALARMS):
        sessions = list(group)
        if is_alarm and sessions[-1][0].year >= 2016:
            worst = max((state for _, state in sessions), key=REGIMES.index)
            lines.append(f"- {sessions[0][0]} to {sessions[-1][0]}: {worst}, {len(sessions)} sessions")
    return lines


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|", *(f"| {' | '.join(row)} |" for row in rows)]
