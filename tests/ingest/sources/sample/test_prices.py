from __future__ import annotations

import numpy as np
import pytest

from ingest.sources.sample.prices import N_DAYS, draw_bars, generator_of, log_closes, market_factors, price_decimals
from ingest.sources.sample.universe import CRISIS, CRISIS_VOLATILITY_FACTOR, FIRST_DAY, Listing, clusters, listings

SEED = 20_250_101
BY_SYMBOL = {listing.symbol: listing for listing in listings()}
STOCK, COIN, BOND = (BY_SYMBOL[name] for name in ("SIMX:TEC01", "SIMCRYPTO_A:BTCUSDT", "SIMBOND:CRD01"))


def test_what_is_drawn_depends_on_seed_and_name_alone() -> None:
    first = generator_of(SEED, "a").standard_normal(3)
    generator_of(SEED, "b").standard_normal(1000)
    assert np.array_equal(generator_of(SEED, "a").standard_normal(3), first)
    assert not np.array_equal(generator_of(SEED, "b").standard_normal(3), first)
    assert not np.array_equal(generator_of(SEED + 1, "a").standard_normal(3), first)


def test_factors_have_unit_variance_and_the_correlation_with_their_hub_that_is_planned() -> None:
    factors = market_factors(SEED).factors
    assert set(factors) == set(clusters())
    crisis = slice((CRISIS[0] - FIRST_DAY).days, (CRISIS[1] - FIRST_DAY).days + 1)
    calm = {name: np.delete(series, np.arange(N_DAYS)[crisis]) for name, series in factors.items()}
    assert all(0.93 < series.std() < 1.07 for series in calm.values())
    plans = clusters()
    for name, other in [(a, b) for a in plans for b in plans if a < b]:
        shares_hub = plans[name].hub == plans[other].hub != ""
        expected = plans[name].hub_loading * plans[other].hub_loading if shares_hub else 0.0
        if {plans[name].hub, plans[other].hub} == {"world", "crypto"}:
            expected = 0.35 * plans[name].hub_loading * plans[other].hub_loading
        # The standard error of a correlation is at most 1 / sqrt(N_DAYS), about 0.021.
        assert np.corrcoef(calm[name], calm[other])[0, 1] == pytest.approx(expected, abs=0.1), (name, other)


def test_the_volatility_of_the_crisis_is_four_times_a_calm_one_at_least() -> None:
    volatility = market_factors(SEED).volatility
    crisis = slice((CRISIS[0] - FIRST_DAY).days, (CRISIS[1] - FIRST_DAY).days + 1)
    assert volatility[crisis].min() >= CRISIS_VOLATILITY_FACTOR
    assert np.median(np.delete(volatility, np.arange(N_DAYS)[crisis])) == pytest.approx(1.0, abs=0.3)


def test_prices_rest_on_weekends_except_those_of_coins() -> None:
    weekend = ~market_factors(SEED).is_weekday
    assert weekend[:7].sum() == 2
    for listing, rests in ((STOCK, True), (COIN, False)):
        path, _ = log_closes(SEED, listing.identity, listing.cluster, listing.asset_class)
        assert path.shape == (N_DAYS,)
        assert bool((np.diff(path)[weekend[1:]] == 0.0).all()) is rests


@pytest.mark.parametrize("listing", [STOCK, COIN], ids=lambda listing: listing.symbol)
def test_bars_are_consistent_rounded_and_the_same_for_fewer_sessions(listing: Listing) -> None:
    days = np.arange(5, N_DAYS, 3)
    bars = draw_bars(SEED, listing, days)
    assert (bars.low <= np.minimum(bars.open, bars.close)).all()
    assert (bars.high >= np.maximum(bars.open, bars.close)).all()
    assert (bars.low > 0.0).all()
    assert (bars.volume > 0.0).all()
    decimals = price_decimals(listing.price)
    assert np.array_equal(bars.close, np.round(bars.close, decimals))
    fewer = draw_bars(SEED, listing, days[:100])
    assert np.array_equal(fewer.close, bars.close[:100])
    assert np.array_equal(fewer.volume, bars.volume[:100])


def test_a_close_only_listing_has_closes_and_nothing_else() -> None:
    bars = draw_bars(SEED, BOND, np.arange(10))
    assert np.isfinite(bars.close).all()
    assert all(np.isnan(column).all() for column in (bars.open, bars.high, bars.low, bars.volume))


@pytest.mark.parametrize(("price", "decimals"), [(1815.0, 2), (123.0, 3), (12.0, 4), (1.08, 5), (0.5, 6)])
def test_a_quote_has_six_significant_digits_and_two_decimals_at_least(price: float, decimals: int) -> None:
    assert price_decimals(price) == decimals
