"""Scale crypto and equity weights by the risk appetite that currencies show, where the manifest asks for it.

See docs/method/07-regime.md#7.6.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.policy import SelectedInstruments
from analytics.regime.sentiment import G8, SCALED_CLASSES, exposure_multiplier, risk_appetite
from lakefolio.errors import LakefolioError
from lakefolio.runs.run import Run

HISTORY_SESSIONS = 300


def read_exposures(run: Run, chosen: SelectedInstruments) -> NDArray[np.float64] | None:
    """Multiplier of each winner's gross weight (N,); None where `feat_intermarket_sentiment` is off.

    Raises
    ------
    LakefolioError
        The lake lacks a currency: a multiplier without it would be invented.
    """
    if not run.settings.flags.feat_intermarket_sentiment:
        return None
    closes = _usd_closes(run)
    multiplier = exposure_multiplier(float(risk_appetite(closes)[-1]))
    run.logger.info("risk appetite scales crypto and equity by %.4f", multiplier)
    return np.array([multiplier if name in SCALED_CLASSES else 1.0 for name in chosen.asset_classes])


def _usd_closes(run: Run) -> dict[str, NDArray[np.float64]]:
    """USD per unit of each currency on the sessions of the most complete series, from `BASEUSD` or `USDBASE`."""
    rows = run.lake.query(
        "select bars.session_date, case when instruments.quote = 'USD' then instruments.base else instruments.quote end "
        "as currency, median(case when instruments.quote = 'USD' then bars.close else 1 / bars.close end) as usd "
        "from intermediate.int_bars_of_run as bars inner join marts.instruments as instruments "
        "on bars.symbol = instruments.symbol where instruments.run_id = ? and instruments.asset_class = 'fx' "
        "and 'USD' in (instruments.base, instruments.quote) group by all order by bars.session_date",
        [run.run_id],
    )
    foreign = [name for name in G8 if name != "USD"]
    missing = sorted(set(foreign) - set(rows["currency"]))
    if missing:
        raise LakefolioError(
            f"feat_intermarket_sentiment needs {', '.join(foreign)} against USD and the lake lacks {', '.join(missing)}: "
            "add an FX source or switch the flag off"
        )
    wide = rows.filter(pl.col("currency").is_in(foreign)).pivot("currency", index="session_date", values="usd")
    newest = wide.sort("session_date").drop_nulls(foreign).tail(HISTORY_SESSIONS)
    return {name: newest[name].to_numpy() for name in foreign}
