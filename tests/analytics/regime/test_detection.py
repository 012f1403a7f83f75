"""Regime: no look-ahead, scale, short and broken streams, bounds on noise and jumps.

See docs/method/07-regime.md.
"""

from __future__ import annotations

import time
from datetime import date, timedelta

import numpy as np
import pytest

from analytics.errors import InputError, ShortHistoryError
from analytics.regime.components import COMPONENTS
from analytics.regime.detection import RegimeHistory, detect_regime
from analytics.settings import REGIMES, Flags, RegimeSettings
from benchmarks.regime.simulation import noise_and_jumps

SETTINGS, FLAGS = RegimeSettings(), Flags()
PRIOR = SETTINGS.prior_for("etf")
PAST_SESSIONS = (120, 260, 500, 1000)


def noise(sessions: int, seed: int = 0, scale: float = PRIOR) -> np.ndarray:
    return scale * np.random.default_rng(seed).standard_normal(sessions)


def eventful(sessions: int = 900, seed: int = 5) -> np.ndarray:
    """Noise with calm and wild spells, so that every state occurs."""
    factors = np.repeat([1.0, 0.6, 1.3, 1.8, 4.0, 0.8, 1.6, 1.0, 0.7], 100)
    return noise(sessions, seed) * np.resize(factors, sessions)


def detect(
    stream: np.ndarray,
    settings: RegimeSettings = SETTINGS,
    correlation: np.ndarray | None = None,
    *,
    flags: Flags = FLAGS,
    kind: str = "etf",
) -> RegimeHistory:
    return detect_regime(stream, kind=kind, past_average_correlation=correlation, settings=settings, flags=flags)


def assert_same_until(known: int, one: RegimeHistory, other: RegimeHistory) -> None:
    assert one.regimes[:known] == other.regimes[:known]
    assert one.deciding_components[:known] == other.deciding_components[:known]
    for name in ("scores", "long_run_volatility", "prior_share"):
        np.testing.assert_array_equal(getattr(one, name)[:known], getattr(other, name)[:known])
    for name in COMPONENTS:
        np.testing.assert_array_equal(one.components[name][:known], other.components[name][:known])


def test_every_state_and_every_deciding_component_occurs() -> None:
    history = detect(eventful())
    assert set(history.regimes) == {None, *REGIMES}
    assert set(history.deciding_components) == {None, "volatility_level", "drawdown", "spectral_level"}


def test_the_state_is_the_worst_of_the_last_five_sessions() -> None:
    history = detect(eventful())
    level, drawdown = history.components["volatility_level"], history.components["drawdown"]
    spectrum = history.components["spectral_level"]
    alone = []
    for at in range(900):
        by_level = int(level[at] >= 0.9) + int(level[at] >= 1.5) + int(level[at] >= 2.0)
        if by_level == 0 and drawdown[at] >= 0.1:
            by_level = 1
        elif by_level == 2 and drawdown[at] >= 0.2:
            by_level = 3
        alone.append(2 if by_level == 1 and spectrum[at] >= 1.5 else by_level)
    for at in range(70, 900):
        assert history.regimes[at] == REGIMES[max(alone[at - 4 : at + 1])]


def test_the_score_is_one_half_at_the_usual_volatility_and_rises_with_the_level() -> None:
    history = detect(eventful())
    level = history.components["volatility_level"][63:]
    np.testing.assert_allclose(history.scores[63:] / (1 - history.scores[63:]), level, rtol=1e-12)
    assert np.isnan(history.scores[:63]).all()
    assert ((history.scores[63:] > 0.0) & (history.scores[63:] < 1.0)).all()


@pytest.mark.parametrize("known", [64, 120, 199, 200, 252, 499, 640])
def test_the_future_leaves_everything_before_it_bit_identical(known: int) -> None:
    stream, correlation = eventful(760), np.random.default_rng(4).uniform(size=760)
    changed, other = stream.copy(), correlation.copy()
    changed[known:] = noise(760 - known, seed=9, scale=0.08)
    other[known:] = 0.99
    as_it_was, replaced = detect(stream, correlation=correlation), detect(changed, correlation=other)
    assert_same_until(known, replaced, as_it_was)
    assert_same_until(known, detect(stream[:known], correlation=correlation[:known]), as_it_was)
    assert not np.array_equal(replaced.scores, as_it_was.scores, equal_nan=True)


@pytest.mark.parametrize("scale", [1e-3, 7.0])
def test_a_market_and_its_prior_in_another_unit_have_the_same_states(scale: float) -> None:
    stream = np.maximum(eventful(), -0.1)
    # Drawdowns are not linear in returns; without their cuts only volatility decides.
    cuts = {"quiet_drawdown": 1.0, "crisis_drawdown": 1.0}
    usual = detect(stream, RegimeSettings(prior_volatility={"etf": PRIOR}, **cuts))
    scaled = detect(scale * stream, RegimeSettings(prior_volatility={"etf": min(scale * PRIOR, 0.99)}, **cuts))
    assert scaled.regimes == usual.regimes
    np.testing.assert_allclose(scaled.scores, usual.scores, rtol=1e-10)


def test_a_wrong_prior_is_forgotten_as_the_past_grows() -> None:
    stream = noise(6000)
    halved = RegimeSettings(prior_volatility={"etf": PRIOR / 2})
    usual, wrong = detect(stream), detect(stream, halved)
    ratios = wrong.components["volatility_level"] / usual.components["volatility_level"]
    np.testing.assert_allclose(ratios, 2.0**usual.prior_share, rtol=1e-12)
    assert ratios[63] > 1.9
    assert ratios[-1] < 1.09


