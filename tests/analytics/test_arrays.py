"""Conversion of input to numbers, and messages for input that holds none."""

from __future__ import annotations

import numpy as np
import pytest

from analytics.arrays import as_numbers
from analytics.clustering.clusters import cluster_instruments
from analytics.errors import InputError
from analytics.estimation.correlation import pairwise_correlation
from analytics.estimation.covariance import estimate_covariance


def test_sequences_and_other_number_types_become_doubles() -> None:
    for values in ([1, 2], (1.0, 2.0), np.array([1, 2], dtype=np.int8), np.array([1, 2], dtype=object)):
        numbers = as_numbers(values, "x")
        assert numbers.dtype == np.float64
        assert numbers.tolist() == [1.0, 2.0]


def test_masked_values_are_nan() -> None:
    hidden = as_numbers(np.ma.array([1, 2, 3], mask=[False, True, False]), "x")
    np.testing.assert_array_equal(hidden, [1.0, np.nan, 3.0])


@pytest.mark.parametrize(
    "values", [["a", "b"], [1.0 + 2.0j], [[1.0], [1.0, 2.0]], {"a": 1.0}, [None, object()], np.array(["2020"], "M8[D]")]
)
def test_anything_else_is_refused_with_its_name(values: object) -> None:
    with pytest.raises(InputError, match=r"^the mean must be an array of "):
        as_numbers(values, "the mean")


def test_public_functions_refuse_text() -> None:
    text = np.full((100, 3), "1 %")
    for function in (
        lambda: estimate_covariance(text, periods_per_year=252),
        lambda: pairwise_correlation(text),
        lambda: cluster_instruments(text, ("A", "B", "C"), [1, 1, 1], threshold=0.4),
    ):
        with pytest.raises(InputError, match="past returns must be an array of real numbers"):
            function()


def test_a_series_that_is_constant_up_to_rounding_is_constant() -> None:
    rng = np.random.default_rng(0)
    prices = 100.0 * 1.001 ** np.arange(301)
    returns = np.column_stack([rng.normal(size=(300, 2)) * 0.01, prices[1:] / prices[:-1] - 1.0])
    for panel in (returns, np.where(np.arange(300)[:, None] == 5, np.nan, returns)):
        with pytest.raises(InputError, match=r"C \(constant series\)"):
            pairwise_correlation(panel, names=("A", "B", "C"))
        with pytest.raises(InputError, match=r"C \(constant series\)"):
            estimate_covariance(panel, periods_per_year=252, names=("A", "B", "C"))
    # A series that varies does so in every unit.
    assert np.isfinite(pairwise_correlation(returns[:, :2] * 1e-11)).all()


def test_a_half_life_below_one_session_is_refused() -> None:
    returns = np.random.default_rng(0).normal(size=(100, 3)) * 0.01
    for halflife in (0.01, 0.999, np.nan):
        with pytest.raises(InputError, match="halflife_sessions is"):
            estimate_covariance(returns, periods_per_year=252, method="ewma", halflife_sessions=halflife)
    estimate = estimate_covariance(returns, periods_per_year=252, method="ewma", halflife_sessions=1.0)
    assert np.isfinite(estimate.matrix).all()
