"""Percentiles in the own past and in the stationary bootstrap.

See docs/method/07-regime.md#7.2.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.errors import InputError
from analytics.regime.components import volatility_ratio
from analytics.regime.percentiles import bootstrap_percentiles, bootstrap_positions, expanding_percentile


@settings(deadline=None)
@given(st.lists(st.integers(min_value=-3, max_value=3) | st.none(), max_size=60), st.integers(min_value=1, max_value=9))
def test_the_percentile_counts_what_is_below_and_half_of_what_is_equal(past: list[int | None], least: int) -> None:
    values = np.array([np.nan if value is None else float(value) for value in past])
    percentiles = expanding_percentile(values, min_history=least)
    for session, value in enumerate(values):
        known = values[: session + 1][np.isfinite(values[: session + 1])]
        if np.isnan(value) or known.size < least:
            assert np.isnan(percentiles[session])
        else:
            expected = ((known < value).sum() + (known == value).sum() / 2) / known.size
            assert percentiles[session] == pytest.approx(expected, abs=1e-15)


def test_blocks_run_on_for_ten_sessions_on_average_and_wrap_round() -> None:
    drawn = bootstrap_positions(100, 250, 2000, np.random.default_rng(1))
    assert drawn.shape == (2000, 250)
    assert (drawn.min(), drawn.max()) == (0, 99)
    runs_on = np.diff(drawn, axis=1) % 100 == 1
    # A new block starts with probability 1/10 and follows by chance in one of a hundred.
    assert abs(runs_on.mean() - (0.9 + 0.1 / 100)) < 0.002
    assert ((drawn[:, :-1] == 99) & (drawn[:, 1:] == 0)).any()
    assert abs(np.bincount(drawn.ravel()).std() / 5000) < 0.02
    starts = drawn[:, 0]
    assert abs(starts.mean() - 49.5) < 2.0


def test_the_bootstrap_percentile_is_the_rank_among_the_values_of_its_samples() -> None:
    stream = 0.01 * np.random.default_rng(2).standard_normal(70)
    ratios = np.array(
        [volatility_ratio(stream[np.newaxis, : last + 1])[0] if last > 10 else np.nan for last in range(70)]
    )
    percentiles = bootstrap_percentiles(
        stream,
        {"ratio": ratios},
        {"ratio": volatility_ratio},
        first_session=63,
        window_sessions={"ratio": 200},
        n_samples=500,
        rng=np.random.default_rng(3),
    )["ratio"]
    rng = np.random.default_rng(3)
    first = volatility_ratio(stream[:64][bootstrap_positions(64, 64, 500, rng)])
    second = volatility_ratio(stream[:70][bootstrap_positions(70, 70, 500, rng)])
    assert np.isnan(percentiles[:63]).all()
    np.testing.assert_allclose(percentiles[63:69], [(first < value).mean() for value in ratios[63:69]], atol=1e-15)
    assert percentiles[69] == pytest.approx((second < ratios[69]).mean(), abs=1e-15)


def test_a_stream_whose_samples_never_move_has_no_null_distribution() -> None:
    with pytest.raises(InputError, match="ratio has no bootstrap null distribution"):
        bootstrap_percentiles(
            np.zeros(70),
            {"ratio": np.zeros(70)},
            {"ratio": volatility_ratio},
            first_session=63,
            window_sessions={"ratio": 200},
            n_samples=100,
            rng=np.random.default_rng(3),
        )
