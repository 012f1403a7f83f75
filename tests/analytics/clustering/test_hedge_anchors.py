"""Hedge anchors, ranked by NumPy.

See docs/method/04-clusters.md#4.6.
"""

from __future__ import annotations

import numpy as np
import pytest

from analytics.clustering.hedge_anchors import hedge_anchors
from analytics.errors import InputError

NAMES = [f"X:{i:02d}" for i in range(14)]
CLASSES = ["crypto"] * 4 + ["equity"] * 10


def universe() -> np.ndarray:
    rng = np.random.default_rng(1)
    returns = 0.01 * (rng.normal(size=(150, 1)) + rng.normal(size=(150, 14)))
    returns[:, :4] += 0.03 * rng.normal(size=(150, 1))
    returns[:, 2] = returns[:, :4].mean(axis=1) + 0.001 * rng.normal(size=150)
    returns[:, 9] = -returns.mean(axis=1)
    return returns


def test_anchors_are_the_ten_least_correlated_with_the_market_and_the_hub() -> None:
    returns = universe()
    table = hedge_anchors(returns, NAMES, CLASSES)
    market, hub = (table.filter(reference=name) for name in ("market", "crypto_hub"))
    assert (market.height, hub.height) == (10, 10)
    correlation = [np.corrcoef(returns[:, i], returns.mean(axis=1))[0, 1] for i in range(14)]
    expected = sorted(range(14), key=correlation.__getitem__)[:10]
    assert market["symbol"].to_list() == [NAMES[i] for i in expected]
    np.testing.assert_allclose(market["correlation"], [correlation[i] for i in expected], atol=1e-12)
    assert market["symbol"][0] == "X:09"
    assert hub["reference_symbol"].unique().to_list() == ["X:02"]
    every = hedge_anchors(returns, NAMES, CLASSES, n_anchors=14).filter(reference="crypto_hub")
    assert every.height == 13
    assert "X:02" not in every["symbol"].to_list()
    to_hub = [np.corrcoef(returns[:, i], returns[:, 2])[0, 1] for i in range(14)]
    assert hub["correlation"][0] == pytest.approx(min(to_hub), abs=1e-12)
    assert hub["rank"].to_list() == list(range(1, 11))


def test_without_crypto_there_is_no_hub() -> None:
    table = hedge_anchors(universe(), NAMES, ["equity"] * 14)
    assert table["reference"].unique().to_list() == ["market"]


def test_an_instrument_with_too_few_common_sessions_is_no_anchor() -> None:
    returns = universe()
    returns[:-15, 9] = np.nan
    table = hedge_anchors(returns, NAMES, CLASSES)
    assert "X:09" not in table["symbol"].to_list()


def test_asset_classes_must_match() -> None:
    with pytest.raises(InputError, match="3 asset classes"):
        hedge_anchors(universe(), NAMES, ["equity"] * 3)