def test_each_kind_of_stream_has_its_own_prior() -> None:
    stream = noise(200, scale=0.0278)
    assert detect(stream, kind="crypto").regime in ("QUIET", "NORMAL")
    assert detect(stream, kind="etf").regime == "CRISIS"
    with pytest.raises(InputError, match="kind 'bond'"):
        detect(stream, kind="bond")


def test_without_the_spectral_flag_nothing_is_turbulent_and_nothing_else_changes() -> None:
    stream = eventful()
    seen, plain = detect(stream), detect(stream, flags=Flags(feat_spectral_regimes=False))
    assert "TURBULENT" in seen.regimes
    assert "TURBULENT" not in plain.regimes
    for one, other in zip(seen.regimes, plain.regimes, strict=True):
        assert other == ("NORMAL" if one == "TURBULENT" else one)
    np.testing.assert_array_equal(seen.scores, plain.scores)


def test_a_closed_session_repeats_the_last_open_one() -> None:
    stream = eventful(650)
    with_closed = np.insert(stream, [0, 100, 300, 301, 648], np.nan)
    open_sessions = np.flatnonzero(np.isfinite(with_closed))
    whole, gapped = detect(stream), detect(with_closed)
    np.testing.assert_array_equal(gapped.scores[open_sessions], whole.scores)
    assert [gapped.regimes[at] for at in open_sessions] == list(whole.regimes)
    for session in np.flatnonzero(np.isnan(with_closed))[1:]:
        assert gapped.scores[session] == gapped.scores[session - 1] or np.isnan(gapped.scores[session])
        assert gapped.regimes[session] == gapped.regimes[session - 1]
        assert gapped.deciding_components[session] == gapped.deciding_components[session - 1]
    assert gapped.regimes[0] is None


def test_constant_prices_are_quiet_at_first_and_after_a_move() -> None:
    stream = noise(400)
    stream[:100] = 0.0
    stream[300:] = 0.0
    history = detect(stream)
    assert history.regimes[99] == "QUIET"
    assert history.components["volatility_level"][99] == 0.0
    assert history.regimes[-1] in ("QUIET", "NORMAL")
    assert history.components["volatility_level"][-1] < 0.05
    assert np.isfinite(history.scores[63:]).all()


def test_a_long_fall_without_volatility_is_not_quiet() -> None:
    stream = np.tile([0.001, -0.003], 150)
    history = detect(stream)
    assert history.components["volatility_level"][-1] < 0.9
    assert history.components["drawdown"][-1] > 0.2
    assert (history.regime, history.deciding_components[-1]) == ("NORMAL", "drawdown")


def test_the_correlation_is_shown_and_decides_nothing() -> None:
    stream, correlation = eventful(), np.linspace(0.1, 0.9, 900)
    without, with_it = detect(stream), detect(stream, correlation=correlation)
    assert with_it.regimes == without.regimes
    np.testing.assert_array_equal(with_it.components["average_correlation"], correlation)
    assert np.isnan(without.components["average_correlation"]).all()


@pytest.mark.parametrize("past", PAST_SESSIONS)
def test_noise_and_jumps_keep_their_bounds_at_every_length_of_the_past(past: int) -> None:
    alarms, seen = noise_and_jumps(past, SETTINGS, n_simulations=150, seed=5000)
    assert alarms <= 0.02
    assert seen >= 0.97


def test_five_thousand_sessions_take_less_than_fifty_milliseconds() -> None:
    stream = noise(5000)
    seconds = []
    for _ in range(5):
        began = time.process_time()
        detect(stream)
        seconds.append(time.process_time() - began)
    assert min(seconds) < 0.05


def test_the_table_has_one_row_per_judged_session() -> None:
    history = detect(noise(100))
    days = [date(2024, 1, 1) + timedelta(days=at) for at in range(100)]
    table = history.frame(days)
    leading = ["session_date", "regime", "score", "deciding_component"]
    assert table.columns == [*leading, *COMPONENTS, "long_run_volatility", "prior_share"]
    assert table.height == 100 - 63
    assert table["session_date"][0] == days[63]
    assert table["average_correlation"].null_count() == table.height
    assert table["regime"][-1] == history.regime
    assert table["score"][-1] == history.score
    # The volatilities of 80 of the 100 sessions are counted: the first 20 rest on too few returns.
    assert table["prior_share"][-1] == pytest.approx(750 / (750 + 80))
    with pytest.raises(InputError, match="100 sessions were judged and 99 dates"):
        history.frame(days[1:])


def test_streams_that_cannot_be_judged_are_refused() -> None:
    with pytest.raises(ShortHistoryError, match="63 open sessions and its regime needs 64"):
        detect(noise(63))
    with pytest.raises(InputError, match="at session 5"):
        detect(np.where(np.arange(100) == 5, -1.0, noise(100)))
    with pytest.raises(InputError, match="inf at session 7"):
        detect(np.where(np.arange(100) == 7, np.inf, noise(100)))
    with pytest.raises(InputError, match="does not move on any of its 100 open sessions"):
        detect(np.zeros(100))
    with pytest.raises(InputError, match="one return per session"):
        detect(np.zeros((100, 2)))
    with pytest.raises(InputError, match="differ in length"):
        detect(noise(100), correlation=np.zeros(99))


def test_the_shortest_stream_has_one_regime() -> None:
    history = detect(np.insert(noise(64), 0, np.nan))
    assert history.regimes[:64] == (None,) * 64
    assert history.regime in REGIMES
    early = RegimeHistory(history.scores[:64], history.regimes[:64], (), {}, history.scores, history.scores)
    with pytest.raises(ShortHistoryError, match="no full window yet"):
        _ = early.regime
