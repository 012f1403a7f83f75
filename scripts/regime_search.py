"""Search for the weights and thresholds of the regime on data before 2016 and on simulated noise.

See docs/method/07-regime.md#7.3, docs/decisions/0005-regime-calibration.md.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import product
from pathlib import Path

import numpy as np
import polars as pl
from numpy.lib.stride_tricks import sliding_window_view
from scipy.stats import rankdata

from analytics._typing import BoolVector, FloatMatrix, FloatVector
from analytics.regime.components import COMPONENTS, STREAM_COMPONENTS, average_correlation
from analytics.regime.detection import RegimeHistory, detect_regime
from analytics.settings import Flags, RegimeSettings

LAST_CALIBRATION_DATE = date(2015, 12, 31)
AHEAD_SESSIONS = 21
# The bounds are 5 % of noise sessions and 95 % of jumps; these margins leave room at every length of the past.
TURBULENT_NOISE_SHARE, CRISIS_NOISE_SHARE = 0.042, 0.01
MIN_JUMP_SHARE = 0.955
# Settings this near to the most alarms in the panics are equal: among them the best AUC wins.
PANIC_TOLERANCE = 0.015
PAST_SESSIONS = (120, 200, 260, 300, 400, 500, 756, 1000, 1500)
POOL_SIZE = 20
JUMP_SESSIONS = 10
CONFIRM_SESSIONS = (2, 3, 5)
MAX_CONFIRM = max(CONFIRM_SESSIONS)
# Weights are multiples of one fortieth.
WEIGHT_STEP = 0.025
SEARCH_BOOTSTRAP = 300
PANICS_BEFORE_2016 = {
    "2008-H2": (date(2008, 9, 15), date(2008, 12, 31)),
    "2010-05": (date(2010, 5, 6), date(2010, 6, 30)),
    "2011-08": (date(2011, 8, 4), date(2011, 10, 31)),
    "2015-08": (date(2015, 8, 21), date(2015, 9, 30)),
}


@dataclass(frozen=True, slots=True)
class MarketSeries:
    """Simple returns of a market (T,) as fractions, with their dates."""

    dates: list[date]
    returns: FloatVector

    def head(self, n_sessions: int) -> MarketSeries:
        """First sessions of the series."""
        return MarketSeries(self.dates[:n_sessions], self.returns[:n_sessions])


@dataclass(frozen=True, slots=True)
class LabelledSessions:
    """Percentiles (T, 6) of all components, and the sessions (T,) that a volatile span follows."""

    percentiles: FloatMatrix
    is_volatile: BoolVector


@dataclass(frozen=True, slots=True)
class CalibrationData:
    """Data that the search sees.

    Attributes
    ----------
    series : MarketSeries
        SPY to 2015.
    percentiles : (T, 6)
        Of all components at its sessions.
    thirds : list of LabelledSessions
        Calibration years in thirds.
    panics : list of (t, 6)
        Percentiles in each panic before 2016, with the sessions just before it.
    simulations : (L, S, 20, 6)
        Of `simulate_jumps`, for L lengths of the past.
    """

    series: MarketSeries
    percentiles: FloatMatrix
    thirds: list[LabelledSessions]
    panics: list[FloatMatrix]
    simulations: FloatMatrix


@dataclass(frozen=True, slots=True)
class CandidateSettings:
    """Weights in the order of `COMPONENTS`, thresholds and their results.

    Attributes
    ----------
    jump_share, jump_share_with_correlation : float
        Share of simulated jumps that reach TURBULENT at the worst length, without and with the average correlation.
    panic_share : float
        Mean share of alarms in the panics before 2016.
    auc : float
        Mean over the thirds.
    """

    weights: FloatVector
    confirm_sessions: int
    turbulent: float
    crisis: float
    jump_share: float
    jump_share_with_correlation: float
    panic_share: float
    auc: float


def load_spy(folder: Path, *, is_spliced: bool) -> MarketSeries:
    """Load SPY's returns: unadjusted from 2006 to 2021-03, or spliced with the adjusted ones from 2018 to 2026."""
    early = _closes(folder / "long_history.parquet", "close")
    if not is_spliced:
        return _returns(early)
    late = _returns(_closes(folder / "market.parquet", "adj_close"))
    head = _returns(early.filter(pl.col("date") <= late.dates[0]))
    head = head.head(sum(day < late.dates[0] for day in head.dates))
    return MarketSeries(head.dates + late.dates, np.concatenate([head.returns, late.returns]))


def load_large_cap_correlation(folder: Path, dates: list[date]) -> FloatVector:
    """Load the average correlation (T,) of the 20 large caps of 2010-2022; NaN on dates without it."""
    caps = (
        pl.scan_parquet(folder / "long_history.parquet")
        .filter(pl.col("venue") == "US_SKFOLIO", pl.col("asset_class") == "equity")
        .select(pl.col("date").cast(pl.Date), "symbol", "adj_close")
        .collect()
        .pivot(on="symbol", index="date", values="adj_close")
        .sort("date")
    )
    prices = caps.drop("date").to_numpy()
    known = dict(zip(caps["date"].to_list()[1:], average_correlation(prices[1:] / prices[:-1] - 1.0), strict=True))
    return np.array([known.get(day, np.nan) for day in dates])


