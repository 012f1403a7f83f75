"""A solver's optimum is returned only with an accepted certificate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analytics.allocation import SolverError
from analytics.allocation.solvers.certificates import Certificate
from analytics.allocation.solvers.optimum import Optimum, accepted

OPTIMUM = Optimum(np.array([1.0]), "piqp", 7, Certificate(1e-12, 1e-10, 0.0), 0.5)


def test_an_accepted_optimum_is_returned_as_it_is() -> None:
    assert accepted(OPTIMUM) is OPTIMUM


@pytest.mark.parametrize("residuals", [(1e-3, 0.0, 0.0), (0.0, 1e-3, 0.0), (0.0, 0.0, float("nan"))])
def test_a_residual_above_the_tolerance_is_an_error_with_solver_and_residuals(residuals: tuple[float, ...]) -> None:
    with pytest.raises(SolverError, match=r"piqp stopped after 7 iterations.*(1\.0e-03|nan)") as error:
        accepted(replace(OPTIMUM, certificate=Certificate(*residuals)))
    assert error.value.status == "failed"
