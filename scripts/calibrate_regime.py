"""Calibrate the weights and thresholds of the regime before 2016 and report its states on later data.

See docs/method/07-regime.md#7.3, docs/decisions/0005-regime-calibration.md.

    python -m scripts.calibrate_regime FOLDER [--simulations N] [--skip search bounds]

FOLDER has `long_history.parquet` and `market.parquet`. The search sees SPY 2006-2015, large caps 2010-2015 and
simulated noise. The bounds and the report use the settings frozen in `analytics.settings`, the bounds with
noise that the search has not seen. The report is Markdown on standard output.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from analytics._typing import FloatVector
from analytics.regime.detection import RegimeHistory, detect_regime
from analytics.settings import Flags, RegimeSettings
from scripts.regime_report import (
    describe_bounds,
    describe_candidates,
    describe_components,
    describe_history,
    describe_scores,
)
from scripts.regime_search import (
    PAST_SESSIONS,
    bounds_by_length,
    load_calibration_data,
    load_large_cap_correlation,
    load_spy,
    search,
    simulate_jumps,
)


def calibration_sections(folder: Path, seed: int, n_simulations: int) -> Iterator[list[str]]:
    """Search for admissible settings and describe the data and the best of them."""
    data = load_calibration_data(folder, seed, n_simulations)
    yield describe_components(data)
    admissible = search(data)
    yield describe_candidates(admissible)
    if admissible:
        yield describe_scores(data, admissible[0].weights)


def bounds_section(seed: int, n_simulations: int) -> list[str]:
    """Simulate noise and jumps at every length of the past and describe the bounds of the frozen settings."""
    simulations = np.stack([simulate_jumps(past, seed, n_simulations=n_simulations) for past in PAST_SESSIONS])
    return describe_bounds(bounds_by_length(simulations, RegimeSettings()))


def history_sections(folder: Path, seed: int) -> Iterator[list[str]]:
    """Describe the regimes of SPY under the frozen settings, without and with the correlation of large caps."""
    unadjusted, adjusted = (load_spy(folder, is_spliced=is_spliced) for is_spliced in (False, True))
    for name, series in (("SPY, unadjusted", unadjusted), ("SPY, adjusted from 2018", adjusted)):
        yield describe_history(name, series, _detect(series.returns, seed))
    correlation = load_large_cap_correlation(folder, adjusted.dates)
    n_known = int(np.flatnonzero(np.isfinite(correlation)).max()) + 1
    series = adjusted.head(n_known)
    history = _detect(series.returns, seed, correlation[:n_known])
    name = "SPY, adjusted from 2018, with the average correlation of 20 large caps"
    yield describe_history(name, series, history)


def _detect(returns: FloatVector, seed: int, correlation: FloatVector | None = None) -> RegimeHistory:
    return detect_regime(
        returns,
        past_average_correlation=correlation,
        settings=RegimeSettings(),
        flags=Flags(),
        rng=np.random.default_rng(seed),
    )


def main(argv: list[str]) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, help="folder with long_history.parquet and market.parquet")
    parser.add_argument("--seed", type=int, default=20151231)
    parser.add_argument("--simulations", type=int, default=2000, help="simulations per length of the past")
    parser.add_argument("--skip", nargs="*", choices=("search", "bounds"), default=(), help="parts to leave out")
    options = parser.parse_args(argv)
    sections = [["# Regime calibration"]]
    if "search" not in options.skip:
        sections += calibration_sections(options.folder, options.seed, options.simulations)
    sections.append([f"Frozen settings: {RegimeSettings().model_dump()}"])
    if "bounds" not in options.skip:
        sections.append(bounds_section(options.seed + 1, options.simulations))
    sections += history_sections(options.folder, options.seed)
    sys.stdout.write("\n\n".join("\n".join(lines) for lines in sections) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
