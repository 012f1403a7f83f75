"""What the table of a tournament is worth after choosing among so many cells.

See docs/method/09-tournament.md#9.5.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from scipy import stats

from analytics._typing import BoolVector, FloatMatrix, FloatVector
from analytics.errors import AnalyticsError, InputError
from analytics.evaluation.bootstrap import MIN_SESSIONS, common_block, stationary_weights
from analytics.evaluation.deflated_sharpe import deflated_sharpe, overfitting_probability, probabilistic_sharpe
from analytics.evaluation.metrics import MetricTable
from analytics.evaluation.superiority import superior_ability

CELL_METRICS = ("probabilistic_sharpe", "deflated_sharpe", "sharpe_lower95", "sharpe_upper95")
TABLE_METRICS = ("n_trials", "overfitting_probability", "superiority_p_value")


@dataclass(frozen=True, slots=True)
class TableFigure:
    """One figure of the whole table; `value` is None when it is undefined, and `message` says why or who."""

    metric: str
    value: float | None
    message: str


def measure_overfitting(
    returns: FloatMatrix,
    benchmark_returns: FloatVector,
    is_contender: BoolVector,
    names: tuple[str, ...],
    *,
    periods_per_year: int,
    rng: Generator,
    n_samples: int = 1000,
) -> tuple[MetricTable, tuple[TableFigure, ...]]:
    """Deflate the cells of one simulator.

    The trials are the contenders: every cell that holds something else than the market, and whose series varies. Their
    number and the variance of their Sharpe ratios deflate each of them; overfitting and superiority over the market
    are judged on all of them together. The risk-free rate is left out: the question is about the choice.

    Parameters
    ----------
    returns : (T, P)
    benchmark_returns : (T,)
    is_contender : (P,)

    Returns
    -------
    MetricTable, tuple of TableFigure
        Figures of `CELL_METRICS` for every cell and of `TABLE_METRICS` for the table.
    """
    n_sessions, n_cells = returns.shape
    varies = returns.min(axis=0) < returns.max(axis=0)
    trials = is_contender & varies
    sharpes = np.full(n_cells, np.nan)
    sharpes[varies] = returns[:, varies].mean(axis=0) / returns[:, varies].std(axis=0, ddof=1)
    table = MetricTable(n_cells)
    _put_deflated(table, returns, sharpes, trials)
    _put_intervals(table, returns, varies, periods_per_year=periods_per_year, n_samples=n_samples, rng=rng)
    figures = [TableFigure("n_trials", float(trials.sum()), f"{n_sessions} sessions")]
    try:
        found = overfitting_probability(returns[:, trials])
        text = f"{found.n_blocks} blocks; probability of loss {found.probability_of_loss:.3f}, slope {found.slope:.3f}"
        figures.append(TableFigure("overfitting_probability", found.probability, text))
    except AnalyticsError as refusal:
        figures.append(TableFigure("overfitting_probability", None, str(refusal)))
    try:
        if not trials.any():
            raise InputError("no cell holds anything else than the market")
        chosen = np.flatnonzero(trials)
        better = superior_ability(returns[:, chosen], benchmark_returns, rng=rng, n_samples=n_samples)
        text = f"best {names[chosen[better.best]]}, statistic {better.statistic:.3f}, block {better.mean_block:.1f}"
        figures.append(TableFigure("superiority_p_value", better.p_value, text))
    except AnalyticsError as refusal:
        figures.append(TableFigure("superiority_p_value", None, str(refusal)))
    return table, tuple(figures)


def _put_deflated(table: MetricTable, returns: FloatMatrix, sharpes: FloatVector, trials: BoolVector) -> None:
    n_sessions, n_cells = returns.shape
    n_trials = int(trials.sum())
    variance = float(sharpes[trials].var(ddof=1)) if n_trials > 1 else float("nan")
    plain, deflated = np.full(n_cells, np.nan), np.full(n_cells, np.nan)
    for cell in np.flatnonzero(np.isfinite(sharpes)):
        skew = float(stats.skew(returns[:, cell]))
        kurtosis = float(stats.kurtosis(returns[:, cell], fisher=False))
        sharpe = float(sharpes[cell])
        try:
            plain[cell] = probabilistic_sharpe(sharpe, n_sessions=n_sessions, skew=skew, kurtosis=kurtosis)
            if trials[cell] and n_trials > 1:
                deflated[cell] = deflated_sharpe(
                    sharpe,
                    n_sessions=n_sessions,
                    skew=skew,
                    kurtosis=kurtosis,
                    n_trials=n_trials,
                    variance_of_sharpes=variance,
                )
        except InputError:
            # The estimate's variance is not positive in so short a sample; both figures stay NaN, with their reason.
            continue
    reason = "the series is constant, or too short for its moments"
    table.put("probabilistic_sharpe", plain, np.isnan(plain), reason)
    undefined = np.isnan(deflated)
    reason = "the cell was no trial, or the only one: nothing was chosen" if n_trials > 1 else "fewer than two trials"
    table.put("deflated_sharpe", deflated, undefined, reason)


def _put_intervals(
    table: MetricTable,
    returns: FloatMatrix,
    varies: BoolVector,
    *,
    periods_per_year: int,
    n_samples: int,
    rng: Generator,
) -> None:
    n_sessions, n_cells = returns.shape
    bounds = np.full((2, n_cells), np.nan)
    is_long_enough = n_sessions >= MIN_SESSIONS
    if is_long_enough and varies.any():
        series = returns[:, varies]
        weights = stationary_weights(n_sessions, mean_block=common_block(series), n_samples=n_samples, rng=rng)
        centre = series.mean(axis=0)
        shift = weights @ (series - centre)
        variance = (weights @ (series - centre) ** 2 - shift**2) * n_sessions / (n_sessions - 1)
        samples = (shift + centre) / np.sqrt(variance) * np.sqrt(periods_per_year)
        bounds[:, varies] = np.quantile(samples, [0.025, 0.975], axis=0)
    reason = "the series is constant" if is_long_enough else f"an interval needs {MIN_SESSIONS} sessions"
    for name, values in zip(("sharpe_lower95", "sharpe_upper95"), bounds, strict=True):
        table.put(name, values, np.isnan(values), reason)
