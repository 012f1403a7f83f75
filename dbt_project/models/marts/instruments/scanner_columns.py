"""Add the indicator columns of the discovery session of the run in scope; rewrite rows whose bars were restated.

Formulas: `analytics.indicators`. The grain is (source, symbol, session_date).
"""

from __future__ import annotations

import polars as pl

from analytics.indicators.batches import columns_in_batches
from lakehouse.dbt.bar_batches import bar_batches, changed_rows


def model(dbt, session):  # noqa: D103 - dbt calls it by this name and signature
    run = dbt.ref("int_run").select("source").pl()
    found = columns_in_batches(bar_batches(dbt.ref("int_bars_described"), "is_discovery"))
    found = found.select(pl.lit(run["source"].first(), pl.String).alias("source"), pl.all())
    return changed_rows(session, found, dbt.this) if dbt.is_incremental else found.to_arrow()
