"""Choose the regime's weights and thresholds on data before 2016 and show what they say afterwards.

See docs/method/07-regime.md#7.3.

    python -m scripts.calibrate_regime FOLDER [--trials N] [--skip search bounds]

FOLDER holds `long_history.parquet` and `market.parquet`. The search sees SPY 2006-2015, large caps 2010-2015 and
simulated noise; the bounds and the report use the settings frozen in `analytics.settings`, the bounds with noise
that the search has not seen. Markdown goes to standard output.
"""

from __future__ import annotations

import argparse
import sys
from bisect import bisect_left, bisect_right
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
from analytics.regime.components import COMPONENTS, STREAM_COMPONENTS, average_correlation
from analytics.regime.detection import RegimeHistory, detect_regime
from analytics.settings import REGIMES, Flags, RegimeSettings

SETTINGS = RegimeSettings()
LAST_CALIBRATION_DATE = date(2015, 12, 31)
AHEAD_SESSIONS = 21
# Margins: the bounds are 5 % and 95 %, and both must hold at every length of the past.
TURBULENT_NOISE_SHARE, CRISIS_NOISE_SHARE = 0.042, 0.01
MIN_JUMP_SHARE = 0.955
# Choices this near to the most alarms in the panics are equal: among them the best AUC wins.
PANIC_TOLERANCE = 0.015
PAST_SESSIONS = (120, 200, 260, 300, 400, 500, 756, 1000, 1500)
POOL_SIZE = 20
JUMP_SESSIONS = 10
CONFIRM_SESSIONS = (2, 3, 5)
MAX_CONFIRM = max(CONFIRM_SESSIONS)
# Weights come in fortieths.
STEP = 0.025
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
class Known:
    """What the search sees of the market, as percentiles of all components.

    `thirds` are those of the calibration years with their volatile sessions marked, `panics` the four to 2015, each with
    the sessions just before it.
    """

    thirds: list[tuple[FloatMatrix, np.ndarray]]
    panics: list[FloatMatrix]


@dataclass(frozen=True, slots=True)
class Choice:
    """Weights of COMPONENTS and what they give: thresholds, worst shares of jumps over the lengths, alarms in panics."""

    weights: FloatVector
    confirm_sessions: int
    turbulent: float
    crisis: float
    jump: float
    jump_with_correlation: float
    panic: float
    auc: float


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


def percentiles_of(history: RegimeHistory) -> FloatMatrix:
    """(T, 6) percentiles of all components, whatever their weights."""
    placed: FloatMatrix = np.stack([history.percentiles[name] for name in COMPONENTS], axis=1)
    return placed


def simulate(past_sessions: int, seed: int, *, n_trials: int, n_bootstrap: int = 2000) -> FloatMatrix:
    """Percentiles of a pool of independent noise, ten sessions before and ten after its volatility jumps fourfold.

    The stream is the pool's mean, so white noise too; without the last column it is a stream that has no pool.

    Returns
    -------
    (n_trials, 20, 6)
        The first ten sessions know nothing of the jump.
    """
    rng = np.random.default_rng([seed, past_sessions])
    out = np.empty((n_trials, 2 * JUMP_SESSIONS, len(COMPONENTS)))
    for trial in range(n_trials):
        pool = 0.01 * rng.standard_normal((past_sessions + JUMP_SESSIONS, POOL_SIZE))
        pool[past_sessions:] *= 4.0
        history = detect_regime(
            pool.mean(axis=1),
            past_average_correlation=average_correlation(pool),
            settings=SETTINGS,
            flags=Flags(),
            rng=rng,
            n_bootstrap=n_bootstrap,
            first_judged=past_sessions - JUMP_SESSIONS,
        )
        out[trial] = percentiles_of(history)[-2 * JUMP_SESSIONS :]
    return out


def scored(percentiles: FloatMatrix, weights: FloatVector) -> FloatMatrix:
    """Weighted mean of the last axis; what is unknown takes no part."""
    known = np.isfinite(percentiles)
    total: FloatMatrix = (np.where(known, percentiles, 0.0) @ weights) / (known @ weights)
    return total


def held(scores: FloatMatrix, confirm_sessions: int) -> FloatMatrix:
    """Highest score of the last `confirm_sessions`, which decides the state."""
    best: FloatMatrix = sliding_window_view(scores, confirm_sessions, axis=-1).max(axis=-1)
    return best


def noise_scores(trials: FloatMatrix, weights: FloatVector, confirm_sessions: int) -> FloatMatrix:
    """(lengths, sessions) scores that decide the states before the jump."""
    best = held(scored(trials[:, :, :JUMP_SESSIONS], weights), confirm_sessions)
    return np.asarray(best.reshape(len(trials), -1))


