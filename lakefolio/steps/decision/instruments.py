"""Instruments as the decisions read them."""

from __future__ import annotations

import polars as pl

from lakehouse.connection.catalog import Lake


def read_instruments(lake: Lake, run_id: str) -> pl.DataFrame:
    """Read the metadata of every instrument of the run's source, by symbol."""
    return lake.query("select * from marts.instruments where run_id = ? order by symbol", [run_id])


def read_order_terms(lake: Lake, run_id: str) -> pl.DataFrame:
    """Read venue, lot, last close and its worth in USD of every instrument; null where it is not known."""
    return lake.query(
        "with newest as (select symbol, arg_max(close, session_date) as last_price, max(session_date) as session_date "
        "from intermediate.int_bars_of_run group by symbol) "
        "select instruments.symbol, instruments.venue, instruments.lot_size, newest.last_price, "
        "case when currencies.is_usd_pegged then 1.0 else rates.usd_rate end as usd_per_quote "
        "from marts.instruments as instruments left join newest on instruments.symbol = newest.symbol "
        "left join seeds.quote_currencies as currencies on instruments.currency = currencies.currency "
        "left join intermediate.int_usd_rates as rates on instruments.currency = rates.currency "
        "and newest.session_date = rates.session_date and rates.source = (select source from intermediate.int_run) "
        "where instruments.run_id = ? order by instruments.symbol",
        [run_id],
    )
