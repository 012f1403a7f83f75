"""The tables of the simulated market agree with each other."""

from __future__ import annotations

import collections
import datetime as dt

from ingest.landing.quarantine import REASONS
from ingest.reference.calendars import all_sessions
from ingest.reference.venues import Venues
from ingest.sources.sample.universe import (
    BENCHMARK,
    FIRST_DAY,
    MISSING,
    SAMPLE_AS_OF,
    bad_ticks,
    clusters,
    delisted,
    late_listings,
    listings,
    planted_clusters,
    planted_faults,
    planted_gaps,
)
from lakehouse.paths import check_symbol


def test_symbols_are_valid_and_unique() -> None:
    symbols = [listing.symbol for listing in listings()]
    assert len(symbols) == 280
    assert [check_symbol(symbol) for symbol in symbols] == sorted(set(symbols))


def test_every_cluster_has_members_and_every_member_a_cluster() -> None:
    assert set(planted_clusters().values()) == set(clusters())
    assert {listing.symbol for listing in listings()} - set(planted_clusters()) == {BENCHMARK}
    sizes = collections.Counter(planted_clusters().values())
    assert min(sizes.values()) >= 4


def test_plans_are_in_the_range_of_their_meaning() -> None:
    for name, plan in clusters().items():
        assert plan.hub in ("", "world", "crypto"), name
        assert 0.0 < plan.volatility_annual < 1.0, name
        assert (plan.hub_loading > 0.0) == bool(plan.hub), name
        assert plan.hub_loading < 1.0, name
        assert abs(plan.late_sharpe) <= 4.0, name
        assert abs(plan.last_week_sigmas) < 1.0, name


def test_listings_of_one_identity_share_cluster_price_and_class() -> None:
    shared = collections.defaultdict(set)
    for listing in listings():
        shared[listing.identity].add((listing.cluster, listing.price, listing.asset_class, listing.base, listing.root))
    assert {identity for identity, facts in shared.items() if len(facts) > 1} == set()
    venues_of_btc = {listing.venue for listing in listings() if listing.identity == "crypto/BTC"}
    assert venues_of_btc == {"SIMCRYPTO_A", "SIMCRYPTO_B", "SIMCRYPTO_C", "SIMCRYPTO_D"}


def test_the_price_path_of_an_identity_is_followed_exactly_at_one_venue_only() -> None:
    exact = collections.Counter(listing.identity for listing in listings() if listing.venue_noise == 0.0)
    assert exact == dict.fromkeys({listing.identity for listing in listings()}, 1)


def test_a_row_is_read_cell_by_cell() -> None:
    by_symbol = {listing.symbol: listing for listing in listings()}
    future = by_symbol["SIMFUT_B:GC1!"]
    assert (future.name, future.root, future.sector) == ("Continuous future GC (SIMULATED)", "GC", "Metals")
    assert (future.price, future.value_traded_usd, future.venue_noise) == (1815.0, 1.2e9, 0.0005)
    assert (future.base, future.quote, future.industry) == (None, "USD", None)
    assert (future.first_session, future.last_session) == (None, None)
    assert by_symbol["SIMBOND:CRD01"].is_close_only
    assert not by_symbol["SIMBOND:GOV01"].is_close_only
    assert late_listings()["SIMX:TEC13"] == dt.date(2025, 10, 27)
    assert delisted() == {"SIMX:IND13": dt.date(2025, 9, 19)}


def test_faults_lie_in_sessions_of_their_instruments(venues: Venues) -> None:
    calendars = {listing.symbol: venues.require(listing.venue).calendar for listing in listings()}
    for symbol, day in planted_faults():
        assert day in all_sessions(calendars[symbol])["session_date"], (symbol, day)
        assert FIRST_DAY <= day <= SAMPLE_AS_OF
    assert {*planted_gaps(), *bad_ticks()} == set(planted_faults())
    assert len(planted_gaps()) == 11
    assert set(planted_faults().values()) == {MISSING, *bad_ticks().values()}
    assert set(bad_ticks().values()) <= set(REASONS)
