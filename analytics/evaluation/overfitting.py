"""Measure the overfitting of a tournament: deflated Sharpe ratios, probability of overfitting and superiority.

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
    """Figure of a whole table of portfolios.

    Attributes
    ----------
    metric : str
    value : float or None
        None when it is undefined.
    message : str
        Details, or the reason why the value is None.
    """

    metric: str
    value: float | None
    message: str


def measure_overfitting(
    returns: FloatMatrix,
    benchmark_returns: FloatVector,
    is_trial: BoolVector,
    names: tuple[str, ...],
    *,
    periods_per_year: int,
    rng: Generator,
    n_samples: int = 1000,
) -> tuple[MetricTable, tuple[TableFigure, ...]]:
    """Deflate the Sharpe ratios of the cells of one simulator and test the whole table for overfitting.

    See docs/method/09-tournament.md#9.5.

    The trials are the cells that hold anything other than the benchmark and whose series varies. Their number and the
    variance of their Sharpe ratios deflate each of them; the probability of overfitting and the superiority over the
    benchmark are computed from all of them together. The risk-free rate is left out, because the tests concern the
    choice.

    Parameters
    ----------
    returns : (T, P)
        Stitched simple returns of the cells.
    benchmark_returns : (T,)
        Of the same sessions.
    is_trial : (P,)
        True for cells that hold anything other than the benchmark.
    names : P names
        Used in messages.
    periods_per_year : int
    rng : numpy.random.Generator
        For the bootstrap.
    n_samples : int
        Of the bootstrap.

    Returns
    -------
    MetricTable, tuple of TableFigure
        Figures of `CELL_METRICS` for every cell and of `TABLE_METRICS` for the table.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> returns = rng.normal(0.0005, 0.01, size=(250, 3))
    >>> table, figures = measure_overfitting(
    ...     returns, rng.normal(0.0, 0.01, 250), np.array([True, True, False]), ("hrp", "herc", "market"),
    ...     periods_per_year=252, rng=rng, n_samples=200,
    ... )
    >>> sorted(table.values)
    ['deflated_sharpe', 'probabilistic_sharpe', 'sharpe_lower95', 'sharpe_upper95']
    >>> [figure.metric for figure in figures]
    ['n_trials', 'overfitting_probability', 'superiority_p_value']
    >>> table.reason("deflated_sharpe", 2)
    'the cell was no trial, or the only one: nothing was chosen'
    """
    n_sessions, n_cells = returns.shape
    varies = returns.min(axis=0) < returns.max(axis=0)
    trials = is_trial & varies
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
        tested = superior_ability(returns[:, chosen], benchmark_returns, rng=rng, n_samples=n_samples)
        text = f"best {names[chosen[tested.best]]}, statistic {tested.statistic:.3f}, block {tested.mean_block:.1f}"
        figures.append(TableFigure("superiority_p_value", tested.p_value, text))
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
