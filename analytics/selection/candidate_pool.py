"""Check the candidates of a selection, rank them within their identity and set the quotas of asset classes.

See docs/method/05-discovery-selection.md#5.3, 5.4.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from analytics.errors import InputError

HEALTH_STATES = ("OK", "SHORT", "GAPS", "STALE", "INVALID", "MISSING")
CANDIDATE_SCHEMA: dict[str, type[pl.DataType]] = {
    "symbol": pl.String,
    "identity": pl.String,
    "asset_class": pl.String,
    "sector": pl.String,
    "direction": pl.Int64,
    "value_traded_usd": pl.Float64,
    "close": pl.Float64,
    "atr": pl.Float64,
    "discovery_score": pl.Float64,
    "health_status": pl.String,
}
_REQUIRED = ("symbol", "identity", "asset_class", "direction", "discovery_score", "health_status")
DENSITY_QUANTILE = 0.6


def check_candidates(candidates: pl.DataFrame) -> pl.DataFrame:
    """Check the candidates and bring their columns in order and to their types; NaN becomes null.

    See docs/method/05-discovery-selection.md#5.8.

    Parameters
    ----------
    candidates : polars.DataFrame
        One row per candidate with the columns of `CANDIDATE_SCHEMA`; further columns are dropped.

    Returns
    -------
    polars.DataFrame
        The columns of `CANDIDATE_SCHEMA` in their order.

    Raises
    ------
    InputError
        A missing column, a repeated symbol, a missing key or score, a direction other than +1 or -1, an unknown
        health status, a close that is not positive, a negative ATR or value traded, an infinite figure.

    Examples
    --------
    >>> import polars as pl
    >>> from analytics.selection.candidate_pool import check_candidates
    >>> candidates = pl.DataFrame(
    ...     {
    ...         "symbol": ["X:A"], "identity": ["A"], "asset_class": ["equity"], "sector": ["Technology"],
    ...         "direction": [1], "value_traded_usd": [float("nan")], "close": [100.0], "atr": [2.0],
    ...         "discovery_score": [0.7], "health_status": ["OK"],
    ...     }
    ... )
    >>> check_candidates(candidates).select("symbol", "value_traded_usd").rows()
    [('X:A', None)]
    """
    missing = [name for name in CANDIDATE_SCHEMA if name not in candidates.columns]
    if missing:
        raise InputError(f"The candidates have no column {', '.join(missing)}.")
    pool = candidates.select(pl.col(name).cast(kind) for name, kind in CANDIDATE_SCHEMA.items())
    pool = pool.with_columns(pl.col(pl.Float64).fill_nan(None))
    rules = {
        "appears twice": pl.col("symbol").is_duplicated(),
        "lacks " + " or ".join(_REQUIRED): pl.any_horizontal(pl.col(*_REQUIRED).is_null()),
        "has a direction other than +1 or -1": ~pl.col("direction").is_in([1, -1]),
        f"has a health status outside {', '.join(HEALTH_STATES)}": ~pl.col("health_status").is_in(HEALTH_STATES),
        "has a close that is not positive": pl.col("close") <= 0.0,
        "has a negative ATR": pl.col("atr") < 0.0,
        "has a negative value traded": pl.col("value_traded_usd") < 0.0,
        "has an infinite figure": pl.any_horizontal(pl.col(pl.Float64).is_infinite()),
    }
    for rule, breaks in rules.items():
        broken = pool.filter(breaks.fill_null(value=False))["symbol"].to_list()
        if broken:
            raise InputError(f"Candidate {broken[0]} {rule}; correct its scan or metadata.")
    return pool


def identity_ranks(pool: pl.DataFrame) -> list[int]:
    """Rank each candidate within its identity: most value traded first, then score, then name.

    See docs/method/05-discovery-selection.md#5.4.

    Parameters
    ----------
    pool : polars.DataFrame
        Columns identity, value_traded_usd, discovery_score, symbol; null values rank last.

    Returns
    -------
    list of int
        In the order of the rows, from 1.

    Examples
    --------
    >>> import polars as pl
    >>> from analytics.selection.candidate_pool import identity_ranks
    >>> pool = pl.DataFrame(
    ...     {
    ...         "symbol": ["X:COIN", "Y:COIN", "X:GOLD"],
    ...         "identity": ["COIN", "COIN", "GOLD"],
    ...         "value_traded_usd": [1e6, 5e8, None],
    ...         "discovery_score": [0.5, 0.5, 0.5],
    ...     }
    ... )
    >>> identity_ranks(pool)
    [2, 1, 1]
    """
    ranked = (
        pool.with_row_index("row")
        .sort(
            *("identity", "value_traded_usd", "discovery_score", "symbol"),
            descending=[False, True, True, False],
            nulls_last=True,
        )
        .with_columns((pl.int_range(pl.len()).over("identity") + 1).alias("rank"))
        .sort("row")
    )
    return [int(rank) for rank in ranked["rank"]]


def class_quotas(candidates: pl.DataFrame, total: int, quota_min: int, quota_max: int) -> dict[str, int]:
    """Compute the number of candidates that selection considers of each asset class, by the density of good scores.

    See docs/method/05-discovery-selection.md#5.3.

    quota_c = clip(round(total * D_c / sum D), quota_min, quota_max) with D_c the candidates of the class whose
    discovery score is above the pool's 60th percentile. Where no score is above it (all equal), every candidate
    counts as dense, so that a class has its share of the pool.

    Parameters
    ----------
    candidates : polars.DataFrame
        Columns asset_class and discovery_score.
    total : int
        Candidates to distribute, at least 1.
    quota_min, quota_max : int
        Bounds of each quota; the sum of the quotas may therefore differ from `total`.

    Returns
    -------
    dict of str to int
        Asset class to quota.

    Raises
    ------
    InputError
        Quotas that are negative or crossed, an empty pool, a score that is missing.

    Examples
    --------
    >>> import polars as pl
    >>> from analytics.selection.candidate_pool import class_quotas
    >>> classes = ["crypto", "crypto", "equity", "equity", "equity"]
    >>> pool = pl.DataFrame({"asset_class": classes, "discovery_score": [0.9, 0.1, 0.8, 0.7, 0.2]})
    >>> class_quotas(pool, 4, 1, 5)
    {'crypto': 2, 'equity': 2}
    """
    if total < 1 or not 0 <= quota_min <= quota_max:
        raise InputError(f"Quotas need total >= 1 and 0 <= min <= max: {total}, {quota_min}, {quota_max}.")
    scores = candidates["discovery_score"].to_numpy().astype(np.float64)
    if not scores.size or not np.isfinite(scores).all():
        raise InputError("Class quotas need a pool in which every candidate has a discovery score.")
    is_dense = scores > np.quantile(scores, DENSITY_QUANTILE)
    if not is_dense.any():
        is_dense = np.ones(scores.size, dtype=bool)
    classes = np.asarray(candidates["asset_class"].to_list())
    quotas = {}
    for asset_class in sorted(set(classes.tolist())):
        share = float((is_dense & (classes == asset_class)).sum()) / float(is_dense.sum())
        quotas[asset_class] = min(max(round(total * share), quota_min), quota_max)
    return quotas
