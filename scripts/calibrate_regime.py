"""Calibrate the priors, the half-life and the cuts of the regime on data before 2016.

See docs/method/07-regime.md#7.3, docs/decisions/0013-regime-by-level.md.

    python -m scripts.calibrate_regime FOLDER [--simulations N]

FOLDER has `long_history.parquet` and `market.parquet`. Every figure is of sessions up to 2015-12-31 or of simulated
noise. The tables are Markdown on standard output; `python -m benchmarks.regime` reports later years.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import product
from pathlib import Path

import numpy as np
import polars as pl

from analytics._typing import BoolVector, FloatVector
from analytics.regime.components import DRAWDOWN, SPECTRAL_LEVEL, VOLATILITY_LEVEL
from analytics.regime.detection import RegimeHistory
from analytics.regime.states import classify_sessions, hold_states
from analytics.regime.volatility import ewma_volatility
from analytics.settings import Flags, RegimeSettings
from benchmarks.regime.measures import (
    TURBULENT,
    auc_ahead,
    detect,
    equal_alarms,
    explained_variance,
    states_of,
    volatility_ahead,
)
from benchmarks.regime.simulation import noise_and_jumps
from benchmarks.regime.streams import LAST_CALIBRATION_DATE, LONG_HISTORY, MarketSeries, load_spy

SEED = 20060103
WARM_UP_SESSIONS = 63
PRIOR_STREAMS = (
    ("SPY", "US"), ("SP500", "US_SKFOLIO"), ("IWM", "US"), ("EEM", "US"), ("QQQ", "US"), ("BTCUSD", "COINBASE"),
    ("EURUSD", "OANDA"), ("GBPUSD", "OANDA"), ("NZDUSD", "OANDA"), ("XAUUSD", "OANDA"), ("USO", "US"),
)  # fmt: skip
PRIOR_SESSIONS = (250.0, 500.0, 750.0, 1000.0, 2000.0, 4000.0)
HALF_LIVES = (5, 10, 20, 40)
CUTS = {
    "quiet_below": (0.8, 0.9, 1.0), "turbulent_from": (1.3, 1.4, 1.5, 1.6), "crisis_from": (2.0, 2.25, 2.5),
    "crisis_drawdown": (0.1, 0.2, 0.3), "quiet_drawdown": (0.05, 0.1), "confirm_sessions": (3, 5, 10),
}  # fmt: skip
SPECTRAL_CUTS = (1.25, 1.5, 1.75, 2.0)
CALM_2006 = (date(2006, 1, 1), date(2006, 12, 31))
CALM_2013 = (date(2013, 1, 1), date(2013, 12, 31))
CRASH = (date(2008, 9, 1), date(2009, 3, 31))
BEAR_MARKET = (date(2007, 10, 1), date(2009, 3, 31))


def prior_table(folder: Path) -> list[str]:
    """Median of the volatility before 2016 by stream, the source of the shipped priors."""
    closes = (
        pl.scan_parquet(folder / LONG_HISTORY)
        .with_columns(pl.col("date").cast(pl.Date))
        .filter(pl.col("date") <= LAST_CALIBRATION_DATE)
        .collect()
    )
    rows = []
    for symbol, venue in PRIOR_STREAMS:
        bars = closes.filter(pl.col("symbol") == symbol, pl.col("venue") == venue).drop_nulls("close").sort("date")
        prices = bars["close"].to_numpy()
        span = f"{bars['date'][0]} to {bars['date'][-1]}"
        rows.append((f"{symbol} ({venue})", span, f"{_median(prices[1:] / prices[:-1] - 1.0):.4f}"))
    caps = closes.filter(pl.col("venue") == "US_SKFOLIO", pl.col("asset_class") == "equity")
    matrix = caps.pivot(on="symbol", index="date", values="adj_close").sort("date").drop("date").to_numpy()
    returns = matrix[1:] / matrix[:-1] - 1.0
    span = f"{caps['date'].min()} to {caps['date'].max()}"
    singles = float(np.median([_median(column) for column in returns.T]))
    rows.append((f"{returns.shape[1]} large caps, median of one", span, f"{singles:.4f}"))
    rows.append((f"{returns.shape[1]} large caps, equal weight", span, f"{_median(returns.mean(axis=1)):.4f}"))
    return ["## Priors", "", *_table(("stream", "span", "median volatility"), rows)]


def _median(returns: FloatVector) -> float:
    half_life = RegimeSettings().half_life_sessions
    return float(np.median(ewma_volatility(returns, half_life)[2 * half_life :]))


def level_table(spy: MarketSeries, n_simulations: int) -> list[str]:
    """AUC and stability of the level by half-life and by weight of the prior."""
    rows = []
    frozen = RegimeSettings()
    pairs = [(half_life, frozen.prior_sessions) for half_life in HALF_LIVES]
    pairs += [(frozen.half_life_sessions, weight) for weight in PRIOR_SESSIONS]
    for half_life, weight in pairs:
        settings = frozen.model_copy(update={"half_life_sessions": half_life, "prior_sessions": weight})
        level = _level(detect(spy, settings, Flags()))
        noise = [
            noise_and_jumps(500, settings, n_simulations=n_simulations, seed=SEED, scale=scale) for scale in (1.0, 1.25)
        ]
        figures = (
            *(auc_ahead(level, spy.returns, part) for part in _thirds(spy)),
            auc_ahead(level, spy.returns, np.ones(level.shape, dtype=np.bool_)),
            *(equal_alarms(spy, settings, Flags()), noise[0][0], noise[1][0], noise[0][1]),
        )
        rows.append((str(half_life), f"{weight:.0f}", *(f"{figure:.3f}" for figure in figures)))
    columns = (
        "half-life", "prior sessions", "AUC 1st third", "2nd", "3rd", "AUC", "equal with 500 sessions", "noise alarmed",
        "noise alarmed, 1.25 times the prior", "jumps seen",
    )  # fmt: skip
    return ["## Level", "", *_table(columns, rows)]


def cut_table(spy: MarketSeries, n_shown: int = 12) -> list[str]:
    """Cuts that explain most of the variance of log volatility ahead and meet the bounds, and the frozen ones."""
    frozen = RegimeSettings()
    history = detect(spy, frozen, Flags())
    found = []
    for values in product(*CUTS.values()):
        cuts = dict(zip(CUTS, values, strict=True))
        figures = _cut_figures(spy, history, frozen.model_copy(update=cuts))
        crash, bear, calm_2006, calm_2013 = figures[1:]
        if crash >= 0.95 and bear >= 0.55 and max(calm_2006, calm_2013) <= 0.03:
            found.append((cuts, figures))
    found.sort(key=lambda item: -item[1][0])
    rows = [
        (*(str(value) for value in cuts.values()), *(f"{x:.3f}" for x in figures)) for cuts, figures in found[:n_shown]
    ]
    kept = {name: getattr(frozen, name) for name in CUTS}
    rows.append(
        (*(f"**{value}**" for value in kept.values()), *(f"{x:.3f}" for x in _cut_figures(spy, history, frozen)))
    )
    columns = (*CUTS, "explained", "2008-09 to 2009-03", "2007-10 to 2009-03", "2006", "2013")
    title = f"## Cuts: {len(found)} meet the bounds, the best first, the frozen ones last"
    return [title, "", *_table(columns, rows)]


def _cut_figures(spy: MarketSeries, history: RegimeHistory, settings: RegimeSettings) -> tuple[float, ...]:
    parts = (history.components[name] for name in (VOLATILITY_LEVEL, DRAWDOWN, SPECTRAL_LEVEL))
    states, _ = hold_states(*classify_sessions(*parts, settings, Flags()), settings.confirm_sessions)
    states[:WARM_UP_SESSIONS] = -1
    shares = [(states[spy.between(*span)] >= TURBULENT).mean() for span in (CRASH, BEAR_MARKET, CALM_2006, CALM_2013)]
    return explained_variance(states, spy.returns), *(float(share) for share in shares)


def spectral_table(spy: MarketSeries) -> list[str]:
    """Volatile spans after NORMAL sessions that the spectral level raises and that it leaves."""
    frozen = RegimeSettings()
    history = detect(spy, frozen, Flags())
    level, spectrum = _level(history), history.components[SPECTRAL_LEVEL]
    ahead = volatility_ahead(spy.returns)
    usable = np.isfinite(ahead) & np.isfinite(level)
    is_volatile = ahead > np.quantile(ahead[usable], 0.8)
    is_normal = usable & (level >= frozen.quiet_below) & (level < frozen.turbulent_from)
    rows = []
    for cut in SPECTRAL_CUTS:
        raised, left = is_normal & (spectrum >= cut), is_normal & (spectrum < cut)
        states = states_of(detect(spy, frozen.model_copy(update={"spectral_from": cut}), Flags()))
        shares = [f"{is_volatile[part].mean():.3f}" if part.any() else "" for part in (raised, left)]
        rows.append((str(cut), str(int(raised.sum())), *shares, f"{explained_variance(states, spy.returns):.3f}"))
    columns = ("spectral cut", "sessions raised", "volatile ahead, raised", "volatile ahead, left", "explained")
    every = np.ones(spy.returns.shape, dtype=np.bool_)
    aucs = [
        (
            name,
            f"{auc_ahead(history.components[name], spy.returns, every):.3f}",
            f"{auc_ahead(history.components[name], spy.returns, is_normal):.3f}",
        )
        for name in history.components
        if np.isfinite(history.components[name]).any()
    ]
    return [
        *("## Components", "", *_table(("component", "AUC", "AUC within NORMAL"), aucs), ""),
        *_table(columns, rows),
    ]


def _level(history: RegimeHistory) -> FloatVector:
    return np.where(states_of(history) >= 0, history.components[VOLATILITY_LEVEL], np.nan)


def _thirds(spy: MarketSeries) -> list[BoolVector]:
    """Masks (T,) of the first, second and last third of the sessions."""
    parts = np.array_split(np.arange(spy.returns.size), 3)
    return [np.isin(np.arange(spy.returns.size), part) for part in parts]


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|", *(f"| {' | '.join(row)} |" for row in rows)]


def main(argv: Sequence[str]) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, help="folder with long_history.parquet and market.parquet")
    parser.add_argument("--simulations", type=int, default=100, help="simulated markets per figure")
    options = parser.parse_args(argv)
    spy = load_spy(options.folder).until(LAST_CALIBRATION_DATE)
    sections = [
        ["# Regime calibration"],
        prior_table(options.folder),
        level_table(spy, options.simulations),
        cut_table(spy),
        spectral_table(spy),
        [f"Frozen settings: {RegimeSettings().model_dump()}"],
    ]
    sys.stdout.write("\n\n".join("\n".join(lines) for lines in sections) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
