"""Choose the regime's weights and thresholds on data before 2016 and show what they say afterwards (quant.md 7.3).

    python -m scripts.calibrate_regime FOLDER [--report-only]

FOLDER holds `long_history.parquet` and `market.parquet`. The choice sees SPY 2006-2015 and simulated noise; the report
uses the settings frozen in `analytics.regime_settings`. Markdown goes to standard output.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby, product
from pathlib import Path

import numpy as np
import polars as pl
from numpy.lib.stride_tricks import sliding_window_view
from scipy.stats import rankdata

from analytics._typing import FloatMatrix, FloatVector
from analytics.regime import DEFAULT_SETTINGS, REGIMES, RegimeHistory, RegimeSettings, detect_regime
from analytics.regime_components import STREAM_COMPONENTS, average_correlation

LAST_CALIBRATION_DATE = date(2015, 12, 31)
AHEAD_SESSIONS = 21
TURBULENT_NOISE_SHARE, CRISIS_NOISE_SHARE = 0.038, 0.01
MIN_JUMP_SHARE = 0.955
# Differences of AUC below this are noise: among such equals the quickest to see a jump wins.
AUC_TOLERANCE = 0.005
WARM_UP_SESSIONS = 500
NAMES = tuple(STREAM_COMPONENTS)
PANICS = {
    "2018-02": (date(2018, 2, 5), date(2018, 2, 28)),
    "2018-12": (date(2018, 12, 1), date(2018, 12, 31)),
    "2020-03": (date(2020, 2, 24), date(2020, 3, 31)),
    "2022": (date(2022, 1, 3), date(2022, 12, 31)),
}
CALMS = {"2017": (date(2017, 1, 1), date(2017, 12, 31)), "2019-H2": (date(2019, 7, 1), date(2019, 12, 31))}
EARLIER = {
    "2008-H2": (date(2008, 9, 15), date(2008, 12, 31)),
    "2010-05": (date(2010, 5, 6), date(2010, 6, 30)),
    "2011-08": (date(2011, 8, 4), date(2011, 10, 31)),
    "2015-08": (date(2015, 8, 21), date(2015, 9, 30)),
}


@dataclass(frozen=True, slots=True)
class Stream:
    """A market stream: `dates` (T,), `returns` (T,)."""

    dates: list[date]
    returns: FloatVector


@dataclass(frozen=True, slots=True)
class Trials:
    """Percentiles of simulated streams: `noise` (trials, T, 5) and the ten sessions after a jump (trials, 10, 5).

    `jump` is judged by the stream's history, `early_jump` by the bootstrap.
    """

    noise: FloatMatrix
    jump: FloatMatrix
    early_jump: FloatMatrix


def spy_stream(folder: Path, *, spliced: bool) -> Stream:
    """SPY's returns: unadjusted from 2006 to 2021-03, or spliced with the adjusted ones from 2018 to 2026."""
    early = _closes(folder / "long_history.parquet", "close")
    if not spliced:
        return _returns(early)
    late = _returns(_closes(folder / "market.parquet", "adj_close"))
    head = _returns(early.filter(pl.col("date") <= late.dates[0]))
    kept = sum(day < late.dates[0] for day in head.dates)
    return Stream(head.dates[:kept] + late.dates, np.concatenate([head.returns[:kept], late.returns]))


def _closes(path: Path, column: str) -> pl.DataFrame:
    frame = pl.scan_parquet(path).filter(pl.col("symbol") == "SPY", pl.col("venue") == "US")
    return frame.select(pl.col("date").cast(pl.Date), price=pl.col(column)).sort("date").collect()


def _returns(closes: pl.DataFrame) -> Stream:
    prices = closes["price"].to_numpy()
    return Stream(closes["date"].to_list()[1:], prices[1:] / prices[:-1] - 1.0)


def large_cap_correlation(folder: Path, dates: list[date]) -> FloatVector:
    """Average correlation of the 20 large caps of 2010-2022, on the given dates; NaN where they have none."""
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


def percentiles_of(returns: FloatVector, rng: np.random.Generator) -> FloatMatrix:
    """(T, 5) percentiles of the stream's components, whatever the weights."""
    history = detect_regime(returns, settings=RegimeSettings(n_bootstrap=300), rng=rng)
    placed: FloatMatrix = np.stack([history.percentiles[name] for name in NAMES], axis=1)
    return placed


def simulate(seed: int, *, n_noise: int, n_jumps: int) -> Trials:
    """White noise, and white noise whose last ten sessions swing four times as wide."""
    rng = np.random.default_rng(seed)
    noise = [percentiles_of(0.01 * rng.standard_normal(1500), rng)[WARM_UP_SESSIONS:] for _ in range(n_noise)]
    late, early = (
        np.stack([_after_jump(int(rng.integers(*span)), rng) for _ in range(n_jumps)])
        for span in ((WARM_UP_SESSIONS, 1500), (110, WARM_UP_SESSIONS - 10))
    )
    return Trials(np.stack(noise), late, early)


