"""Piecewise-linear terms compared with the sums of absolute values that they represent."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog

from analytics.allocation import Turnover
from analytics.allocation.solvers.piecewise_linear import Pieces, QuadraticForm, box_pieces, turnover_pieces

UPPER = np.array([0.3, 0.5, 0.4, 0.6])


def turnover_of(seed: int) -> Turnover:
    """Nine instruments of four assets, some held in the opposite direction."""
    rng = np.random.default_rng(seed)
    owner = np.concatenate([np.arange(4), rng.integers(0, 4, 5)])
    share = rng.uniform(0.2, 1.0, 9)
    share /= np.bincount(owner, weights=share)[owner]
    return Turnover(1.0, rng.normal(0.05, 0.1, 9), owner, share, held_elsewhere=0.07)


def traded(turnover: Turnover, weights: np.ndarray) -> float:
    trades = turnover.share * weights[turnover.owner] - turnover.held
    return float(np.abs(trades).sum()) + turnover.held_elsewhere


@pytest.mark.parametrize("seed", range(10))
def test_the_value_is_the_turnover(seed: int) -> None:
    turnover = turnover_of(seed)
    pieces = turnover_pieces(UPPER, turnover)
    for weights in np.random.default_rng(seed).uniform(0.0, UPPER, (20, 4)):
        assert pieces.value(weights) == pytest.approx(traded(turnover, weights), abs=1e-12)
    np.testing.assert_array_equal(pieces.upper, UPPER)
    assert (np.diff(pieces.knots, axis=1) >= 0.0).all()
    assert (np.diff(pieces.slopes, axis=1) >= 0.0).all()


@pytest.mark.parametrize("seed", range(10))
def test_parts_and_joined_are_inverse_to_each_other(seed: int) -> None:
    pieces = turnover_pieces(UPPER, turnover_of(seed))
    owner, lengths, _ = pieces.parts()
    np.testing.assert_allclose(pieces.joined(owner, lengths), UPPER, atol=1e-15)
    assert (lengths > 0.0).all()


@pytest.mark.parametrize("seed", range(10))
def test_the_cheapest_weights_are_those_of_a_linear_program(seed: int) -> None:
    pieces = turnover_pieces(UPPER, turnover_of(seed))
    gradient = np.random.default_rng(seed).normal(size=4)
    owner, lengths, slopes = pieces.parts()
    expected = linprog(
        gradient[owner] + slopes,
        A_eq=np.ones((1, owner.size)),
        b_eq=[1.0],
        bounds=np.column_stack([0 * lengths, lengths]),
    )
    weights = pieces.cheapest(gradient, 1.0)
    assert weights.sum() == pytest.approx(1.0)
    assert gradient @ weights + pieces.value(weights) - pieces.offset == pytest.approx(expected.fun, abs=1e-10)


def test_subgradients_span_the_slopes_on_a_knot_and_are_unbounded_at_the_bounds() -> None:
    pieces = Pieces(np.array([[0.0, 0.2, 0.5]] * 4), np.array([[-1.0, 1.0]] * 4))
    low, high = pieces.subgradient_ranges(np.array([0.0, 0.1, 0.2, 0.5]), 1e-9)
    np.testing.assert_array_equal(low, [-np.inf, -1.0, -1.0, 1.0])
    np.testing.assert_array_equal(high, [-1.0, -1.0, 1.0, np.inf])


def test_snapped_weights_keep_the_budget_and_move_only_those_near_a_knot() -> None:
    pieces = box_pieces(np.array([0.4, 0.4, 0.4]))
    weights = pieces.snapped(np.array([0.4 - 1e-9, 0.3 + 1e-9, 0.3]), 1.0, 1e-8)
    assert weights[0] == 0.4
    assert weights.sum() == pytest.approx(1.0, abs=1e-15)
    np.testing.assert_allclose(weights[1:], 0.3, atol=1e-8)


@pytest.mark.parametrize("n_held", [1, 2, 5, 6])
def test_the_product_is_the_same_for_few_and_for_many_weights(n_held: int) -> None:
    rng = np.random.default_rng(n_held)
    factors = rng.normal(size=(6, 6))
    form = QuadraticForm(factors @ factors.T, rng.normal(size=6), box_pieces(np.ones(6)), budget=1.0, required=0.01)
    weights = np.where(np.arange(6) < n_held, 1.0 / n_held, 0.0)
    np.testing.assert_allclose(form.product(weights), form.covariance @ weights, rtol=1e-12)
    assert form.variance(weights) == pytest.approx(weights @ form.covariance @ weights)
    assert form.reward(weights) == pytest.approx(-form.cost @ weights - 0.01)
