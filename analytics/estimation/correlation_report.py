"""Describe the correlations of a universe through time, pair by pair, physically and as held.

See docs/method/03-dependence.md#3.1, 3.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from analytics._typing import FloatMatrix, FloatVector
from analytics.errors import InputError
from analytics.estimation.average_correlation import rolling_mean_correlation
from analytics.estimation.correlation import MIN_OVERLAP, exclude_sparse, held_correlation, pairwise_correlation
from analytics.panel import check_panel

ROLLING_WINDOWS = (20, 60, 180)
REDUNDANCY_THRESHOLD = 0.9
N_TOP_PAIRS = 20


@dataclass(frozen=True, slots=True)
class CorrelationReport:
    """Tables of the correlation report.

    Attributes
    ----------
    rolling : polars.DataFrame
        session_date, window_sessions, average_correlation of physical returns (null until the window is full).
    top_pairs : polars.DataFrame
        kind (`highest`, `lowest`), rank, left, right, correlation (physical), held_correlation.
    redundancy : polars.DataFrame
        symbol, nearest, correlation (held, with the nearest), n_redundant (held pairs from 0.9 up), is_redundant.
    summary : polars.DataFrame
        stream (`physical`, `held`), n_pairs, mean, median, minimum, maximum, share_above_half, effective_number.
    excluded : tuple of (str, str)
        Instruments with more than half of their pairs unknown and the reason (docs/method/03-dependence.md#3.1); no
        table contains them.
    """

    rolling: pl.DataFrame
    top_pairs: pl.DataFrame
    redundancy: pl.DataFrame
    summary: pl.DataFrame
    excluded: tuple[tuple[str, str], ...]


def correlation_report(
    past_returns: ArrayLike,
    symbols: Sequence[str],
    directions: ArrayLike,
    session_dates: Sequence[date],
    *,
    windows: Sequence[int] = ROLLING_WINDOWS,
    step_sessions: int = 1,
    n_top: int = N_TOP_PAIRS,
    min_overlap: int = MIN_OVERLAP,
) -> CorrelationReport:
    """Compute the tables of the correlation report.

    See docs/method/03-dependence.md#3.1, 3.2.

    Parameters
    ----------
    past_returns : (T, N)
        Physical simple returns as fractions; NaN for NULL.
    symbols : sequence of N str
        Names of the columns.
    directions : (N,)
        +1 for long, -1 for short.
    session_dates : sequence of T dates
        One per row.
    windows : sequence of int
        Lengths of the rolling windows in sessions.
    step_sessions : int
        Distance of the sessions with a rolling average, counted back from the last.
    n_top : int
        Pairs listed at each end.
    min_overlap : int
        Common sessions that a pair needs.

    Returns
    -------
    CorrelationReport

    Raises
    ------
    InputError
        As `pairwise_correlation`; fewer than two instruments; dates that do not match the rows; no pair with enough
        common sessions.
    ShortHistoryError
        Fewer than two sessions.

    Examples
    --------
    >>> from datetime import date, timedelta
    >>> import numpy as np
    >>> from analytics.estimation.correlation_report import correlation_report
    >>> returns = 0.01 * np.random.default_rng(0).normal(size=(40, 3))
    >>> dates = [date(2024, 1, 1) + timedelta(days=day) for day in range(40)]
    >>> report = correlation_report(returns, ["A", "B", "C"], [1, 1, -1], dates, windows=(20,))
    >>> report.summary.select("stream", "n_pairs").rows()
    [('physical', 3), ('held', 3)]
    >>> report.rolling["average_correlation"].null_count()
    19
    """
    panel = check_panel(past_returns, symbols, min_instruments=2)
    if len(session_dates) != panel.returns.shape[0]:
        raise InputError(f"{len(session_dates)} session dates given for {panel.returns.shape[0]} rows of returns.")
    physical = pairwise_correlation(panel.returns, min_overlap, names=panel.symbols)
    held = held_correlation(physical, directions)
    dense = exclude_sparse(physical, panel.symbols)
    block = np.ix_(dense.kept, dense.kept)
    physical, held = physical[block], held[block]
    names = [panel.symbols[column] for column in dense.kept]
    rolling = pl.concat(
        [
            _rolling_frame(
                session_dates,
                window,
                rolling_average_correlation(
                    panel.returns[:, dense.kept], window, step_sessions=step_sessions, min_overlap=min_overlap
                ),
                step_sessions,
            )
            for window in windows
        ]
    )
    summary = pl.DataFrame([_summary("physical", physical), _summary("held", held)])
    return CorrelationReport(
        rolling, top_pairs(physical, held, names, n_top), redundancy(held, names), summary, dense.excluded
    )


def rolling_average_correlation(
    past_returns: ArrayLike, window_sessions: int, *, step_sessions: int = 1, min_overlap: int = MIN_OVERLAP
) -> FloatVector:
    """Average the correlation over all pairs in the trailing window of each session, after checking the panel.

    See docs/method/03-dependence.md#3.1.

    Instruments that do not move in a window are left out of it.

    Parameters
    ----------
    past_returns : (T, N)
        Simple returns as fractions; NaN for NULL.
    window_sessions : int
        Sessions of each window, at least 2.
    step_sessions : int
        Distance of the computed sessions, counted back from the last.
    min_overlap : int
        Common sessions that a pair needs.

    Returns
    -------
    (T,)
        NaN until the window is full, between steps, and where no pair has `min_overlap` common sessions.

    Raises
    ------
    InputError
        Infinite returns, a window below two sessions or a step below one.
    ShortHistoryError
        Fewer than two sessions.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.estimation.correlation_report import rolling_average_correlation
    >>> returns = np.array([[0.01, 0.02], [-0.01, -0.02], [0.02, 0.04], [0.00, 0.01]])
    >>> rolling_average_correlation(returns, 3, min_overlap=3).round(3)
    array([  nan,   nan, 1.   , 0.982])
    """
    panel = check_panel(past_returns)
    if window_sessions < 2 or step_sessions < 1:
        raise InputError(
            f"A rolling window needs window_sessions >= 2 and step_sessions >= 1: {window_sessions}, {step_sessions}."
        )
    return rolling_mean_correlation(
        panel.returns, window_sessions, min_overlap=min_overlap, step_sessions=step_sessions
    )


def top_pairs(
    physical: FloatMatrix, held: FloatMatrix, symbols: Sequence[str], n_top: int = N_TOP_PAIRS
) -> pl.DataFrame:
    """List the pairs with the highest and with the lowest physical correlation, ties by name.

    See docs/method/03-dependence.md#3.1.

    Parameters
    ----------
    physical, held : (N, N)
        Correlations; NaN for unknown pairs, which are not listed.
    symbols : sequence of N str
        Names of the rows.
    n_top : int
        Pairs listed at each end.

    Returns
    -------
    polars.DataFrame
        Columns kind (`highest`, `lowest`), rank from 1, left, right, correlation, held_correlation.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.estimation.correlation_report import top_pairs
    >>> physical = np.array([[1.0, 0.9, 0.1], [0.9, 1.0, 0.4], [0.1, 0.4, 1.0]])
    >>> top_pairs(physical, physical, ["A", "B", "C"], n_top=1).rows()
    [('highest', 1, 'A', 'B', 0.9, 0.9), ('lowest', 1, 'A', 'C', 0.1, 0.1)]
    """
    order = np.argsort(np.asarray(symbols))
    upper = np.triu_indices(len(symbols), k=1)
    left, right = order[upper[0]], order[upper[1]]
    values = physical[left, right]
    known = np.isfinite(values)
    left, right, values = left[known], right[known], values[known]
    rows = []
    for kind, sign in (("highest", -1.0), ("lowest", 1.0)):
        for rank, pair in enumerate(np.argsort(sign * values, kind="stable")[:n_top], start=1):
            i, j = int(left[pair]), int(right[pair])
            rows.append((kind, rank, symbols[i], symbols[j], float(physical[i, j]), float(held[i, j])))
    schema = ["kind", "rank", "left", "right", "correlation", "held_correlation"]
    return pl.DataFrame(rows, schema=schema, orient="row")


def redundancy(held: FloatMatrix, symbols: Sequence[str], threshold: float = REDUNDANCY_THRESHOLD) -> pl.DataFrame:
    """Find for each instrument its most correlated position, and count the positions that it nearly repeats.

    See docs/method/03-dependence.md#3.2.

    Parameters
    ----------
    held : (N, N)
        Held correlations; NaN for unknown pairs.
    symbols : sequence of N str
        Names of the rows.
    threshold : float
        Held correlation from which two positions are redundant.

    Returns
    -------
    polars.DataFrame
        One row per instrument, by symbol: symbol, nearest, correlation (both null without a known pair), n_redundant,
        is_redundant.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.estimation.correlation_report import redundancy
    >>> held = np.array([[1.0, 0.95, 0.1], [0.95, 1.0, 0.4], [0.1, 0.4, 1.0]])
    >>> redundancy(held, ["A", "B", "C"]).rows()
    [('A', 'B', 0.95, 1, True), ('B', 'A', 0.95, 1, True), ('C', 'B', 0.4, 0, False)]
    """
    order = np.argsort(np.asarray(symbols))
    others = held[np.ix_(order, order)].copy()
    np.fill_diagonal(others, np.nan)
    known = np.where(np.isfinite(others), others, -np.inf)
    nearest, highest = known.argmax(axis=1), known.max(axis=1)
    counts = (known >= threshold).sum(axis=1)
    names = [symbols[index] for index in order]
    is_known = np.isfinite(highest)
    return pl.DataFrame(
        {
            "symbol": names,
            "nearest": [names[index] if has_pair else None for index, has_pair in zip(nearest, is_known, strict=True)],
            "correlation": [
                float(value) if has_pair else None for value, has_pair in zip(highest, is_known, strict=True)
            ],
            "n_redundant": counts,
            "is_redundant": counts > 0,
        },
        schema_overrides={"nearest": pl.String, "correlation": pl.Float64},
    )


def effective_number(correlation: FloatMatrix) -> float:
    """Compute the effective number of uncorrelated instruments: (sum of eigenvalues)^2 / sum of squared eigenvalues.

    See docs/method/03-dependence.md#3.1.

    No decomposition is needed: the numerator is N^2, the denominator the sum of squared entries.

    Parameters
    ----------
    correlation : (N, N)
        Unit diagonal; NaN for unknown pairs, which count as 0.

    Returns
    -------
    float
        From 1 (all move as one) to N (all pairs uncorrelated).

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.estimation.correlation_report import effective_number
    >>> effective_number(np.eye(4)), effective_number(np.ones((4, 4)))
    (4.0, 1.0)
    """
    known = np.where(np.isfinite(correlation), correlation, 0.0)
    return float(correlation.shape[0] ** 2 / np.vdot(known, known))


def _off_diagonal(correlation: FloatMatrix) -> FloatVector:
    values = correlation[np.triu_indices(correlation.shape[0], k=1)]
    return np.asarray(values[np.isfinite(values)], dtype=np.float64)


def _rolling_frame(dates: Sequence[date], window: int, averages: FloatVector, step: int) -> pl.DataFrame:
    rows = np.arange(len(dates) - 1, -1, -step)[::-1]
    return pl.DataFrame(
        {
            "session_date": [dates[row] for row in rows],
            "window_sessions": [window] * rows.size,
            "average_correlation": averages[rows],
        }
    ).with_columns(pl.col("average_correlation").fill_nan(None))


def _summary(kind: str, correlation: FloatMatrix) -> dict[str, str | int | float | None]:
    values = _off_diagonal(correlation)
    if not values.size:
        raise InputError("No pair of instruments has enough common sessions for a correlation; lengthen the window.")
    return {
        "stream": kind,
        "n_pairs": int(values.size),
        "mean": float(values.mean()),
        "median": float(np.median(values)),
        "minimum": float(values.min()),
        "maximum": float(values.max()),
        "share_above_half": float((values > 0.5).mean()),
        "effective_number": effective_number(correlation),
    }
