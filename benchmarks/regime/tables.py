"""Lay out the measurements of the regime as tables in Markdown.

See docs/method/07-regime.md#7.4.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from analytics._typing import FloatVector
from analytics.regime.components import DRAWDOWN, VOLATILITY_LEVEL
from analytics.settings import REGIMES, Flags, RegimeSettings
from benchmarks.regime.measures import (
    EXPOSURES,
    TURBULENT,
    auc_ahead,
    detect,
    equal_alarms,
    explained_variance,
    exposure_result,
    states_of,
)
from benchmarks.regime.referees import ALARM_EXPOSURE, referee_values
from benchmarks.regime.simulation import PAST_SESSIONS, noise_and_jumps
from benchmarks.regime.streams import MarketSeries

SEED = 20151231
DEEP_DRAWDOWN = 0.2
TIMED_SESSIONS, TIME_LIMIT_MS = 5000, 50.0
PERIODS = {
    "2006-2015 (calibration)": (date(2006, 1, 1), date(2015, 12, 31)),
    "2016-2021": (date(2016, 1, 1), date(2021, 12, 31)),
    "2022-2026 (held out)": (date(2022, 1, 1), date(2026, 12, 31)),
    "all": (date.min, date.max),
}
CRISES = {
    "2008-09 to 2009-03": (date(2008, 9, 1), date(2009, 3, 31), 0.95),
    "2007-10 to 2009-03": (date(2007, 10, 1), date(2009, 3, 31), 0.55),
    "2020-03": (date(2020, 3, 1), date(2020, 3, 31), 0.90),
    "2022": (date(2022, 1, 1), date(2022, 12, 31), 0.60),
}
CALM_YEARS = (2006, 2013, 2017)
NOISE_LIMIT, JUMP_LIMIT, AUC_LIMIT, CALM_LIMIT, QUIET_LIMIT, EQUAL_LIMIT = 0.02, 0.97, 0.85, 0.03, 0.02, 0.95


@dataclass(frozen=True, slots=True)
class Bound:
    """One bound of docs/method/07-regime.md#7.4: `limit` is a least value or, with `is_most`, a largest one."""

    name: str
    limit: float
    value: float
    is_most: bool = False

    @property
    def is_met(self) -> bool:
        """Tell whether the value is on the right side of the limit."""
        return self.value <= self.limit if self.is_most else self.value >= self.limit


def simulated_bounds(settings: RegimeSettings, *, n_simulations: int) -> list[Bound]:
    """Bounds on white noise and on jumps of its volatility, at the worst length of the past."""
    shares = [noise_and_jumps(past, settings, n_simulations=n_simulations, seed=SEED) for past in PAST_SESSIONS]
    return [
        Bound("white noise is an alarm", NOISE_LIMIT, max(alarms for alarms, _ in shares), is_most=True),
        Bound("a fourfold jump is seen in 10 sessions", JUMP_LIMIT, min(seen for _, seen in shares)),
    ]


def market_bounds(spy: MarketSeries, settings: RegimeSettings, flags: Flags) -> list[Bound]:
    """Bounds on SPY, by period and year."""
    history = detect(spy, settings, flags)
    states = states_of(history)
    is_alarm, is_judged = states >= TURBULENT, states >= 0
    level = np.where(is_judged, history.components[VOLATILITY_LEVEL], np.nan)
    bounds = [
        Bound(f"AUC of the level, SPY {name}", AUC_LIMIT, auc_ahead(level, spy.returns, spy.between(*span)))
        for name, span in PERIODS.items()
    ]
    for name, (first, last, least) in CRISES.items():
        bounds.append(Bound(f"alarms, SPY {name}", least, float(is_alarm[spy.between(first, last)].mean())))
    for year in CALM_YEARS:
        inside = spy.between(date(year, 1, 1), date(year, 12, 31)) & is_judged
        bounds.append(Bound(f"alarms, SPY {year}", CALM_LIMIT, float(is_alarm[inside].mean()), is_most=True))
    return bounds


def stream_bounds(series: MarketSeries, settings: RegimeSettings, flags: Flags) -> list[Bound]:
    """Bounds that hold for every stream: no QUIET in a deep drawdown, and alarms that a short history gives too."""
    history = detect(series, settings, flags)
    is_deep = history.components[DRAWDOWN] >= DEEP_DRAWDOWN
    quiet = float((states_of(history)[is_deep] == 0).mean()) if is_deep.any() else 0.0
    return [
        Bound(f"QUIET below a drawdown of 20 %, {series.name}", QUIET_LIMIT, quiet, is_most=True),
        Bound(f"alarms equal with 500 sessions, {series.name}", EQUAL_LIMIT, equal_alarms(series, settings, flags)),
    ]


def other_aucs(series: MarketSeries, settings: RegimeSettings, flags: Flags) -> list[Bound]:
    """AUC of the level on a stream that no calibration saw."""
    history = detect(series, settings, flags)
    level = np.where(states_of(history) >= 0, history.components[VOLATILITY_LEVEL], np.nan)
    value = auc_ahead(level, series.returns, np.ones(level.shape, dtype=np.bool_))
    return [Bound(f"AUC of the level, {series.name}", AUC_LIMIT, value)]


def all_bounds(
    spy: MarketSeries, others: Sequence[MarketSeries], settings: RegimeSettings, flags: Flags
) -> list[Bound]:
    """Bounds on real markets."""
    bounds = market_bounds(spy, settings, flags)
    for series in others:
        bounds += other_aucs(series, settings, flags)
    for series in (spy, *others):
        bounds += stream_bounds(series, settings, flags)
    return bounds