def _after_jump(n_calm: int, rng: np.random.Generator) -> FloatMatrix:
    returns = 0.01 * rng.standard_normal(n_calm + 10)
    returns[-10:] *= 4.0
    return percentiles_of(returns, rng)[-10:]


def auc(values: FloatVector, is_positive: np.ndarray) -> float:
    """Probability that a positive stands above a negative; 0.5 is no information."""
    n_positive = int(is_positive.sum())
    above = rankdata(values)[is_positive].sum() - n_positive * (n_positive + 1) / 2
    return float(above / (n_positive * (values.size - n_positive)))


def labelled_thirds(stream: Stream, percentiles: FloatMatrix) -> list[tuple[FloatMatrix, np.ndarray]]:
    """Calibration sessions in thirds, each with its own most volatile fifth of following 21-session spans marked."""
    ahead = np.full(stream.returns.shape, np.nan)
    ahead[:-AHEAD_SESSIONS] = sliding_window_view(stream.returns, AHEAD_SESSIONS)[1:].std(axis=1, ddof=1)
    inside = np.array([day <= LAST_CALIBRATION_DATE for day in stream.dates])
    inside[max(np.flatnonzero(inside).max() - AHEAD_SESSIONS + 1, 0) :] = False
    usable = np.flatnonzero(inside & np.isfinite(ahead) & np.isfinite(percentiles).all(axis=1))
    return [(percentiles[part], ahead[part] > np.quantile(ahead[part], 0.8)) for part in np.array_split(usable, 3)]


def held(scores: FloatMatrix, confirm_sessions: int) -> FloatMatrix:
    """Highest score of the last `confirm_sessions`, which decides the state."""
    best: FloatMatrix = sliding_window_view(scores, confirm_sessions, axis=-1).max(axis=-1)
    return best


def candidates() -> Iterator[FloatVector]:
    """Weights on a grid of twentieths: the volatility ratio 0.4 or more (below, no threshold meets both bounds).

    The DWT has at least a twentieth, since quant.md 7.3 has a flag that takes its weight away.
    """
    grid = np.arange(0.0, 0.6, 0.05)
    for others in product(grid[1:], grid, grid, grid):
        rest = sum(others)
        if rest <= 0.6 + 1e-9:
            yield np.round(np.array([1.0 - rest, *others]), 2)


def search(
    thirds: list[tuple[FloatMatrix, np.ndarray]], trials: Trials
) -> list[tuple[float, float, int, float, FloatVector]]:
    """Admissible choices, best first: mean AUC, jump share, confirm_sessions, TURBULENT threshold, weights."""
    found = []
    for weights in candidates():
        noise = trials.noise @ weights
        jumps = [(jump @ weights).max(axis=1) for jump in (trials.jump, trials.early_jump)]
        if _seen(jumps, float(np.quantile(noise, 1.0 - TURBULENT_NOISE_SHARE))) < MIN_JUMP_SHARE:
            continue
        mean_auc = float(np.mean([auc(rows @ weights, positive) for rows, positive in thirds]))
        for confirm in (5, 3, 2):
            threshold = float(np.quantile(held(noise, confirm), 1.0 - TURBULENT_NOISE_SHARE))
            share = _seen(jumps, threshold)
            if share >= MIN_JUMP_SHARE:
                found.append((mean_auc, share, confirm, threshold, weights))
                break
    return sorted(found, key=lambda row: -row[0])


def _seen(jumps: list[FloatVector], threshold: float) -> float:
    """Share of jumps that reach the threshold, the worse of a long and a short past."""
    return min(float((best >= threshold).mean()) for best in jumps)


def calibrate(folder: Path, seed: int, out: list[str]) -> None:
    """Search, and say what was found."""
    stream = spy_stream(folder, spliced=False)
    cut = sum(day <= LAST_CALIBRATION_DATE for day in stream.dates)
    stream = Stream(stream.dates[:cut], stream.returns[:cut])
    percentiles = percentiles_of(stream.returns, np.random.default_rng(seed))
    thirds = labelled_thirds(stream, percentiles)
    trials = simulate(seed, n_noise=400, n_jumps=1000)
    out += [
        "## Components on SPY 2006-2015",
        "",
        "| component | AUC, thirds | mean | jump percentile |",
        "|---|---|---|---|",
    ]
    for column, name in enumerate(NAMES):
        values = [auc(rows[:, column], positive) for rows, positive in thirds]
        after = trials.jump[:, :, column].max(axis=1).mean()
        out.append(f"| {name} | {' '.join(f'{v:.2f}' for v in values)} | {np.mean(values):.3f} | {after:.2f} |")
    correlation_auc(folder, stream, percentiles, out)
    found = search(thirds, trials)
    out += ["", f"## Admissible weights: {len(found)}, best first", "", f"Order: {', '.join(NAMES)}", ""]
    out += [
        "| weights | AUC | jump | confirm | TURBULENT | CRISIS | SPY share >= TURBULENT |",
        "|---|---|---|---|---|---|---|",
    ]
    for mean_auc, share, confirm, threshold, weights in found[:15]:
        crisis = np.quantile(held(trials.noise @ weights, confirm), 1.0 - CRISIS_NOISE_SHARE)
        flagged = (held(percentiles[63:] @ weights, confirm) >= threshold).mean()
        row = [" ".join(f"{w:.2f}" for w in weights), f"{mean_auc:.3f}", f"{share:.3f}", str(confirm)]
        out.append(f"| {' | '.join([*row, f'{threshold:.3f}', f'{crisis:.3f}', f'{flagged:.3f}'])} |")
    equals = [row for row in found if row[0] >= found[0][0] - AUC_TOLERANCE]
    best = max(equals, key=lambda row: row[1])[4]
    out += ["", f"Chosen among {len(equals)} equals by the jump: {' '.join(f'{weight:.2f}' for weight in best)}"]
    scores = np.concatenate([rows @ best for rows, _ in thirds])
    positive = np.concatenate([marks for _, marks in thirds])
    out += [
        "",
        "Share of volatile spans ahead by score of the chosen row:",
        "",
        "| score | sessions | share |",
        "|---|---|---|",
    ]
    for low in np.arange(0.0, 1.0, 0.1):
        inside = (scores >= low) & (scores < low + 0.1)
        if inside.any():
            out.append(f"| {low:.1f}-{low + 0.1:.1f} | {inside.sum()} | {positive[inside].mean():.2f} |")


