"""Detect the regime of the market, judged at every session against its own past.

See docs/method/07-regime.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.lib.stride_tricks import sliding_window_view

from analytics._typing import BoolVector, FloatVector, IntVector
from analytics.errors import InputError, ShortHistoryError
from analytics.regime.components import COMPONENTS, STREAM_COMPONENTS, component_sessions
from analytics.regime.percentiles import bootstrap_percentiles, expanding_percentile
from analytics.settings import Flags, RegimeSettings

HISTORY, BOOTSTRAP = "history", "bootstrap"
# The average correlation is given as a series, so a bootstrap would only return its own distribution. It has no
# percentile before this many values.
MIN_SERIES_VALUES = 20
# Sessions seen by the components that have no window of their own; a multiple of 2**HAAR_LEVELS.
WINDOW_SESSIONS = 64
# Values below which a component is judged by the bootstrap.
MIN_HISTORY = 250


@dataclass(frozen=True, slots=True)
class RegimeHistory:
    """Decision regime of every session, from data known at its close.

    See docs/method/07-regime.md#7.4.

    Attributes
    ----------
    scores : (T,)
        Weighted mean of the percentiles, in [0, 1]; NaN before the first full window.
    regimes : tuple of T str
        None before the first full window.
    components : mapping of str to (T,)
        All components by name.
    percentiles : mapping of str to (T,)
        Percentile of each component in its own past, in [0, 1]; also of those without weight.
    calibrations : tuple of T str
        `history` where every weighted component of the market stream had enough past, else `bootstrap`.
    """

    scores: FloatVector
    regimes: tuple[str | None, ...]
    components: Mapping[str, FloatVector]
    percentiles: Mapping[str, FloatVector]
    calibrations: tuple[str, ...]

    @property
    def regime(self) -> str:
        """Regime of the last session, by which a decision is made; ShortHistoryError where it has none."""
        last = self.regimes[-1]
        if last is None:
            raise ShortHistoryError("the last session has no regime: the stream has no full window yet")
        return last

    @property
    def score(self) -> float:
        """Score of the last session, in [0, 1]."""
        return float(self.scores[-1])

    @property
    def calibration(self) -> str:
        """Reference that judged the last session: `history` or `bootstrap`."""
        return self.calibrations[-1]

    def frame(self, session_dates: Sequence[date]) -> pl.DataFrame:
        """Lay out the judged sessions as rows of `results.regimes` without its keys `run_id` and `stage`.

        Parameters
        ----------
        session_dates : sequence of T dates
            Sessions of the grid, in order.

        Returns
        -------
        polars.DataFrame
            One row per session that has a regime.

        Raises
        ------
        InputError
            Dates that do not match the sessions.
        """
        if len(session_dates) != len(self.regimes):
            raise InputError(f"{len(self.regimes)} sessions were judged and {len(session_dates)} dates given")
        columns: dict[str, pl.Series] = {
            "session_date": pl.Series(session_dates, dtype=pl.Date),
            "regime": pl.Series(self.regimes, dtype=pl.String),
            "score": pl.Series(self.scores),
        }
        columns |= {name: pl.Series(self.components[name]) for name in COMPONENTS}
        columns |= {f"{name}_percentile": pl.Series(self.percentiles[name]) for name in COMPONENTS}
        columns["calibration"] = pl.Series(self.calibrations, dtype=pl.String)
        return pl.DataFrame(columns).filter(pl.col("regime").is_not_null()).fill_nan(None)


def detect_regime(
    past_market: FloatVector,
    *,
    past_average_correlation: FloatVector | None = None,
    settings: RegimeSettings,
    flags: Flags,
    rng: np.random.Generator,
    first_judged: int = 0,
    n_bootstrap: int = 2000,
) -> RegimeHistory:
    """Detect the regime of every session from that session's own past.

    See docs/method/07-regime.md#7.1 to 7.4.

    A component is judged in its own expanding past once that has `MIN_HISTORY` values from full windows. Before, it is
    judged in the stationary bootstrap of the stream, where the windows of 200 and 252 sessions use the sessions there
    are. Scores at t depend on the sessions up to t only, and cutting the stream after t leaves them bit-identical.

    Parameters
    ----------
    past_market : (T,)
        Physical simple returns of the market stream as fractions; NaN = the market was closed, and the session repeats
        the result of the last open one.
    past_average_correlation : (T,), optional
        Average pairwise correlation of the pool, NaN where unknown. Without it its weight goes to the others.
    settings : RegimeSettings
        Weights, thresholds, hysteresis.
    flags : Flags
        Without `feat_spectral_regimes` the DWT has no weight and there is no TURBULENT.
    rng : numpy.random.Generator
        Seeded; drawn from only for the sessions that the bootstrap judges.
    first_judged : int
        Session before which no result is needed: sessions that only the bootstrap could judge stay NaN and None there,
        and the later bootstrap draws differ from those of a whole history.
    n_bootstrap : int
        Samples of each bootstrap null distribution.

    Returns
    -------
    RegimeHistory

    Raises
    ------
    InputError
        A return that is infinite or not above -1, a stream that does not move, or two series of different length.
    ShortHistoryError
        The stream has fewer open sessions than one window.

    References
    ----------
    Politis, D. N., Romano, J. P. (1994). The stationary bootstrap. JASA 89.

    Examples
    --------
    The volatility of the last ten sessions is six times that before.

    >>> import numpy as np
    >>> from analytics.regime.detection import detect_regime
    >>> from analytics.settings import Flags, RegimeSettings
    >>> returns = 0.01 * np.random.default_rng(0).normal(size=120)
    >>> returns[-10:] *= 6.0
    >>> history = detect_regime(
    ...     returns, settings=RegimeSettings(), flags=Flags(), rng=np.random.default_rng(1), n_bootstrap=100
    ... )
    >>> history.regime, history.calibration
    ('TURBULENT', 'bootstrap')
    >>> history.regimes.count(None)
    63
    """
    is_open = _check_stream(past_market, past_average_correlation)
    weights = settings.active_weights(flags)
    stream = past_market[is_open]
    components = _stream_components(stream)
    percentiles, in_history = _stream_percentiles(
        stream, components, rng, first_judged=int(is_open[:first_judged].sum()), n_bootstrap=n_bootstrap
    )
    calibrations = _calibrations(in_history, weights)
    correlation = np.full(past_market.shape, np.nan) if past_average_correlation is None else past_average_correlation
    components["average_correlation"] = correlation[is_open]
    percentiles["average_correlation"] = expanding_percentile(correlation[is_open], min_history=MIN_SERIES_VALUES)
    scores = _scores(percentiles, weights)
    regimes = _states(scores, settings.active_thresholds(flags), settings.confirm_sessions)
    last_open = np.cumsum(is_open) - 1
    return RegimeHistory(
        scores=_fill_closed(scores, last_open),
        regimes=tuple(regimes[position] if position >= 0 else None for position in last_open),
        components={name: _fill_closed(components[name], last_open) for name in COMPONENTS},
        percentiles={name: _fill_closed(percentiles[name], last_open) for name in COMPONENTS},
        calibrations=tuple(calibrations[max(position, 0)] for position in last_open),
    )


def _check_stream(past_market: FloatVector, past_average_correlation: FloatVector | None) -> BoolVector:
    """Open sessions (T,) of a market stream that can be judged."""
    if past_market.ndim != 1:
        raise InputError(f"the market stream has shape {past_market.shape}: give one return per session")
    if past_average_correlation is not None and past_average_correlation.shape != past_market.shape:
        shapes = f"{past_average_correlation.shape} against {past_market.shape}"
        raise InputError(f"average correlation and market stream differ in length ({shapes}): give both on one grid")
    invalid = np.flatnonzero(np.isinf(past_market) | (past_market <= -1.0))
    if invalid.size:
        first = int(invalid[0])
        raise InputError(
            f"market return {past_market[first]} at session {first}: a simple return is finite and above -1"
        )
    is_open = np.isfinite(past_market)
    if is_open.sum() < WINDOW_SESSIONS:
        raise ShortHistoryError(
            f"the market stream has {is_open.sum()} open sessions and its regime needs {WINDOW_SESSIONS}"
        )
    return np.asarray(is_open, dtype=np.bool_)


def _stream_components(stream: FloatVector) -> dict[str, FloatVector]:
    """Components of the open sessions, from the first window on; longer windows start with the sessions there are."""
    components: dict[str, FloatVector] = {}
    for name, measure in STREAM_COMPONENTS.items():
        needed = component_sessions(name, WINDOW_SESSIONS)
        values = np.full(stream.shape, np.nan)
        for last in range(WINDOW_SESSIONS - 1, min(needed - 1, stream.size)):
            values[last] = measure(stream[np.newaxis, : last + 1])[0]
        if stream.size >= needed:
            # A contiguous copy sums every row alike, however many rows there are: scores stay bit-identical.
            values[needed - 1 :] = measure(np.ascontiguousarray(sliding_window_view(stream, needed)))
        undefined = np.flatnonzero(np.isnan(values[WINDOW_SESSIONS - 1 :]))
        if undefined.size:
            last = int(undefined[0]) + WINDOW_SESSIONS - 1
            raise InputError(f"{name} is undefined at open session {last}: the market stream does not move before it")
        components[name] = values
    return components


def _stream_percentiles(
    stream: FloatVector,
    components: Mapping[str, FloatVector],
    rng: np.random.Generator,
    *,
    first_judged: int,
    n_bootstrap: int,
) -> tuple[dict[str, FloatVector], dict[str, BoolVector]]:
    """Percentiles of the components of the stream, and for each the sessions (T,) that its own history judged."""
    windows = {name: component_sessions(name, WINDOW_SESSIONS) for name in STREAM_COMPONENTS}
    percentiles: dict[str, FloatVector] = {}
    for name, needed in windows.items():
        full = components[name].copy()
        full[: needed - 1] = np.nan
        percentiles[name] = expanding_percentile(full, min_history=MIN_HISTORY)
    in_history = {name: np.isfinite(percentile) for name, percentile in percentiles.items()}
    short = max(windows.values()) + MIN_HISTORY - 1
    bootstrapped = bootstrap_percentiles(
        stream[:short],
        components,
        STREAM_COMPONENTS,
        first_session=WINDOW_SESSIONS - 1,
        window_sessions=windows,
        n_samples=n_bootstrap,
        rng=rng,
        first_judged=first_judged,
    )
    for name, percentile in percentiles.items():
        early = np.isnan(percentile[:short])
        percentile[:short][early] = bootstrapped[name][early]
    return percentiles, in_history


def _calibrations(in_history: Mapping[str, BoolVector], weights: Mapping[str, float]) -> tuple[str, ...]:
    """Reference that judged each session: `history` where every weighted component of the stream had enough past."""
    known = np.all([in_history[name] for name in weights if name in in_history], axis=0)
    return tuple(HISTORY if session else BOOTSTRAP for session in known)


def _scores(percentiles: Mapping[str, FloatVector], weights: Mapping[str, float]) -> FloatVector:
    """Weighted mean of the known percentiles (T,); NaN where a component of the stream has none."""
    stacked = np.stack([percentiles[name] for name in weights])
    known = np.isfinite(stacked)
    # A session needs every component of the market stream for a score; the average correlation may be missing.
    judged = np.all([row for name, row in zip(weights, known, strict=True) if name in STREAM_COMPONENTS], axis=0)
    shares = np.array(list(weights.values()))[:, np.newaxis] * known
    total = (np.where(known, stacked, 0.0) * shares).sum(axis=0)
    return np.where(judged, total / np.where(judged, shares.sum(axis=0), 1.0), np.nan)


def _states(scores: FloatVector, thresholds: Mapping[str, float], confirm_sessions: int) -> list[str | None]:
    """State of the highest score of the last `confirm_sessions`: entered at once, left once all of them are below."""
    names = list(thresholds)
    padded = np.concatenate([np.full(confirm_sessions - 1, -np.inf), np.where(np.isnan(scores), -np.inf, scores)])
    highest = sliding_window_view(padded, confirm_sessions).max(axis=1)
    levels = np.searchsorted(np.array(list(thresholds.values())), highest, side="right") - 1
    return [names[level] if np.isfinite(score) else None for level, score in zip(levels, scores, strict=True)]


def _fill_closed(values: FloatVector, last_open: IntVector) -> FloatVector:
    """Repeat on closed sessions the value of the last open one; NaN before the first."""
    return np.where(last_open >= 0, values[np.maximum(last_open, 0)], np.nan)
