"""Invalid panels are refused with the name of the instrument by every function that takes one."""

from __future__ import annotations

import re

import numpy as np
import pytest

from analytics.clustering.clusters import cluster_instruments
from analytics.errors import AnalyticsError, InputError, ShortHistoryError
from analytics.estimation.correlation import blended_distance, pairwise_correlation
from analytics.estimation.covariance import estimate_covariance
from analytics.panel import check_panel

SYMBOLS = ("X:A", "X:B", "X:C")


def noise(n_sessions: int = 80, n_instruments: int = 3) -> np.ndarray:
    return np.random.default_rng(5).normal(0.0, 0.01, (n_sessions, n_instruments))


FUNCTIONS = {
    "covariance": lambda returns, names: estimate_covariance(returns, periods_per_year=252, names=names),
    "correlation": lambda returns, names: pairwise_correlation(returns, names=names),
    "clusters": lambda returns, names: cluster_instruments(returns, names, np.ones(len(names)), threshold=0.4),
}


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    ("value", "message"), [(np.nan, "no returns"), (0.001, "constant series"), (0.0, "constant series")]
)
def test_an_instrument_without_returns_or_variation_is_refused_by_name(
    function: str, value: float, message: str
) -> None:
    returns = noise()
    returns[:, 1] = value
    with pytest.raises(InputError, match=f"X:B .{message}"):
        FUNCTIONS[function](returns, SYMBOLS)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_constant_series_with_holes_is_refused_by_name(function: str) -> None:
    returns = noise()
    returns[:, 1] = 0.1
    returns[3, 1] = np.nan
    with pytest.raises(InputError, match="X:B"):
        FUNCTIONS[function](returns, SYMBOLS)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_an_infinite_return_is_refused_by_name(function: str, value: float) -> None:
    returns = noise()
    returns[7, 2] = value
    with pytest.raises(InputError, match="X:C"):
        FUNCTIONS[function](returns, SYMBOLS)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_repeated_names_are_refused_by_name(function: str) -> None:
    with pytest.raises(InputError, match="X:A"):
        FUNCTIONS[function](noise(), ("X:A", "X:B", "X:A"))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_one_row_is_too_short(function: str) -> None:
    with pytest.raises(ShortHistoryError, match="X:A"):
        FUNCTIONS[function](noise(1), SYMBOLS)


def test_one_instrument_cannot_be_clustered() -> None:
    with pytest.raises(InputError, match=r"only X:A"):
        cluster_instruments(noise(80, 1), ("X:A",), [1], threshold=0.4)


def test_one_instrument_has_a_variance() -> None:
    returns = noise(80, 1)
    estimate = estimate_covariance(returns, periods_per_year=252, method="sample")
    assert estimate.matrix == pytest.approx(np.var(returns, ddof=1) * 252, rel=1e-12)
    shrunk = estimate_covariance(returns, periods_per_year=252)
    assert shrunk.matrix == pytest.approx(np.var(returns) * 252, rel=1e-12)


@pytest.mark.parametrize("shape", [(5,), (2, 3, 4), (5, 0)])
def test_a_shape_that_is_no_matrix_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError):
        check_panel(np.zeros(shape))


def test_names_must_match_the_columns() -> None:
    with pytest.raises(InputError, match=re.escape("2 symbols given for 3 columns")):
        check_panel(noise(), SYMBOLS[:2])


def test_a_direction_is_plus_or_minus_one() -> None:
    with pytest.raises(InputError, match=r"X:B \(0\)"):
        cluster_instruments(noise(), SYMBOLS, [1, 0, -1], threshold=0.4)
    with pytest.raises(InputError, match="3 directions"):
        blended_distance(noise(), [1, 1])


def test_every_refusal_is_an_analytics_error() -> None:
    assert issubclass(InputError, AnalyticsError)
    assert issubclass(ShortHistoryError, AnalyticsError)