def jump_scores(trials: FloatMatrix, weights: FloatVector) -> FloatMatrix:
    """(lengths, trials) best scores of the ten sessions after the jump."""
    return np.asarray(scored(trials[:, :, JUMP_SESSIONS:], weights).max(axis=-1))


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
    usable = np.flatnonzero(inside & np.isfinite(ahead) & np.isfinite(percentiles[:, : len(NAMES)]).all(axis=1))
    return [(percentiles[part], ahead[part] > np.quantile(ahead[part], 0.8)) for part in np.array_split(usable, 3)]


def without_correlation(weights: FloatVector) -> FloatVector:
    """The same weights where there is no pool."""
    return np.append(weights[:-1], 0.0)


def candidates() -> Iterator[FloatVector]:
    """Weights of the stream's components in fortieths, summing to 1: the volatility ratio has 0.7 or more.

    DWT and permutation entropy, which know least, have at most three fortieths. The DWT has at least one, since
    docs/method/index.md
    7.3 has a flag that takes its weight away.
    """
    steps = range(13)
    for others in product(range(1, 4), steps, range(4), steps):
        if sum(others) < len(steps):
            rest = STEP * np.array(others)
            yield np.round([1.0 - rest.sum(), *rest], 3)


def search(known: Known, trials: FloatMatrix) -> list[Choice]:
    """Admissible choices, best first: most alarms in the panics to 2015, near equals by their AUC.

    The bounds hold at the worst length, with the pool's correlation and without. It comes on top of the others' sum,
    from a fortieth upwards while jumps are still seen.

    Parameters
    ----------
    trials : (lengths, trials, 20, 6)
        What `simulate` gives, length by length.
    """
    found = []
    for confirm, stream_weights in product(CONFIRM_SESSIONS, candidates()):
        for steps in range(1, 5):
            choice = _judged(np.append(stream_weights, STEP * steps), confirm, known, trials)
            if min(choice.jump, choice.jump_with_correlation) < MIN_JUMP_SHARE:
                break
            found.append(choice)
    most = max((choice.panic for choice in found), default=0.0)
    return sorted(found, key=lambda choice: (choice.panic < most - PANIC_TOLERANCE, -choice.auc))


def _judged(weights: FloatVector, confirm: int, known: Known, trials: FloatMatrix) -> Choice:
    pair = (without_correlation(weights), weights)
    tops = [1.0 - TURBULENT_NOISE_SHARE, 1.0 - CRISIS_NOISE_SHARE]
    quantiles = [np.quantile(noise_scores(trials, w, confirm), tops, axis=1).max(axis=1) for w in pair]
    turbulent, crisis = (float(top) for top in np.max(quantiles, axis=0))
    alone, joint = (float((jump_scores(trials, w) >= turbulent).mean(axis=1).min()) for w in pair)
    alarms = [
        (held(scored(rows, weights), confirm)[-len(rows) + MAX_CONFIRM - 1 :] >= turbulent).mean()
        for rows in known.panics
    ]
    aucs = [auc(scored(rows, weights), positive) for rows, positive in known.thirds]
    return Choice(weights, confirm, turbulent, crisis, alone, joint, float(np.mean(alarms)), float(np.mean(aucs)))


def calibrate(folder: Path, seed: int, n_trials: int, out: list[str]) -> None:
    """Search, and say what was found."""
    stream = spy_stream(folder, spliced=False)
    cut = sum(day <= LAST_CALIBRATION_DATE for day in stream.dates)
    stream = Stream(stream.dates[:cut], stream.returns[:cut])
    history = detect_regime(
        stream.returns,
        past_average_correlation=large_cap_correlation(folder, stream.dates),
        settings=SETTINGS,
        flags=Flags(),
        n_bootstrap=300,
        rng=np.random.default_rng(seed),
    )
    percentiles = percentiles_of(history)
    trials = np.stack([simulate(past, seed, n_trials=n_trials, n_bootstrap=300) for past in PAST_SESSIONS])
    describe_components(stream, percentiles, trials, out)
    panics = [
        percentiles[bisect_left(stream.dates, first) - MAX_CONFIRM + 1 : bisect_right(stream.dates, last)]
        for first, last in EARLIER.values()
    ]
    known = Known(labelled_thirds(stream, percentiles), panics)
    found = search(known, trials)
    out += [
        "",
        f"## Admissible weights: {len(found)}, best first",
        "",
        f"Order: {', '.join(COMPONENTS)}",
        "",
        "| weights | confirm | panics | jump | jump with correlation | AUC | TURBULENT | CRISIS |",
        "|---|---|---|---|---|---|---|---|",
    ]
    patient = [choice for choice in found[10:] if choice.confirm_sessions > min(CONFIRM_SESSIONS)]
    for choice in found[:10] + patient[:1]:
        shares = (choice.panic, choice.jump, choice.jump_with_correlation, choice.auc, choice.turbulent, choice.crisis)
        weights = " ".join(f"{weight:.3f}" for weight in choice.weights)
        out.append(f"| {weights} | {choice.confirm_sessions} | {' | '.join(f'{v:.3f}' for v in shares)} |")
    if found:
        describe_scores(known.thirds, found[0].weights, out)