def correlation_auc(folder: Path, stream: Stream, percentiles: FloatMatrix, out: list[str]) -> None:
    """What the pool's average correlation knows, on the sessions to 2015 that have it."""
    history = detect_regime(
        stream.returns,
        past_average_correlation=large_cap_correlation(folder, stream.dates),
        settings=RegimeSettings(n_bootstrap=100),
        rng=np.random.default_rng(0),
    )
    with_it = np.column_stack([percentiles, history.percentiles["average_correlation"]])
    first = int(np.flatnonzero(np.isfinite(with_it[:, -1]))[0])
    thirds = labelled_thirds(stream, with_it)
    values = [auc(rows[:, -1], positive) for rows, positive in thirds]
    span = f"from {stream.dates[first]}"
    out.append(f"| average_correlation ({span}) | {' '.join(f'{v:.2f}' for v in values)} | {np.mean(values):.3f} | - |")


def report(name: str, stream: Stream, history: RegimeHistory, out: list[str]) -> None:
    """Shares by year and by known episode, and the dates on which alarms begin and end."""
    rows = pl.DataFrame({"day": stream.dates, "regime": history.regimes}).drop_nulls()
    out += [
        "",
        f"## {name}: {rows['day'][0]} to {rows['day'][-1]}",
        "",
        f"| span | {' | '.join(REGIMES)} |",
        "|---" * 5 + "|",
    ]
    years = {str(year): (date(year, 1, 1), date(year, 12, 31)) for year in sorted(set(rows["day"].dt.year()))}
    for label, (first, last) in {
        "all": (rows["day"][0], rows["day"][-1]),
        **years,
        **EARLIER,
        **PANICS,
        **CALMS,
    }.items():
        part = rows.filter(pl.col("day").is_between(first, last))["regime"]
        if part.len():
            out.append(f"| {label} | {' | '.join(f'{(part == state).sum() / part.len():.2f}' for state in REGIMES)} |")
    out += ["", "Alarms from 2016 (first session, last session, worst state):", ""]
    for is_alarm, group in groupby(rows.rows(), key=lambda row: row[1] in REGIMES[2:]):
        sessions = list(group)
        if is_alarm and sessions[-1][0].year >= 2016:
            worst = max((state for _, state in sessions), key=REGIMES.index)
            out.append(f"- {sessions[0][0]} to {sessions[-1][0]}: {worst}, {len(sessions)} sessions")


def main(argv: list[str]) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, help="folder with long_history.parquet and market.parquet")
    parser.add_argument("--seed", type=int, default=20151231)
    parser.add_argument("--report-only", action="store_true", help="leave the search out")
    chosen = parser.parse_args(argv)
    out: list[str] = ["# Regime calibration", ""]
    if not chosen.report_only:
        calibrate(chosen.folder, chosen.seed, out)
    out += ["", f"Frozen settings: {DEFAULT_SETTINGS.as_dict()}"]
    for name, spliced in (("SPY, unadjusted", False), ("SPY, adjusted from 2018", True)):
        stream = spy_stream(chosen.folder, spliced=spliced)
        report(name, stream, detect_regime(stream.returns, rng=np.random.default_rng(chosen.seed)), out)
        if spliced:
            correlation = large_cap_correlation(chosen.folder, stream.dates)
            cut = int(np.flatnonzero(np.isfinite(correlation)).max()) + 1
            short = Stream(stream.dates[:cut], stream.returns[:cut])
            history = detect_regime(
                short.returns,
                past_average_correlation=correlation[:cut],
                rng=np.random.default_rng(chosen.seed),
            )
            report(f"{name}, with the average correlation of 20 large caps", short, history, out)
    sys.stdout.write("\n".join(out) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
