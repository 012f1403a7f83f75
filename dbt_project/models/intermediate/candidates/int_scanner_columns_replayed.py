"""Compute the indicator columns of the past sessions at which the tournament replays discovery.

Formulas: `analytics.indicators`. The grain is (symbol, session_date).
"""

from __future__ import annotations

from analytics.indicators.batches import columns_in_batches
from lakehouse.dbt.bar_batches import bar_batches


def model(dbt, session):  # noqa: ARG001, D103 - dbt calls it by this name and signature
    return columns_in_batches(bar_batches(dbt.ref("int_bars_described"), "is_replay")).to_arrow()
