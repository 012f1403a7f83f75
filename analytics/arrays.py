"""Arrays at the doors of the study: whatever sequence the caller has, as numbers or refused."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analytics.errors import InputError


def as_numbers(values: ArrayLike, what: str, refusal: type[InputError] = InputError) -> NDArray[np.float64]:
    """The values in double precision; what a masked array hides is NaN.

    Raises
    ------
    InputError
        Or `refusal`: text, complex numbers, ragged rows, a mapping; names the argument.
    """
    try:
        if isinstance(values, np.ma.MaskedArray):
            values = np.ma.filled(values.astype(np.float64), np.nan)
        array = np.asarray(values)
        if array.dtype.kind in "biufO":
            return np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError) as failure:
        raise refusal(f"{what} must be an array of numbers: {failure}") from failure
    raise refusal(f"{what} must be an array of real numbers, not of {array.dtype}")