def _closes(path: Path, column: str) -> pl.DataFrame:
    frame = pl.scan_parquet(path).filter(pl.col("symbol") == "SPY", pl.col("venue") == "US")
    return frame.select(pl.col("date").cast(pl.Date), price=pl.col(column)).sort("date").collect()


def _returns(closes: pl.DataFrame) -> MarketSeries:
    prices = closes["price"].to_numpy()
    return MarketSeries(closes["date"].to_list()[1:], prices[1:] / prices[:-1] - 1.0)


def all_percentiles(history: RegimeHistory) -> FloatMatrix:
    """Stack the percentiles (T, 6) of all components, also of those without weight."""
    return np.asarray(np.stack([history.percentiles[name] for name in COMPONENTS], axis=1), dtype=np.float64)


def simulate_jumps(past_sessions: int, seed: int, *, n_simulations: int, n_bootstrap: int = 2000) -> FloatMatrix:
    """Simulate pools of independent noise whose volatility jumps fourfold, and rank their components.

    The market stream is the mean of the pool, so white noise too. Without the last column, the average correlation, the
    percentiles are those of a stream that has no pool.

    Returns
    -------
    (n_simulations, 20, 6)
        Percentiles of ten sessions before the jump and ten after it.
    """
    rng = np.random.default_rng([seed, past_sessions])
    out = np.empty((n_simulations, 2 * JUMP_SESSIONS, len(COMPONENTS)))
    for simulation in range(n_simulations):
        pool = 0.01 * rng.standard_normal((past_sessions + JUMP_SESSIONS, POOL_SIZE))
        pool[past_sessions:] *= 4.0
        history = detect_regime(
            pool.mean(axis=1),
            past_average_correlation=average_correlation(pool),
            settings=RegimeSettings(),
            flags=Flags(),
            n_bootstrap=n_bootstrap,
            rng=rng,
            first_judged=past_sessions - JUMP_SESSIONS,
        )
        out[simulation] = all_percentiles(history)[-2 * JUMP_SESSIONS :]
    return out


def load_calibration_data(folder: Path, seed: int, n_simulations: int) -> CalibrationData:
    """Load SPY to 2015, rank its components and simulate jumps."""
    series = load_spy(folder, is_spliced=False)
    series = series.head(sum(day <= LAST_CALIBRATION_DATE for day in series.dates))
    history = detect_regime(
        series.returns,
        past_average_correlation=load_large_cap_correlation(folder, series.dates),
        settings=RegimeSettings(),
        flags=Flags(),
        n_bootstrap=SEARCH_BOOTSTRAP,
        rng=np.random.default_rng(seed),
    )
    percentiles = all_percentiles(history)
    panics = [
        percentiles[bisect_left(series.dates, first) - MAX_CONFIRM + 1 : bisect_right(series.dates, last)]
        for first, last in PANICS_BEFORE_2016.values()
    ]
    simulations = np.stack(
        [
            simulate_jumps(past, seed, n_simulations=n_simulations, n_bootstrap=SEARCH_BOOTSTRAP)
            for past in PAST_SESSIONS
        ]
    )
    return CalibrationData(series, percentiles, label_thirds(series, percentiles), panics, simulations)


def label_thirds(series: MarketSeries, percentiles: FloatMatrix) -> list[LabelledSessions]:
    """Split the calibration sessions in thirds and mark in each the most volatile fifth of the next 21 sessions.

    Sessions without every component of the market stream are left out.
    """
    ahead = np.full(series.returns.shape, np.nan)
    ahead[:-AHEAD_SESSIONS] = sliding_window_view(series.returns, AHEAD_SESSIONS)[1:].std(axis=1, ddof=1)
    inside = np.array([day <= LAST_CALIBRATION_DATE for day in series.dates])
    inside[max(np.flatnonzero(inside).max() - AHEAD_SESSIONS + 1, 0) :] = False
    has_components = np.isfinite(percentiles[:, : len(STREAM_COMPONENTS)]).all(axis=1)
    usable = np.flatnonzero(inside & np.isfinite(ahead) & has_components)
    return [
        LabelledSessions(percentiles[part], ahead[part] > np.quantile(ahead[part], 0.8))
        for part in np.array_split(usable, 3)
    ]


def weighted_scores(percentiles: FloatMatrix, weights: FloatVector) -> FloatMatrix:
    """Average the known percentiles over the last axis."""
    known = np.isfinite(percentiles)
    return np.asarray((np.where(known, percentiles, 0.0) @ weights) / (known @ weights), dtype=np.float64)


