"""What the correlations of a universe look like: through time, pair by pair, and as held.

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
    """The tables of the correlation report.

    Attributes
    ----------
    rolling
        session_date, window_sessions, average_correlation of physical streams (null until the window is full).
    top_pairs
        kind (`highest`, `lowest`), rank, left, right, correlation (physical), held_correlation.
    redundancy
        symbol, nearest, correlation (held, with the nearest), n_redundant (held pairs from 0.9 up), is_redundant.
    summary
        stream (`physical`, `held`), n_pairs, mean, median, minimum, maximum, share_above_half, effective_number.
    excluded
        Instruments with more than half of their pairs unknown and the reason (docs/method/03-dependence.md#3.1); no
        table holds them.
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
    """Tables of the correlation report.

    Parameters
    ----------
    past_returns : (T, N)
        Physical simple returns; NaN for NULL.
    directions : (N,)
        +1 or -1.
    session_dates
        One per row.
    step_sessions
        Every how many sessions, counted back from the last, the rolling averages are taken.

    Raises
    ------
    InputError
        As `pairwise_correlation`; fewer than two instruments; dates that do not match the rows.
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
    """Mean pairwise correlation in the trailing window of each session.

    Instruments that do not move in a window take no part in it.

    Parameters
    ----------
    past_returns : (T, N)
        NaN for NULL.

    Returns
    -------
    (T,)
        NaN until the window is full, between steps, and where no pair has `min_overlap` common sessions.
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
    """The known pairs with the highest and with the lowest physical correlation, ties by the names."""
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
    """For each instrument the one it moves with most, and how many it nearly repeats."""
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
    """How many unrelated streams would spread the variance as these do: (sum of eigenvalues)^2 / sum of their squares.

    Unknown pairs count as 0. Needs no decomposition: the numerator is N^2, the denominator the sum of squared entries.
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


def _summary(stream: str, correlation: FloatMatrix) -> dict[str, str | int | float | None]:
    values = _off_diagonal(correlation)
    if not values.size:
        raise InputError("No pair of instruments has enough common sessions for a correlation; lengthen the window.")
    return {
        "stream": stream,
        "n_pairs": int(values.size),
        "mean": float(values.mean()),
        "median": float(np.median(values)),
        "minimum": float(values.min()),
        "maximum": float(values.max()),
        "share_above_half": float((values > 0.5).mean()),
        "effective_number": effective_number(correlation),
    }
