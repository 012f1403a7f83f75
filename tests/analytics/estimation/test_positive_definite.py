"""Repair of covariances: floor and diagonal hold together, and a sound matrix is left alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.errors import InputError
from analytics.estimation.positive_definite import (
    eigenvalue_floor,
    is_positive_definite,
    nearest_positive_definite,
)


@given(st.integers(0, 10_000), st.integers(2, 12))
@settings(max_examples=40, deadline=None)
def test_repair_holds_floor_and_diagonal_at_once(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    correlation = rng.uniform(-1.0, 1.0, (size, size))
    correlation = np.triu(correlation, 1) + np.triu(correlation, 1).T + np.eye(size)
    volatility = 10.0 ** rng.uniform(-2.5, 1.0, size)
    matrix = correlation * np.outer(volatility, volatility)
    repaired, is_repaired = nearest_positive_definite(matrix)
    np.testing.assert_array_equal(np.diag(repaired), np.diag(matrix))
    floor = eigenvalue_floor(matrix)
    # An eigenvalue is known to machine precision times the largest one.
    assert np.linalg.eigvalsh(repaired)[0] >= floor - 1e-14 * np.trace(matrix)
    assert is_repaired == (np.linalg.eigvalsh(matrix)[0] < floor) or abs(np.linalg.eigvalsh(matrix)[0] - floor) < 1e-12


def test_repair_stays_nearer_than_shrinking_towards_the_diagonal() -> None:
    matrix = np.array([[1.0, 0.9, -0.9, 0.1], [0.9, 1.0, 0.9, 0.2], [-0.9, 0.9, 1.0, 0.3], [0.1, 0.2, 0.3, 1.0]])
    repaired, is_repaired = nearest_positive_definite(matrix)
    lowest = np.linalg.eigvalsh(matrix)[0]
    shrunk = matrix * (1.0 / (1.0 - lowest))
    np.fill_diagonal(shrunk, 1.0)
    assert is_repaired
    assert np.linalg.norm(repaired - matrix) < 0.99 * np.linalg.norm(shrunk - matrix)


def test_a_nearly_constant_instrument_keeps_its_variance_through_the_repair() -> None:
    matrix = np.array([[1.0, 0.9, 0.0], [0.9, 1.0, 0.0], [0.0, 0.0, 1e-12]])
    assert eigenvalue_floor(matrix) == 0.5e-12
    assert not nearest_positive_definite(matrix)[1]


def test_a_positive_definite_matrix_is_returned_unchanged() -> None:
    matrix = np.cov(np.random.default_rng(0).normal(size=(100, 5)).T)
    repaired, is_repaired = nearest_positive_definite(matrix)
    assert repaired is matrix
    assert not is_repaired


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ([[1.0, 0.5], [0.4, 1.0]], "Asymmetric"),
        ([[1.0, np.nan], [np.nan, 1.0]], "finite"),
        ([[0.0, 0.0], [0.0, 1.0]], "column 0"),
    ],
)
def test_a_matrix_that_is_no_covariance_is_refused(matrix: list[list[float]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        nearest_positive_definite(np.array(matrix))


@pytest.mark.parametrize(("floor", "expected"), [(0.0, True), (0.0999, True), (0.1001, False)])
def test_the_floor_is_compared_with_the_smallest_eigenvalue(floor: float, expected: bool) -> None:
    matrix = np.array([[1.0, 0.9], [0.9, 1.0]])
    assert is_positive_definite(matrix, floor) is expected
    np.testing.assert_array_equal(matrix, [[1.0, 0.9], [0.9, 1.0]])
