"""The regime: no look-ahead, hysteresis, what noise and panics are called, and how fast.

See docs/method/07-regime.md.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from analytics.errors import InputError, ShortHistoryError
from analytics.regime.components import COMPONENTS, STREAM_COMPONENTS, average_correlation
from analytics.regime.detection import RegimeHistory, detect_regime
from analytics.settings import REGIME_COMPONENTS, REGIMES, Flags, RegimeSettings
from scripts.calibrate_regime import CALMS, PANICS, Stream, bounds_by_length, simulate, spy_stream

ROOT = Path(__file__).resolve().parents[3]
REAL_DATA = Path(os.environ.get("LAKEFOLIO_REAL_DATA", ROOT.parent / "shared" / "data"))
ALARMS = frozenset({"TURBULENT", "CRISIS"})
SETTINGS, FLAGS = RegimeSettings(), Flags()
PAST_SESSIONS = (120, 260, 400, 756)


def noise(sessions: int, seed: int = 0, scale: float = 0.01) -> np.ndarray:
    return scale * np.random.default_rng(seed).standard_normal(sessions)


def detect(
    stream: np.ndarray,
    settings: RegimeSettings = SETTINGS,
    correlation: np.ndarray | None = None,
    *,
    flags: Flags = FLAGS,
    n_bootstrap: int = 200,
) -> RegimeHistory:
    return detect_regime(
        stream,
        past_average_correlation=correlation,
        settings=settings,
        flags=flags,
        rng=np.random.default_rng(7),
        n_bootstrap=n_bootstrap,
    )


def alarm_share(history: RegimeHistory, first: int = 0) -> float:
    return float(np.mean([regime in ALARMS for regime in history.regimes[first:] if regime is not None]))


def test_the_score_is_the_weighted_mean_of_the_percentiles() -> None:
    correlation = np.random.default_rng(3).uniform(size=700)
    history = detect(noise(700), correlation=correlation)
    weights = SETTINGS.active_weights(FLAGS)
    expected = sum(weight * history.percentiles[name] for name, weight in weights.items()) / sum(weights.values())
    np.testing.assert_allclose(history.scores[63:], expected[63:], rtol=1e-14)
    assert np.isnan(history.scores[:63]).all()
    assert ((history.scores[63:] >= 0.0) & (history.scores[63:] <= 1.0)).all()


def test_percentiles_are_of_the_own_past_once_250_full_windows_are_known() -> None:
    history = detect(noise(700))
    assert history.calibrations[498] == "bootstrap"
    assert history.calibrations[499] == "history"
    for name, needed in (("volatility_ratio", 200), ("drawdown", 251), ("permutation_entropy", 64)):
        values = history.components[name]
        for session in (needed + 248, 600, 699):
            past = values[needed - 1 : session + 1]
            below = (past < past[-1]).mean() + (past == past[-1]).mean() / 2
            assert history.percentiles[name][session] == pytest.approx(below, abs=1e-15)


@pytest.mark.parametrize("known", [64, 120, 499, 500, 640])
def test_the_future_leaves_every_score_bit_identical(known: int) -> None:
    stream = noise(760)
    correlation = np.random.default_rng(4).uniform(size=760)
    changed, other = stream.copy(), correlation.copy()
    changed[known:] = noise(760 - known, seed=9, scale=0.08)
    other[known:] = 0.99
    as_it_was, replaced = detect(stream, correlation=correlation), detect(changed, correlation=other)
    cut = detect(stream[:known], correlation=correlation[:known])
    for later in (replaced, cut):
        np.testing.assert_array_equal(later.scores[:known], as_it_was.scores[:known])
        assert later.regimes[:known] == as_it_was.regimes[:known]
        assert later.calibrations[:known] == as_it_was.calibrations[:known]
        for name in COMPONENTS:
            np.testing.assert_array_equal(later.percentiles[name][:known], as_it_was.percentiles[name][:known])
    if known < 760 - 64:
        assert not np.array_equal(replaced.scores, as_it_was.scores, equal_nan=True)


def test_the_seed_decides_the_bootstrap_and_nothing_else() -> None:
    stream = noise(700)
    one, other = (
        detect_regime(stream, settings=SETTINGS, flags=FLAGS, rng=np.random.default_rng(seed), n_bootstrap=200)
        for seed in (1, 2)
    )
    assert not np.array_equal(one.scores[:499], other.scores[:499], equal_nan=True)
    np.testing.assert_array_equal(one.scores[499:], other.scores[499:])
    np.testing.assert_array_equal(detect(stream).scores, detect(stream).scores)


def test_a_state_is_entered_at_once_and_left_after_the_confirming_sessions() -> None:
    settings = RegimeSettings(confirm_sessions=3)
    history = detect(noise(900, seed=5), settings)
    lows = settings.active_thresholds(FLAGS)
    state, below = "QUIET", 0
    for score, regime in zip(history.scores[63:], history.regimes[63:], strict=True):
        reached = [name for name in REGIMES if score >= lows[name]][-1]
        below = below + 1 if score < lows[state] else 0
        if REGIMES.index(reached) >= REGIMES.index(state):
            state, below = reached, 0
        if below >= settings.confirm_sessions:
            break
        assert regime == state
    assert len(set(history.regimes)) > 3
    # Each state holds the level of the best of its last three scores.
    for session in range(66, 900):
        best = max(history.scores[session - 2 : session + 1])
        assert history.regimes[session] == [name for name in REGIMES if best >= lows[name]][-1]


def test_longer_confirmation_never_calms_a_session() -> None:
    stream = noise(800, seed=11)
    hasty, patient = (detect(stream, RegimeSettings(confirm_sessions=n)) for n in (1, 8))
    levels = [[REGIMES.index(r) for r in history.regimes[63:] if r] for history in (hasty, patient)]
    assert all(slow >= fast for fast, slow in zip(*levels, strict=True))
    assert sum(levels[1]) > sum(levels[0])


def test_without_the_spectral_flag_the_dwt_has_no_weight_and_nothing_is_turbulent() -> None:
    stream = noise(900, seed=5)
    plain = detect(stream, flags=Flags(feat_spectral_regimes=False))
    weights = {name: w for name, w in SETTINGS.weights.items() if name not in {"dwt_turbulence", "average_correlation"}}
    expected = sum(w * plain.percentiles[name] for name, w in weights.items()) / sum(weights.values())
    np.testing.assert_allclose(plain.scores[63:], expected[63:], rtol=1e-14)
    assert "TURBULENT" not in plain.regimes
    assert "TURBULENT" in detect(stream).regimes
    assert not np.array_equal(plain.scores, detect(stream).scores, equal_nan=True)


def test_every_component_with_weight_moves_the_score_its_way() -> None:
    stream, correlation = noise(600), np.linspace(0.1, 0.9, 600)
    for name in COMPONENTS:
        only = RegimeSettings(weights={"drawdown": 1e-12} | {name: 1.0})
        history = detect(stream, only, correlation)
        np.testing.assert_allclose(history.scores[63:], history.percentiles[name][63:], atol=1e-9)


def test_a_closed_session_repeats_what_the_last_open_one_knew() -> None:
    stream = noise(650)
    closed = np.array([100, 300, 301, 648])
    holed = np.insert(stream, closed, np.nan)
    open_sessions = np.flatnonzero(np.isfinite(holed))
    whole, gapped = detect(stream), detect(holed)
    np.testing.assert_array_equal(gapped.scores[open_sessions], whole.scores)
    for session in np.flatnonzero(np.isnan(holed)):
        assert gapped.scores[session] == gapped.scores[session - 1]
        assert gapped.regimes[session] == gapped.regimes[session - 1]


def test_no_correlation_gives_its_weight_to_the_others_from_the_session_it_is_missing() -> None:
    stream = noise(650)
    late = np.random.default_rng(2).uniform(size=650)
    late[:400] = np.nan
    without, arriving = detect(stream), detect(stream, correlation=late)
    np.testing.assert_array_equal(arriving.scores[:419], without.scores[:419])
    assert (arriving.scores[419:] != without.scores[419:]).all()


def test_white_noise_is_called_turbulent_or_worse_in_at_most_five_percent_of_sessions() -> None:
    shares = [alarm_share(detect(noise(1100, seed), n_bootstrap=100), 500) for seed in range(50)]
    assert np.mean(shares) <= 0.05


@pytest.mark.parametrize("scale", [1e-5, 0.1])
def test_the_variance_of_the_noise_changes_nothing(scale: float) -> None:
    for seed in range(4):
        usual, other = (alarm_share(detect(noise(1200, seed, size), n_bootstrap=100), 500) for size in (0.01, scale))
        assert abs(usual - other) < 0.02


def test_white_noise_with_a_short_past_is_called_so_in_at_most_five_percent_too() -> None:
    shares = [alarm_share(detect(noise(320, 1000 + seed), n_bootstrap=300)) for seed in range(50)]
    assert np.mean(shares) <= 0.05


@pytest.fixture(scope="module")
def bounds() -> np.ndarray:
    """(lengths, 4): noise, jump, noise with correlation, jump with correlation."""
    trials = [simulate(past, 5000, n_trials=160, n_bootstrap=200) for past in PAST_SESSIONS]
    return bounds_by_length(np.stack(trials), SETTINGS)


@pytest.mark.parametrize("column", [0, 2], ids=["alone", "with correlation"])
def test_noise_keeps_its_bound_at_every_length_of_the_past(bounds: np.ndarray, column: int) -> None:
    assert bounds[:, column].max() <= 0.05
    assert bounds[:, column].mean() > 0.01


@pytest.mark.parametrize("column", [1, 3], ids=["alone", "with correlation"])
def test_a_fourfold_jump_of_volatility_is_seen_within_ten_sessions_at_every_length(
    bounds: np.ndarray, column: int
) -> None:
    assert bounds[:, column].min() >= 0.95


@pytest.mark.parametrize("past", [120, 400, 756])
def test_the_simulated_bounds_are_those_of_the_states(past: int) -> None:
    trials = simulate(past, 3, n_trials=12, n_bootstrap=200)
    rng = np.random.default_rng([3, past])
    alarms, seen = [], []
    for _ in range(12):
        pool = 0.01 * rng.standard_normal((past + 10, 20))
        pool[past:] *= 4.0
        history = detect_regime(
            pool.mean(axis=1),
            past_average_correlation=average_correlation(pool),
            settings=SETTINGS,
            flags=FLAGS,
            n_bootstrap=200,
            rng=rng,
            first_judged=past - 10,
        )
        alarms += [regime in ALARMS for regime in history.regimes[past - 9 : past]]
        seen.append(any(regime in ALARMS for regime in history.regimes[past:]))
    shares = bounds_by_length(trials[np.newaxis], SETTINGS)[0]
    assert shares[2:].tolist() == [np.mean(alarms), np.mean(seen)]


def test_sessions_that_need_no_answer_change_none_of_the_later_ones() -> None:
    stream, correlation = noise(700), np.random.default_rng(4).uniform(size=700)
    whole = detect(stream, correlation=correlation)
    part = detect_regime(
        stream,
        past_average_correlation=correlation,
        settings=SETTINGS,
        flags=FLAGS,
        n_bootstrap=200,
        rng=np.random.default_rng(7),
        first_judged=560,
    )
    np.testing.assert_array_equal(part.scores[560:], whole.scores[560:])
    assert part.regimes[560:] == whole.regimes[560:]
    assert set(part.regimes[:499]) == {None}
    late = detect_regime(
        stream[:400], settings=SETTINGS, flags=FLAGS, n_bootstrap=200, rng=np.random.default_rng(7), first_judged=390
    )
    assert late.regimes[350] is None
    assert all(late.regimes[390:])
    np.testing.assert_allclose(late.scores[390:], detect(stream[:400]).scores[390:], atol=0.1)


def test_a_jump_of_the_whole_markets_volatility_is_seen_with_the_pools_correlation_too() -> None:
    seen = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        market = 0.01 * rng.standard_normal(600)
        market[590:] *= 4.0
        pool = market[:, np.newaxis] + 0.01 * rng.standard_normal((600, 12))
        history = detect(market, SETTINGS, average_correlation(pool))
        seen.append(alarm_share(history, 590) > 0.0)
    assert np.mean(seen) >= 0.95


def fastest(work: Callable[[], RegimeHistory]) -> float:
    seconds = []
    for _ in range(3):
        began = time.process_time()
        work()
        seconds.append(time.process_time() - began)
    return min(seconds)


def test_two_thousand_sessions_take_half_a_second_and_a_short_past_less_than_three() -> None:
    long, short = noise(2000), noise(499)
    assert fastest(lambda: detect(long, n_bootstrap=2000)) < 0.5
    assert fastest(lambda: detect(short, n_bootstrap=2000)) < 3.0


def test_the_table_has_one_row_per_judged_session() -> None:
    history = detect(noise(100))
    days = [date(2024, 1, 1) + timedelta(days=at) for at in range(100)]
    table = history.frame(days)
    expected = ["session_date", "regime", "score", *COMPONENTS, *(f"{name}_percentile" for name in COMPONENTS)]
    assert table.columns == [*expected, "calibration"]
    assert table.height == 100 - 63
    assert table["session_date"][0] == days[63]
    assert table["average_correlation"].null_count() == table.height
    assert table["regime"][-1] == history.regime
    assert table["score"][-1] == history.score
    assert set(table["calibration"]) == {history.calibration} == {"bootstrap"}
    with pytest.raises(InputError, match="100 sessions were judged and 99 dates"):
        history.frame(days[1:])


def test_what_cannot_be_judged_is_refused() -> None:
    with pytest.raises(ShortHistoryError, match="63 open sessions and its regime needs 64"):
        detect(noise(63))
    with pytest.raises(InputError, match="at session 5"):
        detect(np.where(np.arange(100) == 5, -1.0, noise(100)))
    with pytest.raises(InputError, match="inf at session 7"):
        detect(np.where(np.arange(100) == 7, np.inf, noise(100)))
    with pytest.raises(InputError, match="does not move"):
        detect(np.zeros(100))
    with pytest.raises(InputError, match="one return per session"):
        detect(np.zeros((100, 2)))
    with pytest.raises(InputError, match="differ in length"):
        detect(noise(100), correlation=np.zeros(99))
    warming = detect(np.insert(noise(64), 0, np.nan))
    assert warming.regimes[63] is None
    with pytest.raises(ShortHistoryError, match="no full window yet"):
        _ = RegimeHistory(warming.scores[:64], warming.regimes[:64], {}, {}, warming.calibrations[:64]).regime


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"confirm_session": 2}, "confirm_session"),
        ({"weights": {"volatilty_ratio": 1.0}}, "volatilty_ratio"),
        ({"weights": {"drawdown": -0.1}}, "weights.drawdown"),
        ({"weights": {"average_correlation": 1.0}}, "no component of the market stream"),
        ({"thresholds": {"NORMAL": 0.5, "CRISIS": 0.9}}, "lack TURBULENT"),
        ({"thresholds": {"NORMAL": 0.5, "TURBULENT": 0.9, "CRISIS": 0.8}}, "must rise"),
        ({"confirm_sessions": 0}, "confirm_sessions"),
    ],
)
def test_settings_that_cannot_be_right_are_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RegimeSettings.model_validate(values)


def test_without_spectral_regimes_the_dwt_alone_is_no_weight() -> None:
    only_spectral = RegimeSettings(weights={"dwt_turbulence": 1.0})
    assert only_spectral.active_weights(FLAGS) == {"dwt_turbulence": 1.0}
    with pytest.raises(InputError, match="no component of the market stream"):
        only_spectral.active_weights(Flags(feat_spectral_regimes=False))


def test_the_settings_name_the_components_in_their_order() -> None:
    assert REGIME_COMPONENTS == COMPONENTS


def test_the_frozen_settings_travel_through_a_manifest() -> None:
    values = SETTINGS.model_dump()
    assert RegimeSettings.model_validate(values) == SETTINGS
    assert values["weights"] == {
        "volatility_ratio": 0.725,
        "dwt_turbulence": 0.025,
        "volatility_clustering": 0.15,
        "permutation_entropy": 0.05,
        "drawdown": 0.05,
        "average_correlation": 0.025,
    }
    assert values["thresholds"] == {"NORMAL": 0.5, "TURBULENT": 0.866, "CRISIS": 0.918}
    assert values["confirm_sessions"] == 2
    assert set(STREAM_COMPONENTS) < set(values["weights"])


@pytest.fixture(scope="module")
def spy() -> tuple[Stream, RegimeHistory]:
    if not (REAL_DATA / "market.parquet").exists() or not (REAL_DATA / "long_history.parquet").exists():
        pytest.skip("the market data beside the project are absent")
    stream = spy_stream(REAL_DATA, spliced=True)
    return stream, detect_regime(stream.returns, settings=SETTINGS, flags=FLAGS, rng=np.random.default_rng(1))


def regimes_between(spy: tuple[Stream, RegimeHistory], first: date, last: date) -> list[str | None]:
    stream, history = spy
    return [regime for day, regime in zip(stream.dates, history.regimes, strict=True) if first <= day <= last]


@pytest.mark.real_data
@pytest.mark.parametrize(("panic", "least"), [("2018-02", 0.75), ("2018-12", 0.25), ("2020-03", 0.75)])
def test_known_panics_are_alarms_for_a_share_of_their_sessions(
    spy: tuple[Stream, RegimeHistory], panic: str, least: float
) -> None:
    regimes = regimes_between(spy, *PANICS[panic])
    assert np.mean([regime in ALARMS for regime in regimes]) > least
    assert "QUIET" not in regimes


@pytest.mark.real_data
def test_2022_alarms_at_its_beginning_and_is_rarely_quiet(spy: tuple[Stream, RegimeHistory]) -> None:
    stream, history = spy
    alarms = [d for d, r in zip(stream.dates, history.regimes, strict=True) if d.year == 2022 and r in ALARMS]
    assert alarms
    assert date(2022, 1, 3) <= alarms[0] <= date(2022, 2, 4)
    assert np.mean([regime == "QUIET" for regime in regimes_between(spy, *PANICS["2022"])]) < 0.15


@pytest.mark.real_data
@pytest.mark.parametrize("calm", list(CALMS))
def test_known_calm_is_mostly_quiet(spy: tuple[Stream, RegimeHistory], calm: str) -> None:
    regimes = regimes_between(spy, *CALMS[calm])
    assert np.mean([regime == "QUIET" for regime in regimes]) > 0.5
    assert "CRISIS" not in regimes
