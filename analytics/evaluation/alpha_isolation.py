"""Split a portfolio's result into the contributions of selection and of optimisation.

See docs/method/09-tournament.md#9.7.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl
from numpy.random import Generator

from analytics._typing import FloatMatrix, FloatVector
from analytics.errors import InputError
from analytics.evaluation.bootstrap import bootstrap_interval
from analytics.evaluation.metrics import compute_metrics

STAGES = ("raw_pool", "selected", "optimised")
STAGE_METRICS = ("total_return", "cagr", "volatility_annual", "sharpe", "max_drawdown")


def isolate_alpha(
    raw_pool_returns: FloatVector,
    selected_returns: FloatVector,
    optimised_returns: FloatVector,
    *,
    periods_per_year: int,
    rng: Generator,
    risk_free_annual: float = 0.0,
    level: float = 0.95,
    n_samples: int = 2000,
) -> pl.DataFrame:
    """Split a result into the contributions of selection and of optimisation.

    See docs/method/09-tournament.md#9.7.

    Parameters
    ----------
    raw_pool_returns, selected_returns, optimised_returns : (T,)
        Stitched simple returns of the equally weighted pool, the equally weighted selection and the optimised
        portfolio, under one simulator.
    periods_per_year : int
    rng : numpy.random.Generator
        For the bootstrap.
    risk_free_annual : float
        A fraction.
    level : float
        Of the confidence intervals.
    n_samples : int
        Of the bootstrap.

    Returns
    -------
    polars.DataFrame
        One row for each figure, with its three values, `selection_alpha` = selected - raw pool and `optimisation_alpha`
        = optimised - selected. The row `mean_annual`, the mean return times the sessions of a year, also has
        stationary-bootstrap intervals of both differences.

    Raises
    ------
    InputError
        When the three series have different lengths or a return is invalid.
    ShortHistoryError
        When there are fewer than 20 sessions.

    Examples
    --------
    >>> rng = np.random.default_rng(3)
    >>> raw, selected, optimised = rng.normal([0.0002, 0.0005, 0.0006], 0.01, size=(250, 3)).T
    >>> table = isolate_alpha(raw, selected, optimised, periods_per_year=252, rng=rng, n_samples=200)
    >>> table["metric"].to_list()
    ['total_return', 'cagr', 'volatility_annual', 'sharpe', 'max_drawdown', 'mean_annual']
    >>> alphas = table.filter(metric="mean_annual").select("selection_alpha", "optimisation_alpha").row(0)
    >>> [round(alpha, 3) for alpha in alphas]
    [0.235, -0.151]
    """
    stages = (raw_pool_returns, selected_returns, optimised_returns)
    if len({stage.shape for stage in stages}) != 1:
        raise InputError(
            f"the three stages have shapes {[stage.shape for stage in stages]}; give the same sessions for all"
        )
    table = compute_metrics(
        np.column_stack(stages), periods_per_year=periods_per_year, risk_free_annual=risk_free_annual, names=STAGES
    )
    rows = [_row(name, table.values[name]) for name in STAGE_METRICS]
    mean = _row("mean_annual", np.array([stage.mean() * periods_per_year for stage in stages]))

    def mean_annual(sampled: FloatMatrix) -> FloatVector:
        return np.asarray(sampled.mean(axis=0) * periods_per_year, dtype=np.float64)

    contributions = (("selection", stages[1] - stages[0]), ("optimisation", stages[2] - stages[1]))
    for name, difference in contributions:
        interval = bootstrap_interval(difference, mean_annual, rng=rng, level=level, n_samples=n_samples)
        mean[f"{name}_lower"], mean[f"{name}_upper"] = interval.lower, interval.upper
    bounds = ("selection_lower", "selection_upper", "optimisation_lower", "optimisation_upper")
    columns = ("metric", *STAGES, "selection_alpha", "optimisation_alpha", *bounds)
    schema = {name: pl.String() if name == "metric" else pl.Float64() for name in columns}
    return pl.DataFrame([{name: row.get(name) for name in columns} for row in [*rows, mean]], schema=schema)


def _row(metric: str, values: FloatVector) -> dict[str, str | float | None]:
    """One figure of the three stages; an undefined one is null, and so are its differences."""
    known = [float(value) if np.isfinite(value) else None for value in values]
    differences = [None if a is None or b is None else b - a for a, b in pairwise(known)]
    return {
        "metric": metric,
        **dict(zip(STAGES, known, strict=True)),
        "selection_alpha": differences[0],
        "optimisation_alpha": differences[1],
    }
