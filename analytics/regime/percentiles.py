"""Where a reading stands among those known before it.

See docs/method/07-regime.md#7.2.

The reference is the stream's own expanding past, or, while that is short, what the stream's stationary bootstrap says
the reading could have been.
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
    """Percentile of each value among itself and those before it, ties counted half.

    See docs/method/07-regime.md#7.2.

    Parameters
    ----------
    values : (T,)
        NaN is no value: it gets NaN and joins nobody's past.
    min_history : int
        Values, the current one included, below which there is no percentile.

    Returns
    -------
    (T,)
        In (0, 1); NaN before `min_history` values.
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
    """Draw positions of the stationary bootstrap (Politis and Romano 1994).

    Blocks start anywhere, last a geometric number of sessions and wrap round the end.

    Returns
    -------
    (n_samples, length)
        Positions in 0 ... n_sessions - 1.
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
    """Percentile of each reading in the stationary bootstrap of the stream up to then.

    See docs/method/07-regime.md#7.2.

    The null is drawn anew whenever the past has grown by a tenth, always from returns at or before the sessions it
    judges, so that neither the future nor the length of the stream can reach back.

    Parameters
    ----------
    past_stream : (T,)
        Simple returns without NaN.
    components : name -> (T or more,)
        The components to be placed; the first T of them are.
    measures : name -> function of (W, L) windows
        How a component is measured.
    first_session : int
        First position that can be judged.
    window_sessions : name -> int
        Trailing sessions of a sample that the reading sees; a sample is as long as the longest, or as the past.
    n_samples : int
        Bootstrap samples per null.
    first_judged : int
        Nulls that judge only earlier positions are not drawn.

    Returns
    -------
    name -> (T,)
        In [0, 1]; NaN before `first_session` and where no null was drawn.
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
            # A sample in which nothing moves has no reading; it says nothing about the one that is judged.
            null = np.sort(measure(samples[:, -window_sessions[name] :]))
            null = null[np.isfinite(null)]
            if null.size == 0:
                raise InputError(
                    f"{name} has no bootstrap null at open session {start}: the market stream hardly moves"
                )
            values = components[name][start : min(stop, past_stream.size)]
            ranks = np.searchsorted(null, values, side="left") + np.searchsorted(null, values, side="right")
            out[name][start:stop] = ranks / (2 * null.size)
        start = stop
    return out
