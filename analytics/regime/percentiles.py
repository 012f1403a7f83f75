"""Rank a component among its own past values, or among bootstrap samples while the past is short.

See docs/method/07-regime.md#7.2.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Mapping

import numpy as np

from analytics._typing import FloatMatrix, FloatVector, IntVector
from analytics.errors import InputError

MEAN_BLOCK_SESSIONS = 10
REFRESH_DIVISOR = 10


def expanding_percentile(values: FloatVector, *, min_history: int) -> FloatVector:
    """Rank each value among itself and those before it, ties counted half.

    See docs/method/07-regime.md#7.2.

    Parameters
    ----------
    values : (T,)
        NaN is no value: it gets NaN and is not counted later.
    min_history : int
        Values, the current one included, below which there is no percentile.

    Returns
    -------
    (T,)
        In (0, 1); NaN before `min_history` values.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.regime.percentiles import expanding_percentile
    >>> expanding_percentile(np.array([1.0, 3.0, np.nan, 2.0, 3.0]), min_history=2)
    array([ nan, 0.75,  nan, 0.5 , 0.75])
    """
    out = np.full(values.shape, np.nan)
    known: list[float] = []
    for session in np.flatnonzero(np.isfinite(values)):
        value = float(values[session])
        insort(known, value)
        if len(known) >= min_history:
            out[session] = (bisect_left(known, value) + bisect_right(known, value)) / (2 * len(known))
    return out


def bootstrap_positions(
    n_sessions: int, length: int, n_samples: int, rng: np.random.Generator, *, mean_block: float = MEAN_BLOCK_SESSIONS
) -> IntVector:
    """Draw positions of the stationary bootstrap.

    See docs/method/07-regime.md#7.2.

    Blocks start anywhere, last a geometric number of sessions and wrap round the end.

    Parameters
    ----------
    n_sessions : int
        Length of the series that is resampled.
    length : int
        Length of each sample.
    n_samples : int
        Number of samples.
    rng : numpy.random.Generator
        Seeded.
    mean_block : float
        Mean length of a block in sessions.

    Returns
    -------
    (n_samples, length)
        Positions in 0 ... n_sessions - 1.

    References
    ----------
    Politis, D. N., Romano, J. P. (1994). The stationary bootstrap. JASA 89.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.regime.percentiles import bootstrap_positions
    >>> positions = bootstrap_positions(50, 40, 3, np.random.default_rng(0))
    >>> positions.shape, bool((positions < 50).all())
    ((3, 40), True)
    """
    is_start = rng.random((n_samples, length), dtype=np.float32) < np.float32(1.0 / mean_block)
    is_start[:, 0] = True
    starts = rng.integers(0, n_sessions, size=int(is_start.sum()), dtype=np.int32)
    # Within a block the position grows by one a step: spread each block's offset, then add the step.
    cells = np.flatnonzero(is_start).astype(np.int32)
    lengths = np.diff(cells, append=np.int32(n_samples * length))
    positions = np.repeat(starts - cells, lengths) + np.arange(n_samples * length, dtype=np.int32)
    return np.asarray((positions % n_sessions).reshape(n_samples, length), dtype=np.int64)


def bootstrap_percentiles(
    past_stream: FloatVector,
    components: Mapping[str, FloatVector],
    measures: Mapping[str, Callable[[FloatMatrix], FloatVector]],
    *,
    first_session: int,
    window_sessions: Mapping[str, int],
    n_samples: int,
    rng: np.random.Generator,
    first_judged: int = 0,
) -> dict[str, FloatVector]:
    """Rank each component in the stationary bootstrap of the stream up to its session.

    See docs/method/07-regime.md#7.2.

    The null distribution is drawn anew whenever the past has grown by a tenth, always from returns at or before the
    sessions it judges, so that neither later returns nor the length of the stream can change a percentile.

    Parameters
    ----------
    past_stream : (T,)
        Simple returns as fractions, no NaN.
    components : mapping of str to (T or more,)
        Values to rank; the first T of them are.
    measures : mapping of str to function of (W, L) windows
        Functions that computed the components.
    first_session : int
        First position that can be judged.
    window_sessions : mapping of str to int
        Trailing sessions of a sample that the component sees; a sample is as long as the longest, or as the past.
    n_samples : int
        Bootstrap samples per null distribution.
    rng : numpy.random.Generator
        Seeded.
    first_judged : int
        Null distributions that judge only earlier positions are not drawn.

    Returns
    -------
    dict of str to (T,)
        In [0, 1]; NaN before `first_session` and where no null distribution was drawn.

    Raises
    ------
    InputError
        No sample of a null distribution moves.

    References
    ----------
    Politis, D. N., Romano, J. P. (1994). The stationary bootstrap. JASA 89.

    Examples
    --------
    >>> import numpy as np
    >>> from analytics.regime.components import volatility_ratio
    >>> from analytics.regime.percentiles import bootstrap_percentiles
    >>> stream = 0.01 * np.random.default_rng(0).normal(size=31)
    >>> ratios = np.array([np.nan] * 30 + [9.0])
    >>> percentiles = bootstrap_percentiles(
    ...     stream, {"ratio": ratios}, {"ratio": volatility_ratio}, first_session=30, window_sessions={"ratio": 200},
    ...     n_samples=100, rng=np.random.default_rng(1),
    ... )
    >>> percentiles["ratio"][-2:]
    array([nan,  1.])
    """
    out = {name: np.full(past_stream.shape, np.nan) for name in measures}
    longest = max(window_sessions.values())
    start = first_session
    while start < past_stream.size:
        known = past_stream[: start + 1]
        stop = start + max(1, known.size // REFRESH_DIVISOR)
        if stop <= first_judged:
            start = stop
            continue
        samples = known[bootstrap_positions(known.size, min(known.size, longest), n_samples, rng)]
        for name, measure in measures.items():
            # The component of a sample without any movement is undefined, and the sample is left out.
            null = np.sort(measure(samples[:, -window_sessions[name] :]))
            null = null[np.isfinite(null)]
            if null.size == 0:
                raise InputError(
                    f"{name} has no bootstrap null distribution at open session {start}: the market stream hardly moves"
                )
            values = components[name][start : min(stop, past_stream.size)]
            ranks = np.searchsorted(null, values, side="left") + np.searchsorted(null, values, side="right")
            out[name][start:stop] = ranks / (2 * null.size)
        start = stop
    return out
