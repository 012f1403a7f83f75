"""Compute performance metrics of stitched out-of-sample series, for many portfolios at once.

See docs/method/09-tournament.md#9.5.

Metrics are computed on the stitched series only; annualised windows are never averaged. Nothing is clipped: an
undefined figure is NaN with its reason, and an invalid return raises an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from analytics._typing import BoolVector, FloatMatrix, FloatVector
from analytics.errors import InputError, ShortHistoryError

# Portfolios per block: few enough that a block and its temporaries fit in the processor's cache.
BLOCK_PORTFOLIOS = 32
TAIL = 0.05

SERIES_METRICS = (
    "total_return",
    "cagr",
    "volatility_annual",
    "sharpe",
    "sortino",
    "calmar",
    "omega",
    "max_drawdown",
    "max_drawdown_sessions",
    "var95",
    "cvar95",
    "skew",
    "kurtosis",
    "hit_rate",
)
RELATIVE_METRICS = ("beta", "alpha", "tracking_error", "information_ratio")
TRADING_METRICS = ("turnover_annual", "cost_drag")

_NO_VARIANCE = "the series is constant"
_NO_LOSS = "no session lost, so there is nothing to divide by"
_NO_DRAWDOWN = "there was no drawdown to divide by"
_NO_BENCHMARK_VARIANCE = "the benchmark is constant"
_NO_ACTIVE_VARIANCE = "the series differs from the benchmark by a constant"


@dataclass(slots=True, eq=False)
class MetricTable:
    """Figures of P portfolios by name, with the reason wherever one is NaN.

    Examples
    --------
    >>> table = MetricTable(2)
    >>> table.put("calmar", np.array([1.5, 0.0]), np.array([False, True]), "no drawdown")
    >>> table.values["calmar"], table.reason("calmar", 0), table.reason("calmar", 1)
    (array([1.5, nan]), None, 'no drawdown')
    """

    n_portfolios: int
    values: dict[str, FloatVector] = field(default_factory=dict)
    _reasons: dict[str, list[tuple[BoolVector, str]]] = field(default_factory=dict)

    def put(self, name: str, value: FloatVector, undefined: BoolVector | None = None, reason: str = "") -> None:
        """Store a figure (P,); it becomes NaN, for the given reason, wherever `undefined` (P,) holds."""
        if undefined is not None and undefined.any():
            value = np.where(undefined, np.nan, value)
            self._reasons.setdefault(name, []).append((undefined, reason))
        self.values[name] = value

    def reason(self, name: str, portfolio: int) -> str | None:
        """Return the reason for a NaN; None where the figure is defined."""
        found = [reason for mask, reason in self._reasons.get(name, []) if mask[portfolio]]
        return found[0] if found else None


def compute_metrics(
    returns: FloatMatrix,
    *,
    periods_per_year: int,
    risk_free_annual: float = 0.0,
    benchmark_returns: FloatVector | None = None,
    turnover: FloatMatrix | None = None,
    costs: FloatMatrix | None = None,
    names: Sequence[str] | None = None,
) -> MetricTable:
    """Compute all metrics of a return series: performance, risk, relative to a benchmark, and trading.

    See docs/method/09-tournament.md#9.5.

    With m the mean, s the deviation (ddof 1), A = `periods_per_year`, f = `risk_free_annual` / A and e = r - f:
    total_return prod(1 + r) - 1; cagr (1 + total_return)^(A/T) - 1; volatility_annual s sqrt(A);
    sharpe mean(e)/s sqrt(A); sortino mean(e)/sqrt(mean(min(e, 0)^2)) sqrt(A), the mean over all T;
    calmar cagr/max_drawdown; omega sum max(e, 0)/sum max(-e, 0);
    max_drawdown the largest fall from a peak of compounded wealth, the start counted as a peak (a positive fraction);
    max_drawdown_sessions the length of that drawdown, from its peak to the session that regains it, or to the end;
    var95 minus the 5 % quantile (linear); cvar95 minus the mean at or below it; skew and kurtosis the adjusted
    Fisher-Pearson figures, kurtosis in excess of the normal's; hit_rate the share of all sessions with r > 0;
    beta cov(r, b)/var(b); alpha A (mean(e) - beta mean(b - f)); tracking_error std(r - b) sqrt(A);
    information_ratio A mean(r - b)/tracking_error; turnover_annual and cost_drag A times the mean of a session.

    Parameters
    ----------
    returns : (T, P)
        Stitched simple returns of P portfolios, fractions; no NaN.
    periods_per_year : int
        A; 252 on the business grid, 365 on the 24/7 grid.
    risk_free_annual : float
        A fraction.
    benchmark_returns : (T,), optional
        Of the same sessions, 0 where the benchmark had no session; without it the four relative figures are absent.
    turnover, costs : (T, P), optional
        Half the traded fraction of wealth, and costs as a fraction of wealth; without them the figure is absent.
    names : P names, optional
        Used in messages.

    Returns
    -------
    MetricTable

    Raises
    ------
    InputError
        When a return is NaN, infinite or below -1, or when shapes disagree.
    ShortHistoryError
        When there are fewer than two sessions.

    Examples
    --------
    >>> returns = np.array([[0.01], [-0.02], [0.03], [0.00]])
    >>> table = compute_metrics(returns, periods_per_year=252)
    >>> [round(float(table.values[name][0]), 4) for name in ("total_return", "sharpe", "max_drawdown", "hit_rate")]
    [0.0195, 3.8129, 0.02, 0.5]
    """
    _check(returns, names)
    table = MetricTable(returns.shape[1])
    n_sessions = returns.shape[0]
    risk_free = risk_free_annual / periods_per_year
    blocks = [
        _block_figures(
            np.ascontiguousarray(returns[:, start : start + BLOCK_PORTFOLIOS].T), periods_per_year, risk_free
        )
        for start in range(0, returns.shape[1], BLOCK_PORTFOLIOS)
    ]
    figures = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    _put_series(table, figures, n_sessions)
    if benchmark_returns is not None:
        _put_relative(table, returns, benchmark_returns, periods_per_year, risk_free)
    for name, fractions in (("turnover_annual", turnover), ("cost_drag", costs)):
        if fractions is not None:
            if fractions.shape != returns.shape:
                raise InputError(f"{name}: shape {fractions.shape} beside returns of shape {returns.shape}")
            table.put(name, fractions.mean(axis=0) * periods_per_year)
    return table


def _check(returns: FloatMatrix, names: Sequence[str] | None) -> None:
    if returns.ndim != 2 or returns.shape[1] == 0:
        raise InputError(f"returns must be (T, P) with at least one portfolio, not {returns.shape}")
    if returns.shape[0] < 2:
        raise ShortHistoryError(f"metrics need at least 2 sessions, the series has {returns.shape[0]}")
    # One pass: NaN fails both comparisons.
    if not (returns.min() >= -1.0 and returns.max() < np.inf):
        session, column = np.argwhere(~((returns >= -1.0) & (returns < np.inf)))[0]
        name = names[column] if names is not None else f"portfolio {column}"
        raise InputError(
            f"{name} returns {returns[session, column]} at session {session}; a return is a finite number >= -1"
        )


def _block_figures(block: FloatMatrix, periods_per_year: int, risk_free: float) -> dict[str, FloatVector]:
    """Figures of a (p, T) block, and the masks of the undefined ones."""
    n = block.shape[1]
    mean = block.mean(axis=1)
    centred = block - mean[:, None]
    squares = centred * centred
    second = squares.sum(axis=1)
    third = np.einsum("pt,pt->p", squares, centred)
    fourth = np.einsum("pt,pt->p", squares, squares)
    # The variance of a constant series is not exactly 0 because of rounding; its range is.
    is_constant = block.min(axis=1) == block.max(axis=1)
    deviation = np.where(is_constant, 0.0, np.sqrt(second / (n - 1)))
    excess = mean - risk_free
    losses = np.minimum(block - risk_free if risk_free else block, 0.0)
    loss_sum = -losses.sum(axis=1)
    downside = np.sqrt(np.einsum("pt,pt->p", losses, losses) / n)
    wealth: FloatMatrix = np.cumprod(1.0 + block, axis=1, dtype=np.float64)
    total = wealth[:, -1] - 1.0
    drawdown, length = _drawdowns(wealth)
    var, cvar = _tail(block)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = second / n
        skew = (third / n) / variance**1.5 * (np.sqrt(n * (n - 1)) / (n - 2) if n > 2 else np.nan)
        raw = (fourth / n) / variance**2 - 3.0
        kurtosis = (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * raw + 6.0) if n > 3 else np.full(mean.shape, np.nan)
        cagr = (1.0 + total) ** (periods_per_year / n) - 1.0
        root = np.sqrt(periods_per_year)
        return {
            "total_return": total,
            "cagr": cagr,
            "volatility_annual": deviation * root,
            "sharpe": excess / deviation * root,
            "sortino": excess / downside * root,
            "calmar": cagr / drawdown,
            "omega": (excess * n + loss_sum) / loss_sum,
            "max_drawdown": drawdown,
            "max_drawdown_sessions": length,
            "var95": var,
            "cvar95": cvar,
            "skew": skew,
            "kurtosis": kurtosis,
            "hit_rate": np.count_nonzero(block > 0.0, axis=1) / n,
            "is_constant": is_constant.astype(np.float64),
            "has_no_loss": (loss_sum == 0.0).astype(np.float64),
        }


def _drawdowns(wealth: FloatMatrix) -> tuple[FloatVector, FloatVector]:
    """Depth and length in sessions of each row's deepest drawdown; the starting wealth 1 is the first peak."""
    peaks = np.maximum(np.maximum.accumulate(wealth, axis=1), 1.0)
    depth = 1.0 - wealth / peaks
    troughs = depth.argmax(axis=1)
    rows = np.arange(wealth.shape[0])
    lengths = np.zeros(wealth.shape[0])
    for row, trough in enumerate(troughs):
        if depth[row, trough] <= 0.0:
            continue
        at_peak = depth[row] <= 0.0
        earlier = np.flatnonzero(at_peak[:trough])
        later = np.flatnonzero(at_peak[trough:])
        peak = earlier[-1] if earlier.size else -1
        regained = trough + later[0] if later.size else wealth.shape[1] - 1
        lengths[row] = regained - peak
    return depth[rows, troughs], lengths