def confirmed_scores(scores: FloatMatrix, confirm_sessions: int) -> FloatMatrix:
    """Take the highest score of the last `confirm_sessions`, which decides the state."""
    return np.asarray(sliding_window_view(scores, confirm_sessions, axis=-1).max(axis=-1), dtype=np.float64)


def noise_scores(simulations: FloatMatrix, weights: FloatVector, confirm_sessions: int) -> FloatMatrix:
    """Scores (lengths, sessions) that decide the states before the jump."""
    best = confirmed_scores(weighted_scores(simulations[:, :, :JUMP_SESSIONS], weights), confirm_sessions)
    return np.asarray(best.reshape(len(simulations), -1))


def jump_scores(simulations: FloatMatrix, weights: FloatVector) -> FloatMatrix:
    """Best scores (lengths, simulations) of the ten sessions after the jump."""
    return np.asarray(weighted_scores(simulations[:, :, JUMP_SESSIONS:], weights).max(axis=-1))


def roc_auc(values: FloatVector, is_positive: BoolVector) -> float:
    """Probability that a positive ranks above a negative; 0.5 is no information."""
    n_positive = int(is_positive.sum())
    above = rankdata(values)[is_positive].sum() - n_positive * (n_positive + 1) / 2
    return float(above / (n_positive * (values.size - n_positive)))


def without_correlation(weights: FloatVector) -> FloatVector:
    """Set the weight of the average correlation to 0, as where there is no pool."""
    return np.append(weights[:-1], 0.0)


def bounds_by_length(simulations: FloatMatrix, settings: RegimeSettings) -> FloatMatrix:
    """Compute the shares of noise sessions that are alarms and of jumps that are seen, by length of the past.

    Returns
    -------
    (lengths, 4)
        Noise, jump, noise with correlation, jump with correlation.
    """
    weights = np.array([settings.weights[name] for name in COMPONENTS])
    threshold = settings.thresholds["TURBULENT"]
    shares = [
        (scores >= threshold).mean(axis=1)
        for w in (without_correlation(weights), weights)
        for scores in (noise_scores(simulations, w, settings.confirm_sessions), jump_scores(simulations, w))
    ]
    return np.stack(shares, axis=1)


def search(data: CalibrationData) -> list[CandidateSettings]:
    """Find the admissible settings, best first: most alarms in the panics before 2016, near equals by their AUC.

    The bounds are met at the worst length, with the average correlation and without. Its weight comes on top of the sum
    of the others, from a fortieth upwards while jumps are still seen.
    """
    admissible = []
    for confirm_sessions, stream_weights in product(CONFIRM_SESSIONS, _stream_weights()):
        for steps in range(1, 5):
            weights = np.append(stream_weights, WEIGHT_STEP * steps)
            candidate = _evaluate(weights, confirm_sessions, data)
            if min(candidate.jump_share, candidate.jump_share_with_correlation) < MIN_JUMP_SHARE:
                break
            admissible.append(candidate)
    most = max((candidate.panic_share for candidate in admissible), default=0.0)
    return sorted(admissible, key=lambda found: (found.panic_share < most - PANIC_TOLERANCE, -found.auc))


def _stream_weights() -> Iterator[FloatVector]:
    """Weights of the components of the market stream in fortieths, summing to 1: the volatility ratio has 0.7 or more.

    DWT turbulence and permutation entropy have the least information and at most three fortieths. DWT turbulence has at
    least one, since the spectral flag takes its weight away (docs/method/07-regime.md#7.3).
    """
    steps = range(13)
    for others in product(range(1, 4), steps, range(4), steps):
        if sum(others) < len(steps):
            rest = WEIGHT_STEP * np.array(others)
            yield np.round([1.0 - rest.sum(), *rest], 3)


def _evaluate(weights: FloatVector, confirm_sessions: int, data: CalibrationData) -> CandidateSettings:
    pair = (without_correlation(weights), weights)
    levels = [1.0 - TURBULENT_NOISE_SHARE, 1.0 - CRISIS_NOISE_SHARE]
    quantiles = [
        np.quantile(noise_scores(data.simulations, w, confirm_sessions), levels, axis=1).max(axis=1) for w in pair
    ]
    turbulent, crisis = (float(threshold) for threshold in np.max(quantiles, axis=0))
    alone, joint = (float((jump_scores(data.simulations, w) >= turbulent).mean(axis=1).min()) for w in pair)
    alarms = []
    for rows in data.panics:
        confirmed = confirmed_scores(weighted_scores(rows, weights), confirm_sessions)
        alarms.append((confirmed[-len(rows) + MAX_CONFIRM - 1 :] >= turbulent).mean())
    aucs = [roc_auc(weighted_scores(third.percentiles, weights), third.is_volatile) for third in data.thirds]
    return CandidateSettings(
        weights, confirm_sessions, turbulent, crisis, alone, joint, float(np.mean(alarms)), float(np.mean(aucs))
    )
