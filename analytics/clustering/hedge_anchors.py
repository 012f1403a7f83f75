"""Find the instruments that move least with the market of a universe and with its crypto hub.

See docs/method/04-clusters.md#4.6.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from analytics._typing import FloatMatrix, FloatVector
from analytics.errors import InputError
from analytics.estimation.correlation import MIN_OVERLAP, pairwise_correlation, window_correlation
from analytics.panel import Panel, check_panel

N_ANCHORS = 10
ANCHOR_SCHEMA = {
    "reference": pl.String,
    "reference_symbol": pl.String,
    "rank": pl.Int64,
    "symbol": pl.String,
    "correlation": pl.Float64,
    "n_common": pl.Int64,
}


@dataclass(frozen=True, slots=True)
class _Reference:
    """Returns (T,) that an anchor hedges: those of the market (no symbol) or of the crypto hub."""

    kind: str
    symbol: str | None
    returns: FloatVector


def hedge_anchors(
    past_returns: ArrayLike,
    symbols: Sequence[str],
    asset_classes: Sequence[str],
    *,
    n_anchors: int = N_ANCHORS,
    min_overlap: int = MIN_OVERLAP,
) -> pl.DataFrame:
    """Rank the instruments with the lowest correlation to the market and to the crypto hub.

    See docs/method/04-clusters.md#4.6.

    The market is the equal-weight mean of the known returns of each session. The hub is the crypto instrument with
    the highest mean correlation to the other crypto instruments, ties by name; without crypto there is no hub and
    no row for it. Correlations are physical, since a hedge is chosen before its direction.

    Parameters
    ----------
    past_returns : (T, N)
        Physical simple returns as fractions; NaN for NULL.
    symbols : sequence of N str
        Names of the columns.
    asset_classes : sequence of N str
        `crypto` marks candidates for the hub.
    n_anchors : int
        Rows for each reference at most.
    min_overlap : int
        Common sessions that an anchor needs with its reference.

    Returns
    -------
    polars.DataFrame
        Columns reference (`market` or `crypto_hub`), reference_symbol (null for the market), rank from 1, symbol,
        correlation, n_common. Instruments with fewer than `min_overlap` common sessions are no anchors.

    Raises
    ------
    InputError
        As `pairwise_correlation`; fewer than two instruments; asset classes that do not match the columns.
    ShortHistoryError
        Fewer than `min_overlap` sessions.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.clustering.hedge_anchors import hedge_anchors
    >>> rng = np.random.default_rng(0)
    >>> returns = 0.01 * (rng.normal(size=(60, 1)) * [1.0, 1.0, -1.0] + 0.5 * rng.normal(size=(60, 3)))
    >>> anchors = hedge_anchors(returns, ["COIN1", "COIN2", "GOLD"], ["crypto", "crypto", "metal"], n_anchors=1)
    >>> anchors.select("reference", "reference_symbol", "rank", "symbol").rows()
    [('market', None, 1, 'GOLD'), ('crypto_hub', 'COIN1', 1, 'GOLD')]
    """
    panel = check_panel(past_returns, symbols, min_sessions=max(2, min_overlap), min_instruments=2)
    if len(asset_classes) != len(panel.symbols):
        raise InputError(f"{len(asset_classes)} asset classes given for {len(panel.symbols)} instruments.")
    correlation = pairwise_correlation(panel.returns, min_overlap, names=panel.symbols)
    references = [_Reference("market", None, _equal_weight_market(panel.returns))]
    hub = _crypto_hub(correlation, panel.symbols, asset_classes)
    if hub is not None:
        references.append(_Reference("crypto_hub", panel.symbols[hub], panel.returns[:, hub]))
    rows = [row for reference in references for row in _anchors(panel, reference, min_overlap)[:n_anchors]]
    return pl.DataFrame(rows, schema=ANCHOR_SCHEMA, orient="row")


def _equal_weight_market(returns: FloatMatrix) -> FloatVector:
    """Mean of the known returns of each session (T,); NaN where there is none."""
    known = np.isfinite(returns)
    counts = known.sum(axis=1)
    total = np.where(known, returns, 0.0).sum(axis=1)
    return np.where(counts > 0, total / np.maximum(counts, 1), np.nan)


def _crypto_hub(correlation: FloatMatrix, symbols: Sequence[str], asset_classes: Sequence[str]) -> int | None:
    """Column of the crypto instrument most correlated with the other crypto instruments; None without crypto."""
    crypto = sorted((index for index, name in enumerate(asset_classes) if name == "crypto"), key=symbols.__getitem__)
    if not crypto:
        return None
    block = correlation[np.ix_(crypto, crypto)].copy()
    np.fill_diagonal(block, np.nan)
    known = np.isfinite(block)
    # An instrument without a known peer cannot be a hub unless it is the only one.
    centrality = np.where(
        known.any(axis=1), np.where(known, block, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1), -2
    )
    return crypto[int(np.argmax(np.round(centrality, 12)))]


def _anchors(
    panel: Panel, reference: _Reference, min_overlap: int
) -> list[tuple[str, str | None, int, str, float, int]]:
    """Rows of all instruments by rising correlation with a reference, the reference itself left out."""
    common = (np.isfinite(panel.returns) & np.isfinite(reference.returns)[:, None]).sum(axis=0)
    with_reference = np.column_stack([panel.returns, reference.returns])
    correlation = window_correlation(with_reference, min_overlap)[:-1, -1]
    ranked = sorted(
        (value, symbol, count)
        for value, symbol, count in zip(correlation.tolist(), panel.symbols, common.tolist(), strict=True)
        if math.isfinite(value) and symbol != reference.symbol
    )
    return [
        (reference.kind, reference.symbol, rank, symbol, value, count)
        for rank, (value, symbol, count) in enumerate(ranked, start=1)
    ]