def _tail(block: FloatMatrix) -> tuple[FloatVector, FloatVector]:
    """VaR95 and CVaR95 of each row (docs/method/06-risk.md#6.1), by partial sorting."""
    position = TAIL * (block.shape[1] - 1)
    low = int(position)
    ordered = np.partition(block, (low, low + 1), axis=1)
    quantile = ordered[:, low] + (position - low) * (ordered[:, low + 1] - ordered[:, low])
    is_tail = block <= quantile[:, None]
    tail_sum = np.einsum("pt,pt->p", block, is_tail.astype(np.float64))
    return -quantile, -tail_sum / np.count_nonzero(is_tail, axis=1)


def _put_series(table: MetricTable, figures: dict[str, FloatVector], n_sessions: int) -> None:
    is_constant = figures.pop("is_constant") > 0.0
    has_no_loss = figures.pop("has_no_loss") > 0.0
    everywhere = np.ones(table.n_portfolios, dtype=np.bool_)
    undefined = {
        "sharpe": (is_constant, _NO_VARIANCE),
        "sortino": (has_no_loss, _NO_LOSS),
        "omega": (has_no_loss, _NO_LOSS),
        "calmar": (figures["max_drawdown"] == 0.0, _NO_DRAWDOWN),
        "skew": (is_constant, _NO_VARIANCE),
        "kurtosis": (is_constant, _NO_VARIANCE),
    }
    for name, needed in (("skew", 3), ("kurtosis", 4)):
        if n_sessions < needed:
            undefined[name] = (everywhere, f"{name} needs {needed} sessions, the series has {n_sessions}")
    for name in SERIES_METRICS:
        mask, reason = undefined.get(name, (None, ""))
        table.put(name, figures[name], mask, reason)


