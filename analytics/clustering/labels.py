"""Label clusters by the asset class and sector of their members.

See docs/method/04-clusters.md#4.3.
"""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import chain

import polars as pl

from analytics.clustering.clusters import Clustering
from analytics.errors import InputError

#: Asset class and sector, and the same with the value traded in USD; None where unknown.
_Kind = tuple[str, str | None]
_Member = tuple[str, str | None, float | None]

PURITY_FLOOR = 0.6
LABEL_SCHEMA = {
    "cluster_id": pl.Int64,
    "label": pl.String,
    "asset_class": pl.String,
    "sector": pl.String,
    "purity": pl.Float64,
    "n_members": pl.Int64,
    "is_weighted_by_count": pl.Boolean,
}


def label_clusters(clustering: Clustering, instruments: pl.DataFrame) -> pl.DataFrame:
    """Label every cluster by the asset class and sector that most of its value traded belongs to.

    See docs/method/04-clusters.md#4.3.

    A kind is an asset class with its sector, or the class alone where no sector is known. Purity is the share of the
    commonest kind; below 0.6 the label is "Mixed: A / B" with the two commonest. Ties go to the smaller name. An
    instrument whose value traded is unknown weighs nothing, unless it is unknown for the whole cluster: then each
    member counts once and the row says so.

    Parameters
    ----------
    clustering : Clustering
        The clusters to label.
    instruments : polars.DataFrame
        Columns symbol, asset_class, sector, value_traded_usd; at least the instruments that were clustered.

    Returns
    -------
    polars.DataFrame
        One row per cluster: cluster_id, label, asset_class, sector (of the commonest kind), purity in [0, 1],
        n_members, is_weighted_by_count.

    Raises
    ------
    InputError
        A clustered instrument that is missing or repeated, has no asset class or a negative value traded.

    Examples
    --------
    >>> import numpy as np
    >>> import polars as pl
    >>> from analytics.clustering.clusters import cluster_instruments
    >>> from analytics.clustering.labels import label_clusters
    >>> returns = 0.01 * np.random.default_rng(0).normal(size=(60, 2))
    >>> clustering = cluster_instruments(returns, ["A", "B"], [1, 1], threshold=2.0)
    >>> instruments = pl.DataFrame(
    ...     {
    ...         "symbol": ["A", "B"],
    ...         "asset_class": ["equity", "crypto"],
    ...         "sector": ["Technology", None],
    ...         "value_traded_usd": [3e6, 1e6],
    ...     }
    ... )
    >>> label_clusters(clustering, instruments).select("label", "purity", "n_members").rows()
    [('equity Technology', 0.75, 2)]
    """
    columns = instruments.select("symbol", "asset_class", "sector", "value_traded_usd")
    metadata = {symbol: (asset_class, sector, value) for symbol, asset_class, sector, value in columns.iter_rows()}
    if len(metadata) != instruments.height:
        raise InputError("A symbol appears twice in the instruments to label; keep one row per symbol.")
    rows = []
    for cluster_id in range(1, clustering.n_clusters + 1):
        members = clustering.members(cluster_id)
        rows.append((cluster_id, *_label([_checked_member(symbol, metadata) for symbol in members])))
    return pl.DataFrame(rows, schema=LABEL_SCHEMA, orient="row")


def _checked_member(symbol: str, metadata: dict[str, tuple[str | None, str | None, float | None]]) -> _Member:
    """Asset class, sector and value traded of one member, None where a value is unknown."""
    if symbol not in metadata:
        raise InputError(f"{symbol} was clustered but has no metadata; fetch its instrument data first.")
    asset_class, sector, value = metadata[symbol]
    if not asset_class:
        raise InputError(f"{symbol} has no asset class; fetch its instrument data again.")
    if value is not None and not math.isnan(value) and not 0.0 <= value < math.inf:
        raise InputError(f"{symbol} has a value traded of {value}; it must be a non-negative number.")
    return asset_class, sector or None, None if value is None or math.isnan(value) else float(value)


def _label(members: list[_Member]) -> tuple[str, str, str | None, float, int, bool]:
    """Columns of one cluster after its id: label, asset class, sector, purity, number of members, weighted by count."""
    is_by_count = not any(value for _, _, value in members)
    weights: dict[_Kind, list[float]] = defaultdict(list)
    for asset_class, sector, value in members:
        weights[asset_class, sector].append(1.0 if is_by_count else value or 0.0)
    # fsum is exact, so that shares and ties do not depend on the order of the rows.
    sums = {kind: math.fsum(parts) for kind, parts in weights.items()}
    ranked = sorted(sums, key=lambda kind: (-sums[kind], _kind_name(kind)))
    purity = sums[ranked[0]] / math.fsum(chain.from_iterable(weights.values()))
    label = _kind_name(ranked[0])
    if purity < PURITY_FLOOR:
        label = f"Mixed: {label} / {_kind_name(ranked[1])}"
    return label, ranked[0][0], ranked[0][1], purity, len(members), is_by_count


def _kind_name(kind: _Kind) -> str:
    return kind[0] if kind[1] is None else f"{kind[0]} {kind[1]}"
