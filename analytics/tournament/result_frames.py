"""Make the frames of a tournament in the columns of the results tables.

See docs/method/09-tournament.md#9.3, 9.5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date

import numpy as np
import polars as pl
from numpy.random import Generator

from analytics._typing import FloatMatrix, FloatVector
from analytics.evaluation.metrics import (
    RELATIVE_METRICS,
    SERIES_METRICS,
    TRADING_METRICS,
    MetricTable,
    compute_metrics,
)
from analytics.evaluation.overfitting import CELL_METRICS, TableFigure, measure_overfitting
from analytics.settings import DecisionSettings
from analytics.tournament.cells import OutOfSamplePath, TournamentCell
from analytics.tournament.engines import Decision
from analytics.tournament.facts import TournamentFacts
from analytics.tournament.simulators import IDEALIZED, REALIZED
from analytics.tournament.windows import Window

CONCENTRATION_METRICS = ("effective_bets", "hhi")
METRICS = (*SERIES_METRICS, *RELATIVE_METRICS, *TRADING_METRICS, *CONCENTRATION_METRICS, *CELL_METRICS)

_CELL = {"engine": pl.String(), "risk_profile": pl.String(), "simulator": pl.String()}
_WINDOWS = {
    "window": pl.Int64(),
    **dict.fromkeys(("train_start", "train_end", "test_start", "test_end"), pl.Date()),
    "regime": pl.String(),
    "realised_regime": pl.String(),
    **dict.fromkeys(("n_candidates", "n_selected", "n_clusters"), pl.Int64()),
    "message": pl.String(),
}
_METRICS = {**_CELL, "status": pl.String(), "metric": pl.String(), "value": pl.Float64(), "message": pl.String()}
_OVERFITTING = {"simulator": pl.String(), "metric": pl.String(), "value": pl.Float64(), "message": pl.String()}


def windows_frame(
    windows: Sequence[Window],
    session_dates: tuple[date, ...],
    decisions: Mapping[tuple[str, str], tuple[Decision, ...]],
    reference_engine: str,
) -> pl.DataFrame:
    """Make one row for each window, described by the reference engine's first usable decision.

    Parameters
    ----------
    windows : sequence of Window
    session_dates : T dates
    decisions : (engine, risk profile) -> one Decision for each window
    reference_engine : str

    Returns
    -------
    polars.DataFrame
        As `results.tournament_windows`, without run id.

    Examples
    --------
    >>> from datetime import timedelta
    >>> dates = tuple(date(2024, 1, 1) + timedelta(days=day) for day in range(6))
    >>> decisions = {("ours", "hrp"): (Decision((), np.empty(0), cash=1.0, regime="QUIET"),)}
    >>> windows = (Window(0, slice(0, 4), slice(4, 6)),)
    >>> windows_frame(windows, dates, decisions, "ours").select("window", "test_start", "regime").rows()
    [(0, datetime.date(2024, 1, 5), 'QUIET')]
    """
    rows = []
    for window in windows:
        of_reference = [items[window.index] for (engine, _), items in decisions.items() if engine == reference_engine]
        shown = next((item for item in of_reference if item.is_usable), None)
        refused = [
            f"{engine}/{risk_profile} {items[window.index].status}: {items[window.index].message}"
            for (engine, risk_profile), items in decisions.items()
            if items[window.index].status == "failed"
        ]
        notes = [shown.message] if shown is not None and shown.message else []
        rows.append(
            {
                "window": window.index,
                "train_start": session_dates[window.train.start],
                "train_end": session_dates[window.train.stop - 1],
                "test_start": session_dates[window.test.start],
                "test_end": session_dates[window.test.stop - 1],
                "regime": shown.regime if shown else None,
                "realised_regime": None,
                "n_candidates": shown.n_candidates if shown else None,
                "n_selected": shown.n_selected if shown else None,
                "n_clusters": shown.n_clusters if shown else None,
                "message": "; ".join([*notes, *refused]) or None,
            }
        )
    return pl.DataFrame(rows, schema=_WINDOWS)


def evaluate_cells(
    cells: Sequence[TournamentCell],
    benchmark_returns: FloatVector,
    settings: DecisionSettings,
    facts: TournamentFacts,
    rng: Generator,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Compute the metrics of every cell and the overfitting figures of every simulator, on the stitched series.

    See docs/method/09-tournament.md#9.5.

    Parameters
    ----------
    cells : sequence of TournamentCell
    benchmark_returns : (T,)
        Of the tested sessions, without NaN.
    settings : DecisionSettings
    facts : TournamentFacts
    rng : numpy.random.Generator
        For the bootstrap.

    Returns
    -------
    metrics, overfitting : polars.DataFrame

    Examples
    --------
    >>> from analytics.settings import TournamentSettings
    >>> settings = DecisionSettings(tournament=TournamentSettings(simulators=(IDEALIZED,)))
    >>> refused = Decision.refused("unsupported", "no such risk profile")
    >>> cell = TournamentCell("ours", "hrp", IDEALIZED, refused.status, refused.message, (refused,), ())
    >>> metrics, overfitting = evaluate_cells(
    ...     [cell], np.zeros(20), settings, TournamentFacts(), np.random.default_rng(0)
    ... )
    >>> metrics.select("status", "value", "message").unique().rows()
    [('unsupported', None, 'no such risk profile')]
    >>> overfitting.rows()
    [('idealized', 'n_trials', 0.0, 'no cell could be simulated')]
    """
    metric_rows: list[tuple[str | float | None, ...]] = []
    overfitting_rows: list[tuple[str | float | None, ...]] = []
    for simulator in settings.tournament.simulators:
        own = [cell for cell in cells if cell.simulator == simulator]
        simulated = [(cell, cell.path) for cell in own if cell.path is not None]
        for cell in own:
            if cell.path is None:
                head = (cell.engine, cell.risk_profile, simulator, cell.status)
                metric_rows.extend((*head, metric, None, cell.message) for metric in METRICS)
        if not simulated:
            overfitting_rows.append((simulator, "n_trials", 0.0, "no cell could be simulated"))
            continue
        tables, figures = _evaluate_simulated(simulated, benchmark_returns, settings, facts, rng)
        for column, (cell, _) in enumerate(simulated):
            head = (cell.engine, cell.risk_profile, simulator, cell.status)
            for metric in METRICS:
                table = next(table for table in tables if metric in table.values)
                value = float(table.values[metric][column])
                known = value if np.isfinite(value) else None
                metric_rows.append((*head, metric, known, table.reason(metric, column) or cell.message))
        overfitting_rows.extend((simulator, figure.metric, figure.value, figure.message) for figure in figures)
    return pl.DataFrame(metric_rows, schema=_METRICS, orient="row"), pl.DataFrame(
        overfitting_rows, schema=_OVERFITTING, orient="row"
    )


