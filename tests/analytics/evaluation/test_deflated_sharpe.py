from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from analytics.errors import InputError, ShortHistoryError
from analytics.evaluation.deflated_sharpe import (
    deflated_sharpe,
    expected_maximum_sharpe,
    overfitting_probability,
    probabilistic_sharpe,
)

DAILY = 1 / np.sqrt(250)


def test_the_example_of_the_deflated_sharpe_paper() -> None:
    # Bailey, Lopez de Prado (2014), "A numerical example": annual Sharpe 2.5 over five years of 250 days, skew -3,
    # kurtosis 10, 100 trials whose annualised Sharpe ratios have variance 1/2.
    threshold = expected_maximum_sharpe(100, 0.5 / 250)
    assert threshold == pytest.approx(0.1132, abs=5e-5)
    found = deflated_sharpe(
        2.5 * DAILY, n_sessions=1250, skew=-3.0, kurtosis=10.0, n_trials=100, variance_of_sharpes=0.5 / 250
    )
    assert found == pytest.approx(0.9004, abs=5e-5)


@pytest.mark.parametrize(("n_trials", "skew", "kurtosis"), [(46, -3.0, 10.0), (88, 0.0, 3.0)])
def test_the_trials_at_which_the_paper_would_still_accept(n_trials: int, skew: float, kurtosis: float) -> None:
    found = deflated_sharpe(
        2.5 * DAILY, n_sessions=1250, skew=skew, kurtosis=kurtosis, n_trials=n_trials, variance_of_sharpes=0.5 / 250
    )
    assert found == pytest.approx(0.9505, abs=1e-3)


def test_the_example_of_the_sharpe_frontier_paper() -> None:
    # Bailey, Lopez de Prado (2012): two years of monthly returns, annual Sharpe 1.59, skew -2.448, kurtosis 10.164.
    monthly = 1.59 / np.sqrt(12)
    assert probabilistic_sharpe(monthly, n_sessions=24, skew=-2.448, kurtosis=10.164) == pytest.approx(0.913, abs=2e-3)
    assert probabilistic_sharpe(monthly, n_sessions=24, skew=0.0, kurtosis=3.0) == pytest.approx(0.982, abs=2e-3)


def test_the_figures_move_as_they_should() -> None:
    base = probabilistic_sharpe(0.1, n_sessions=250, skew=0.0, kurtosis=3.0)
    assert probabilistic_sharpe(0.1, n_sessions=500, skew=0.0, kurtosis=3.0) > base
    assert probabilistic_sharpe(0.1, n_sessions=250, skew=-1.0, kurtosis=3.0) < base
    assert probabilistic_sharpe(0.1, n_sessions=250, skew=0.0, kurtosis=9.0) < base
    assert probabilistic_sharpe(0.1, n_sessions=250, skew=0.0, kurtosis=3.0, threshold=0.1) == 0.5
    assert expected_maximum_sharpe(100, 0.01) > expected_maximum_sharpe(10, 0.01)
    assert expected_maximum_sharpe(10, 0.04) == pytest.approx(2 * expected_maximum_sharpe(10, 0.01), abs=1e-15)


def test_the_expected_maximum_is_about_that_of_normal_trials() -> None:
    # The paper's formula is an approximation, 1.2 % high at 50 trials.
    best = np.random.default_rng(0).normal(0, 0.1, (20_000, 50)).max(axis=1).mean()
    assert expected_maximum_sharpe(50, 0.01) == pytest.approx(best, rel=0.02)


def test_what_cannot_be_deflated_is_refused() -> None:
    with pytest.raises(InputError, match="more than one trial"):
        expected_maximum_sharpe(1, 0.01)
    with pytest.raises(InputError, match="no variance"):
        probabilistic_sharpe(1.0, n_sessions=10, skew=2.0, kurtosis=1.0)
    with pytest.raises(ShortHistoryError):
        probabilistic_sharpe(1.0, n_sessions=1, skew=0.0, kurtosis=3.0)


def overfitting_by_hand(returns: np.ndarray, n_blocks: int) -> tuple[float, list[float]]:
    blocks = np.array_split(returns, n_blocks)
    logits = []
    for chosen in combinations(range(n_blocks), n_blocks // 2):
        inside = np.concatenate([blocks[i] for i in chosen])
        outside = np.concatenate([blocks[i] for i in range(n_blocks) if i not in chosen])
        winner = int((inside.mean(axis=0) / inside.std(axis=0, ddof=1)).argmax())
        ranks = stats.rankdata(outside.mean(axis=0) / outside.std(axis=0, ddof=1))
        relative = ranks[winner] / (returns.shape[1] + 1)
        logits.append(float(np.log(relative / (1 - relative))))
    return sum(value <= 0 for value in logits) / len(logits), logits


def test_cross_validation_by_moments_equals_cross_validation_by_hand() -> None:
    returns = np.random.default_rng(3).normal(0.0004, 0.01, (203, 7))
    found = overfitting_probability(returns, n_blocks=6)
    probability, logits = overfitting_by_hand(returns, 6)
    assert found.probability == probability
    assert found.logits == pytest.approx(logits, abs=1e-12)


def test_noise_is_overfitted_half_of_the_time() -> None:
    found = [
        overfitting_probability(np.random.default_rng(seed).normal(0, 0.01, (400, 21)), n_blocks=8).probability
        for seed in range(60)
    ]
    # The splits of one sample overlap, so single values spread widely; their mean does not.
    assert np.mean(found) == pytest.approx(0.5, abs=0.12)


def test_skill_is_not_overfitting_and_its_slope_and_losses_say_so() -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 0.01, (800, 10))
    skilled = noise.copy()
    skilled[:, 4] += 0.003
    found = overfitting_probability(skilled, n_blocks=10)
    assert found.probability == 0.0
    assert found.probability_of_loss == 0.0
    assert overfitting_probability(noise, n_blocks=10).probability_of_loss > 0.1


def test_portfolios_that_differ_by_rounding_alone_share_their_rank() -> None:
    rng = np.random.default_rng(3)
    returns = rng.normal(0.0004, 0.01, 400)
    twins = np.column_stack([returns, returns * (1.0 + rng.choice([-2e-16, 0.0, 2e-16], 400))])
    assert set(overfitting_probability(twins, n_blocks=8).logits) == {0.0}


def test_what_cannot_be_cross_validated_is_refused() -> None:
    returns = np.random.default_rng(1).normal(0, 0.01, (40, 3))
    with pytest.raises(InputError, match="at least two portfolios"):
        overfitting_probability(returns[:, :1])
    with pytest.raises(InputError, match="7 blocks cannot be halved"):
        overfitting_probability(returns, n_blocks=7)
    with pytest.raises(ShortHistoryError, match="16 blocks need 32 sessions, the series has 30"):
        overfitting_probability(returns[:30])
    returns[:, 2] = 0.0
    with pytest.raises(InputError, match="portfolio 2 is constant"):
        overfitting_probability(returns)
