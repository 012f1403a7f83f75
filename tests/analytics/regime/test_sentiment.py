"""Currency strength, risk appetite and the exposure multiplier.

See docs/method/07-regime.md#7.6.
"""

from __future__ import annotations

import numpy as np
import pytest

from analytics.errors import InputError, ShortHistoryError
from analytics.regime.sentiment import G8, currency_strength, exposure_multiplier, risk_appetite


def closes(sessions: int = 300, seed: int = 75) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: np.exp(np.cumsum(0.005 * rng.standard_normal(sessions))) for name in G8 if name != "USD"}


def test_strength_is_the_mean_log_return_against_the_other_seven() -> None:
    levels = {**closes(), "USD": np.ones(300)}
    strengths = currency_strength(levels)
    assert np.isnan(strengths[:20]).all()
    for column, own in enumerate(G8):
        crosses = [np.log(levels[own] / levels[other]) for other in G8 if other != own]
        moves = np.mean([cross[20:] - cross[:-20] for cross in crosses], axis=0)
        np.testing.assert_allclose(strengths[20:, column], moves, atol=1e-14)


def test_strengths_sum_to_nothing() -> None:
    np.testing.assert_allclose(currency_strength(closes())[20:].sum(axis=1), 0.0, atol=1e-14)


def test_appetite_is_risk_currencies_less_havens_each_in_its_own_deviations() -> None:
    strengths = currency_strength(closes())
    score = {
        name: (column[-1] - column[-250:].mean()) / column[-250:].std(ddof=1)
        for name, column in zip(G8, strengths.T, strict=True)
    }
    expected = (score["AUD"] + score["NZD"] + score["CAD"]) / 3 - (score["JPY"] + score["CHF"] + score["USD"]) / 3
    appetite = risk_appetite(closes())
    assert appetite[-1] == pytest.approx(expected, rel=1e-12)
    assert np.isnan(appetite[:269]).all()
    assert np.isfinite(appetite[269:]).all()


def test_a_flight_to_havens_lowers_the_multiplier_and_appetite_does_not_raise_it() -> None:
    fleeing, hungry = closes(), closes()
    for name in ("AUD", "NZD", "CAD"):
        fleeing[name][-20:] *= np.linspace(1.0, 0.8, 20)
        hungry[name][-20:] *= np.linspace(1.0, 1.25, 20)
    assert exposure_multiplier(risk_appetite(fleeing)[-1]) < 1.0
    assert exposure_multiplier(risk_appetite(hungry)[-1]) == 1.0


def test_the_future_does_not_reach_back() -> None:
    changed = closes()
    for series in changed.values():
        series[280:] *= 3.0
    np.testing.assert_array_equal(risk_appetite(changed)[:280], risk_appetite(closes())[:280])


@pytest.mark.parametrize(("score", "multiplier"), [(-9.0, 0.5), (-2.0, 0.5), (-1.0, 0.75), (0.0, 1.0), (3.0, 1.0)])
def test_the_multiplier_is_clipped(score: float, multiplier: float) -> None:
    assert exposure_multiplier(score) == multiplier


def test_an_unknown_appetite_is_not_a_neutral_one() -> None:
    with pytest.raises(InputError, match="unknown"):
        exposure_multiplier(float("nan"))


def test_closes_that_cannot_be_right_are_refused() -> None:
    lacking = closes()
    del lacking["JPY"]
    with pytest.raises(InputError, match="lacks JPY"):
        risk_appetite(lacking)
    with pytest.raises(InputError, match="does not include SEK"):
        risk_appetite({**closes(), "SEK": np.ones(300)})
    with pytest.raises(InputError, match="EUR has a close that is not positive"):
        risk_appetite({**closes(), "EUR": np.zeros(300)})
    with pytest.raises(InputError, match="CHF has shape"):
        risk_appetite({**closes(), "CHF": np.ones(299)})
    with pytest.raises(ShortHistoryError, match=r"270 sessions .* has 269"):
        risk_appetite(closes(269))