def _evaluate_simulated(
    simulated: Sequence[tuple[TournamentCell, OutOfSamplePath]],
    benchmark: FloatVector,
    settings: DecisionSettings,
    facts: TournamentFacts,
    rng: Generator,
) -> tuple[list[MetricTable], tuple[TableFigure, ...]]:
    def stack(pick: Callable[[OutOfSamplePath], FloatVector]) -> FloatMatrix:
        return np.column_stack([pick(path) for _, path in simulated])

    names = tuple(cell.name for cell, _ in simulated)
    returns = stack(lambda path: path.returns)
    table = compute_metrics(
        returns,
        periods_per_year=facts.periods_per_year,
        risk_free_annual=settings.allocation.risk_free_rate_annual,
        benchmark_returns=benchmark,
        turnover=stack(lambda path: path.turnover),
        costs=stack(lambda path: path.costs + path.borrow),
        names=names,
    )
    for metric in CONCENTRATION_METRICS:
        means = np.array([_mean_of_known([getattr(c, metric) for c in cell.concentrations]) for cell, _ in simulated])
        table.put(metric, means, np.isnan(means), "no window held a portfolio with variance")
    is_trial = np.array([not cell.holds_only(facts.benchmark_symbol) for cell, _ in simulated])
    overfitting, figures = measure_overfitting(
        returns,
        benchmark,
        is_trial,
        names,
        periods_per_year=facts.periods_per_year,
        rng=rng,
        n_samples=settings.tournament.bootstrap_samples,
    )
    return [table, overfitting], figures


def _mean_of_known(values: Sequence[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")


def decay_frame(metrics: pl.DataFrame) -> pl.DataFrame:
    """Subtract realized from idealized figures, for every figure that both have.

    See docs/method/09-tournament.md#9.4.

    Parameters
    ----------
    metrics : polars.DataFrame
        As `evaluate_cells` returns it.

    Returns
    -------
    polars.DataFrame
        Columns `engine`, `risk_profile`, `metric`, `idealized`, `realized` and `decay`.

    Examples
    --------
    >>> cagr = {IDEALIZED: 0.10, REALIZED: 0.08}
    >>> rows = [("ours", "hrp", simulator, "ok", "cagr", value, None) for simulator, value in cagr.items()]
    >>> decay_frame(pl.DataFrame(rows, schema=_METRICS, orient="row"))["decay"].round(4).to_list()
    [0.02]
    """
    keys = ["engine", "risk_profile", "metric"]
    by_simulator = [
        metrics.filter((pl.col("simulator") == simulator) & (pl.col("status") == "ok")).select(
            *keys, pl.col("value").alias(simulator)
        )
        for simulator in (IDEALIZED, REALIZED)
    ]
    joined = (
        by_simulator[0]
        .join(by_simulator[1], on=keys, how="inner", maintain_order="left")
        .drop_nulls([IDEALIZED, REALIZED])
    )
    return joined.with_columns((pl.col(IDEALIZED) - pl.col(REALIZED)).alias("decay"))
