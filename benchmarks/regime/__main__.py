"""Print the bounds of the regime and its comparison with simpler rules as Markdown.

    python -m benchmarks.regime FOLDER [--simulations N]

FOLDER has `long_history.parquet` and `market.parquet`. Nothing here is fitted: the settings are those frozen in
`analytics.settings`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from analytics.settings import Flags, RegimeSettings
from benchmarks.regime.streams import load_bitcoin, load_index, load_pool, load_spy
from benchmarks.regime.tables import bounds_table, exposure_table, shares_table, speed_line


def main(argv: Sequence[str]) -> int:
    """Run the command line; the exit code is 0 whether or not every bound is met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, help="folder with long_history.parquet and market.parquet")
    parser.add_argument("--simulations", type=int, default=500, help="simulated markets per length of the past")
    options = parser.parse_args(argv)
    settings, flags = RegimeSettings(), Flags()
    spy, index = load_spy(options.folder), load_index(options.folder)
    bitcoin, pool = load_bitcoin(options.folder), load_pool(options.folder)
    sections = [
        bounds_table(spy, (index, bitcoin, pool), settings, n_simulations=options.simulations),
        shares_table((spy, index, bitcoin, pool), settings, flags),
        exposure_table((spy, bitcoin, pool), settings),
        speed_line(spy, settings, flags),
    ]
    sys.stdout.write("\n\n".join("\n".join(lines) for lines in sections) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