def _put_relative(
    table: MetricTable, returns: FloatMatrix, benchmark: FloatVector, periods_per_year: int, risk_free: float
) -> None:
    if benchmark.shape != returns.shape[:1] or not np.isfinite(benchmark).all():
        raise InputError(f"the benchmark must be {returns.shape[0]} finite returns, not of shape {benchmark.shape}")
    is_flat = np.full(table.n_portfolios, benchmark.min() == benchmark.max())
    deviation = benchmark - benchmark.mean()
    active = returns - benchmark[:, None]
    is_parallel = active.min(axis=0) == active.max(axis=0)
    error = np.where(is_parallel, 0.0, active.std(axis=0, ddof=1)) * np.sqrt(periods_per_year)
    with np.errstate(divide="ignore", invalid="ignore"):
        beta = deviation @ returns / (deviation @ deviation)
        alpha = periods_per_year * (returns.mean(axis=0) - risk_free - beta * (benchmark.mean() - risk_free))
        table.put("beta", beta, is_flat, _NO_BENCHMARK_VARIANCE)
        table.put("alpha", alpha, is_flat, _NO_BENCHMARK_VARIANCE)
        table.put("tracking_error", error)
        ratio = active.mean(axis=0) * periods_per_year / error
        table.put("information_ratio", ratio, is_parallel, _NO_ACTIVE_VARIANCE)
