"""Convert caller input to arrays of real numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analytics.errors import InputError


def as_numbers(values: ArrayLike, name: str, error: type[InputError] = InputError) -> NDArray[np.float64]:
    """Convert any array-like to double precision, with masked entries as NaN.

    Parameters
    ----------
    values : array-like
        Numbers, booleans or objects that convert to numbers, in any shape.
    name : str
        Name of the argument in the error message.
    error : type
        InputError or a subclass of it, raised when the values are no real numbers.

    Returns
    -------
    numpy.ndarray
        float64, in the shape of `values`.

    Raises
    ------
    InputError
        Or the class given as `error`, when the values are text, complex numbers, ragged rows or a mapping.

    Examples
    --------
    >>> as_numbers([[1, 2], [3, 4]], "past returns")
    array([[1., 2.],
           [3., 4.]])
    >>> as_numbers(np.ma.array([0.5, 9.0], mask=[False, True]), "past returns")
    array([0.5, nan])
    >>> as_numbers(["a"], "past returns")
    Traceback (most recent call last):
        ...
    analytics.errors.InputError: past returns must be an array of real numbers, not of <U1
    """
    try:
        if isinstance(values, np.ma.MaskedArray):
            values = np.ma.filled(values.astype(np.float64), np.nan)
        array = np.asarray(values)
        if array.dtype.kind in "biufO":
            return np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError) as failure:
        raise error(f"{name} must be an array of numbers: {failure}") from failure
    raise error(f"{name} must be an array of real numbers, not of {array.dtype}")
