"""Compare covariance estimators out of sample: `python -m benchmarks.covariance [--market PATH] [--held-out]`.

At every decision session each estimator sees the window before it; the long-only minimum variance portfolio of its
covariance is held over the following sessions. The better the estimate, the lower the volatility of what was held. The
bias statistic is the mean of realised over predicted volatility: above 1 an estimator predicts too little.

Decisions are taken before 2022, so that the choice of a default can be tested once on the sessions after: `--held-out`
prints those. Without `--market` a simulated market takes the place of real data, which shows nothing but that it runs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from analytics._typing import FloatMatrix, FloatVector
from analytics.allocation import RiskProblem, solve
from analytics.estimation.covariance import CovarianceMethod, estimate_covariance
from analytics.estimation.shrinkage import ShrinkageTarget
from benchmarks.inputs import PERIODS_PER_YEAR, simulate

HELD_OUT = date(2022, 1, 1)
WINDOWS = (120, 250, 500)
STEP = 42
CAP = 0.10
HALFLIFE = 60.0
N_STREAMS = 24
#: Equities of a pool at most, every k-th by name; with the other classes that is what a run selects.
N_EQUITIES = 80
#: Venues of reference rates and of composites of coins that also have a spot pair.
LEFT_OUT = ("ECB", "YAHOO_CCC")
#: Sessions without a return that a series may have in a window; they count as 0.
MOST_MISSING = 0.03
ESTIMATORS: dict[str, tuple[CovarianceMethod, ShrinkageTarget]] = {
    "sample": ("sample", "identity"),
    "ledoit_wolf, constant correlation": ("ledoit_wolf", "constant_correlation"),
    "ledoit_wolf, identity": ("ledoit_wolf", "identity"),
    "ledoit_wolf, single factor": ("ledoit_wolf", "single_factor"),
    "qis": ("qis", "identity"),
    "rie": ("rie", "identity"),
    "denoised": ("denoised", "identity"),
    "ewma": ("ewma", "identity"),
    "ewma_qis": ("ewma_qis", "identity"),
}
#: Asset classes of a pool; the last pool holds the streams of its clusters, as the allocation does.
POOLS: dict[str, tuple[str, ...]] = {
    "equities": ("equity",),
    "equities and ETFs": ("equity", "etf"),
    "all classes": ("equity", "etf", "crypto", "forex"),
    "clusters of all classes": ("equity", "etf", "crypto", "forex"),
}


@dataclass(frozen=True, slots=True)
class Panel:
    """Returns of one market.

    Attributes
    ----------
    sessions : (T,)
        Dates of the rows.
    returns : (T, N)
        Simple returns as fractions; NaN where there is none.
    asset_classes : tuple of N str
    """

    sessions: tuple[date, ...]
    returns: FloatMatrix
    asset_classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """Out-of-sample figures of one estimator in one pool and window; `n` is the mean number of series."""

    pool: str
    window: int
    estimator: str
    n: float
    decisions: int
    volatility_annual: float
    bias: float


def read_market(path: Path) -> Panel:
    """Read daily closes into returns on the sessions of the equities.

    Parameters
    ----------
    path : Path
        Parquet file with the columns symbol, venue, asset_class, date, close, adj_close. Adjusted closes are used where
        there are any. Reference rates and indices are left out, and of a coin only its spot pair is kept.

    Returns
    -------
    Panel
    """
    bars = pl.read_parquet(path).with_columns(pl.col("date").cast(pl.Date))
    bars = bars.filter(pl.col("asset_class").is_in(POOLS["all classes"]) & ~pl.col("venue").is_in(LEFT_OUT))
    prices = bars.with_columns(price=pl.coalesce("adj_close", "close"), name=pl.format("{}:{}", "venue", "symbol"))
    wide = prices.pivot("name", index="date", values="price").sort("date")
    grid = prices.filter(pl.col("asset_class") == "equity").group_by("date").agg(pl.col("name").n_unique())
    open_dates = grid.filter(pl.col("name") > pl.col("name").max() // 4)["date"]
    # A coin or currency trades on days that are no sessions; its price at a session is the last one known, for 5 days.
    wide = wide.with_columns(pl.all().exclude("date").forward_fill(limit=5)).filter(
        pl.col("date").is_in(open_dates.implode())
    )
    names = [name for name in wide.columns if name != "date"]
    classes = dict(prices.select("name", "asset_class").unique("name").iter_rows())
    returns = wide.select(pl.col(names) / pl.col(names).shift(1) - 1.0).to_numpy()[1:]
    sessions = tuple(wide["date"][1:])
    return Panel(sessions, np.asarray(returns, dtype=np.float64), tuple(classes[name] for name in names))


def simulated_market() -> Panel:
    """Simulate 60 series over 900 sessions, a third of which count as another class each."""
    market = simulate(60, 900)
    classes = ("equity", "etf", "forex") * 20
    scale = np.array([{"equity": 1.0, "etf": 0.7, "forex": 0.3}[name] for name in classes])
    sessions = tuple(date(2019, 12, 1) + timedelta(days=row) for row in range(900))
    return Panel(sessions, market.returns * scale, classes)


def streams_of(past_returns: FloatMatrix) -> FloatMatrix:
    """Equal parts (N, K) of the clusters of the past, by Ward on the distance of correlations."""
    correlation = np.clip(np.corrcoef(past_returns.T), -1.0, 1.0)
    distance = np.sqrt((1.0 - correlation) / 2.0)
    np.fill_diagonal(distance, 0.0)
    labels = fcluster(linkage(squareform(distance, checks=False), "ward"), N_STREAMS, "maxclust")
    members = (labels[:, None] == np.unique(labels)[None, :]).astype(np.float64)
    return members / members.sum(axis=0)


def decisions(panel: Panel, window: int, *, held_out: bool) -> Iterator[int]:
    """Rows at which a portfolio is made from the rows before, and held over the next `STEP`."""
    for row in range(window, len(panel.sessions) - STEP + 1, STEP):
        last = panel.sessions[row + STEP - 1]
        if (panel.sessions[row] >= HELD_OUT) if held_out else (last < HELD_OUT):
            yield row


def window_at(panel: Panel, pool: str, window: int, row: int) -> tuple[FloatMatrix, FloatMatrix]:
    """Past (window, N) and next (STEP, N) returns of the series that are known in the window and still trade."""
    inside = np.isin(panel.asset_classes, POOLS[pool])
    past, following = panel.returns[row - window : row], panel.returns[row : row + STEP]
    known = np.isfinite(past).mean(axis=0) >= 1.0 - MOST_MISSING
    keep = inside & known & (np.nanstd(np.where(known, past, 0.0), axis=0) > 1e-6)
    equities = np.flatnonzero(keep & (np.array(panel.asset_classes) == "equity"))
    keep[np.delete(equities, np.s_[:: -(-equities.size // N_EQUITIES) or 1])] = False
    past, following = np.nan_to_num(past[:, keep]), np.nan_to_num(following[:, keep])
    if pool.startswith("clusters"):
        blend = streams_of(past)
        return past @ blend, following @ blend
    return past, following


def evaluate(panel: Panel, pool: str, window: int, *, held_out: bool) -> Iterator[Score]:
    """Score every estimator in one pool and window."""
    held: dict[str, list[FloatVector]] = {name: [] for name in ESTIMATORS}
    ratios: dict[str, list[float]] = {name: [] for name in ESTIMATORS}
    counts = []
    for row in decisions(panel, window, held_out=held_out):
        past, following = window_at(panel, pool, window, row)
        count = past.shape[1]
        counts.append(count)
        for name, (method, target) in ESTIMATORS.items():
            estimate = estimate_covariance(
                past, periods_per_year=PERIODS_PER_YEAR, method=method, target=target, halflife_sessions=HALFLIFE
            )
            upper = np.full(count, min(1.0, max(CAP, 2.0 / count)))
            weights = solve(RiskProblem("min_variance", estimate.matrix, upper)).weights
            earned = following @ weights
            predicted = float(np.sqrt(weights @ estimate.matrix @ weights))
            held[name].append(earned)
            ratios[name].append(float(np.sqrt((earned**2).mean() * PERIODS_PER_YEAR)) / predicted)
    for name in ESTIMATORS:
        if held[name]:
            volatility = float(np.concatenate(held[name]).std(ddof=1) * np.sqrt(PERIODS_PER_YEAR))
            mean_count, bias = float(np.mean(counts)), float(np.mean(ratios[name]))
            yield Score(pool, window, name, mean_count, len(counts), volatility, bias)


def table(scores: Sequence[Score]) -> str:
    """Set the scores as two tables in Markdown, volatility and bias by pool and window, and the mean excess of each.

    The excess is volatility over the least one of its pool and window, less 1.
    """
    cells = list(dict.fromkeys((score.pool, score.window) for score in scores))
    found = {(score.pool, score.window, score.estimator): score for score in scores}
    heads = [f"{pool}, {window}" for pool, window in cells]
    lines = [
        "Volatility out of sample, % a year",
        "",
        _row("estimator", *heads, "mean excess, %"),
        _rule(len(cells) + 2),
    ]
    least = {cell: min(found[*cell, name].volatility_annual for name in ESTIMATORS) for cell in cells}
    for name in ESTIMATORS:
        figures = [found[*cell, name].volatility_annual for cell in cells]
        excess = np.mean([figure / least[cell] - 1.0 for figure, cell in zip(figures, cells, strict=True)])
        lines.append(_row(name, *(f"{100.0 * figure:.2f}" for figure in figures), f"{100.0 * excess:.1f}"))
    lines += [
        "",
        "Bias: mean of realised over predicted volatility",
        "",
        _row("estimator", *heads),
        _rule(len(cells) + 1),
    ]
    lines += [_row(name, *(_bias(found[*cell, name].bias) for cell in cells)) for name in ESTIMATORS]
    sizes = [found[*cell, "sample"] for cell in cells]
    sizes_line = _row("series, decisions", *(f"{score.n:.0f}, {score.decisions}" for score in sizes))
    return "\n".join([*lines, sizes_line])


def _bias(bias: float) -> str:
    """Set a bias; a singular covariance predicts hardly any volatility."""
    return f"{bias:.2f}" if bias < 100.0 else "> 100"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _rule(count: int) -> str:
    return f"|{'---|' * count}"


def main(arguments: Sequence[str]) -> int:
    """Print the tables; progress goes to stderr."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.covariance", description=__doc__)
    parser.add_argument("--market", type=Path, help="Parquet file of daily bars")
    parser.add_argument("--held-out", action="store_true", help="decisions from 2022 on, in place of those before")
    options = parser.parse_args(arguments)
    panel = simulated_market() if options.market is None else read_market(options.market)
    scores: list[Score] = []
    for pool in POOLS:
        for window in WINDOWS:
            scores += evaluate(panel, pool, window, held_out=options.held_out)
            print(f"{pool}, {window} sessions", file=sys.stderr, flush=True)
    if not scores:
        print("no decision has its window and the sessions after it in this market", file=sys.stderr)
        return 1
    print(table(scores))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