def bounds_table(
    spy: MarketSeries, others: Sequence[MarketSeries], settings: RegimeSettings, *, n_simulations: int
) -> list[str]:
    """Table of every bound with its figure, met or missed, and the figure without `feat_spectral_regimes`."""
    simulated = simulated_bounds(settings, n_simulations=n_simulations)
    market = all_bounds(spy, others, settings, Flags())
    without = all_bounds(spy, others, settings, Flags(feat_spectral_regimes=False))
    plain = [None] * len(simulated) + [bound.value for bound in without]
    rows = [
        (
            bound.name,
            f"{'at most' if bound.is_most else 'at least'} {bound.limit:.2f}",
            f"{bound.value:.3f}",
            "met" if bound.is_met else "**missed**",
            "" if off is None else f"{off:.3f}",
        )
        for bound, off in zip(simulated + market, plain, strict=True)
    ]
    lines = _table(("bound", "limit", "figure", "", "without feat_spectral_regimes"), rows)
    return ["## Bounds", "", *lines, "", *_misfit_table(settings, n_simulations=n_simulations)]


def _misfit_table(settings: RegimeSettings, *, n_simulations: int) -> list[str]:
    """Alarms in white noise whose volatility is not that of the prior, by length of the past."""
    scales = (0.8, 1.0, 1.25, 1.5, 2.0)
    rows = []
    for past in PAST_SESSIONS:
        shares = [
            noise_and_jumps(past, settings, n_simulations=max(n_simulations // 5, 1), seed=SEED, scale=scale)[0]
            for scale in scales
        ]
        rows.append((str(past), *(f"{share:.3f}" for share in shares)))
    title = "Alarms in white noise whose volatility is a multiple of the prior:"
    return [title, "", *_table(("past", *(f"x {scale}" for scale in scales)), rows)]


def shares_table(streams: Sequence[MarketSeries], settings: RegimeSettings, flags: Flags) -> list[str]:
    """Shares of the states by stream and period, and the variance of log volatility ahead that they explain."""
    rows = []
    for series in streams:
        states = states_of(detect(series, settings, flags))
        for name, span in PERIODS.items():
            inside = series.between(*span) & (states >= 0)
            if inside.any():
                shares = [f"{(states[inside] == state).mean():.2f}" for state in range(len(REGIMES))]
                explained = explained_variance(np.where(inside, states, -1), series.returns)
                rows.append((series.name, name, *shares, f"{explained:.2f}"))
    columns = ("stream", "period", *REGIMES, "explained")
    return ["## States", "", *_table(columns, rows)]


def exposure_table(streams: Sequence[MarketSeries], settings: RegimeSettings) -> list[str]:
    """Value of each rule as a rule of exposure after costs, beside holding the market."""
    rows = []
    for series in streams:
        rules = _exposure_rules(series, settings)
        first_judged = max(int(np.flatnonzero(np.isfinite(exposure))[0]) for exposure, _ in rules.values())
        for period, span in PERIODS.items():
            inside = series.between(*span)
            inside[:first_judged] = False
            if inside.sum() < TIMED_SESSIONS // 20:
                continue
            for rule, (exposure, auc_value) in rules.items():
                result = exposure_result(
                    exposure[inside], series.returns[inside], 365 if series.kind == "crypto" else 252
                )
                auc = "" if auc_value is None else f"{auc_ahead(auc_value, series.returns, inside):.3f}"
                figures = (result.sharpe, result.volatility, result.max_drawdown, result.turnover)
                rows.append(
                    (series.name, period, rule, auc, f"{exposure[inside].mean():.2f}", *(f"{x:.2f}" for x in figures))
                )
    columns = (
        "stream",
        "period",
        "rule",
        "AUC",
        "mean exposure",
        "Sharpe",
        "volatility",
        "max. drawdown",
        "turnover a year",
    )
    return ["## Exposure after costs, cash without interest", "", *_table(columns, rows)]


def _exposure_rules(
    series: MarketSeries, settings: RegimeSettings
) -> dict[str, tuple[FloatVector, FloatVector | None]]:
    """Exposure (T,) of each rule, NaN before it is known, and the value that it is read from."""
    rules: dict[str, tuple[FloatVector, FloatVector | None]] = {"hold": (np.ones(series.returns.shape), None)}
    for name, flags in (("regime", Flags()), ("regime, no spectral", Flags(feat_spectral_regimes=False))):
        history = detect(series, settings, flags)
        states = states_of(history)
        exposure = np.where(states >= 0, np.array(EXPOSURES)[np.maximum(states, 0)], np.nan)
        rules[name] = (exposure, history.components[VOLATILITY_LEVEL])
    for name, (values, alarm_from) in referee_values(series.returns).items():
        exposure = np.where(values >= alarm_from, ALARM_EXPOSURE, 1.0)
        rules[name] = (np.where(np.isfinite(values), exposure, np.nan), values)
    return rules


def milliseconds(series: MarketSeries, settings: RegimeSettings, flags: Flags) -> float:
    """Processor time of the regime of the last 5,000 sessions, the best of five."""
    part = MarketSeries(series.name, series.kind, series.dates[-TIMED_SESSIONS:], series.returns[-TIMED_SESSIONS:])
    seconds = []
    for _ in range(5):
        began = time.process_time()
        detect(part, settings, flags)
        seconds.append(time.process_time() - began)
    return 1000.0 * min(seconds)


def speed_line(series: MarketSeries, settings: RegimeSettings, flags: Flags) -> list[str]:
    """State the processor time beside its limit."""
    measured = milliseconds(series, settings, flags)
    outcome = "met" if measured <= TIME_LIMIT_MS else "**missed**"
    return [f"Regime of {TIMED_SESSIONS} sessions: {measured:.0f} ms of at most {TIME_LIMIT_MS:.0f} ms, {outcome}."]


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|", *(f"| {' | '.join(row)} |" for row in rows)]