def describe_components(stream: Stream, percentiles: FloatMatrix, trials: FloatMatrix, out: list[str]) -> None:
    """What each component knows of the sessions to 2015 that have it, and how it answers a jump."""
    out += ["## Components to 2015", "", "| component | AUC, thirds | mean | jump percentile |", "|---|---|---|---|"]
    for column, name in enumerate(COMPONENTS):
        is_known = np.isfinite(percentiles[:, column])
        known = np.where(is_known[:, np.newaxis], percentiles, np.nan)
        values = [auc(rows[:, column], positive) for rows, positive in labelled_thirds(stream, known)]
        after = trials[:, :, JUMP_SESSIONS:, column].max(axis=-1).mean()
        label = f"{name} (from {stream.dates[int(np.flatnonzero(is_known)[0])]})"
        out.append(f"| {label} | {' '.join(f'{v:.2f}' for v in values)} | {np.mean(values):.3f} | {after:.2f} |")


def describe_scores(thirds: list[tuple[FloatMatrix, np.ndarray]], weights: FloatVector, out: list[str]) -> None:
    """How often a volatile span followed, by score."""
    scores = np.concatenate([scored(rows, weights) for rows, _ in thirds])
    positive = np.concatenate([marks for _, marks in thirds])
    out += ["", "Volatile spans ahead by score of the first row:", "", "| score | sessions | share |", "|---|---|---|"]
    for low, high in ((0.0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.01), (0.0, 0.5), (0.5, 1.01)):
        inside = (scores >= low) & (scores < high)
        out.append(f"| {low:.2f}-{high:.2f} | {inside.sum()} | {positive[inside].mean():.2f} |")


def bounds_by_length(trials: FloatMatrix, settings: RegimeSettings) -> FloatMatrix:
    """Shares of noise sessions that are alarms and of jumps that are seen, first without the correlation, then with it.

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
        for scores in (noise_scores(trials, w, settings.confirm_sessions), jump_scores(trials, w))
    ]
    return np.stack(shares, axis=1)


def describe_bounds(seed: int, n_trials: int, out: list[str]) -> None:
    """The frozen settings at every length of the past."""
    trials = np.stack([simulate(past, seed, n_trials=n_trials) for past in PAST_SESSIONS])
    out += [
        "",
        "## Bounds by length of the past",
        "",
        "| past | noise | jump | noise with correlation | jump with correlation |",
        "|---|---|---|---|---|",
    ]
    for past, shares in zip(PAST_SESSIONS, bounds_by_length(trials, SETTINGS), strict=True):
        out.append(f"| {past} | {' | '.join(f'{100.0 * share:.1f} %' for share in shares)} |")


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
    parser.add_argument("--trials", type=int, default=2000, help="simulations per length of the past")
    parser.add_argument("--skip", nargs="*", choices=("search", "bounds"), default=(), help="parts to leave out")
    chosen = parser.parse_args(argv)
    out: list[str] = ["# Regime calibration", ""]
    if "search" not in chosen.skip:
        calibrate(chosen.folder, chosen.seed, chosen.trials, out)
    out += ["", f"Frozen settings: {SETTINGS.model_dump()}"]
    if "bounds" not in chosen.skip:
        describe_bounds(chosen.seed + 1, chosen.trials, out)
    for name, spliced in (("SPY, unadjusted", False), ("SPY, adjusted from 2018", True)):
        stream = spy_stream(chosen.folder, spliced=spliced)
        report(
            name,
            stream,
            detect_regime(stream.returns, settings=SETTINGS, flags=Flags(), rng=np.random.default_rng(chosen.seed)),
            out,
        )
        if spliced:
            correlation = large_cap_correlation(chosen.folder, stream.dates)
            cut = int(np.flatnonzero(np.isfinite(correlation)).max()) + 1
            short = Stream(stream.dates[:cut], stream.returns[:cut])
            history = detect_regime(
                short.returns,
                past_average_correlation=correlation[:cut],
                settings=SETTINGS,
                flags=Flags(),
                rng=np.random.default_rng(chosen.seed),
            )
            report(f"{name}, with the average correlation of 20 large caps", short, history, out)
    sys.stdout.write("\n".join(out) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
