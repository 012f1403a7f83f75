"""Compute the scanner columns of a large market batch by batch, so that memory does not grow with its instruments."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from analytics.indicators.columns import OUTPUTS, scanner_columns

_SCHEMA = {
    **dict.fromkeys(OUTPUTS, pl.Float64()), "session_date": pl.Date(), "symbol": pl.String(), "is_close_only": pl.Boolean(),
}  # fmt: skip


def columns_in_batches(batches: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Compute the columns of the requested bars of each batch, and return those of all batches.

    Parameters
    ----------
    batches : iterable of pl.DataFrame
        Frames of `INPUTS`, each with all bars of its instruments. One batch is in memory at a time, with its columns;
        of the batches before it only the requested rows.

    Returns
    -------
    pl.DataFrame
        `OUTPUTS`, in the order of the batches.
    """
    empty = pl.DataFrame(schema=_SCHEMA)
    return pl.concat([empty, *(scanner_columns(bars) for bars in batches)], rechunk=False)
