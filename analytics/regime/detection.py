"""Detect the regime of the market, judged at every session against its own past.

See docs/method/07-regime.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from analytics._typing import BoolVector, FloatVector, IntVector
from analytics.errors import InputError, ShortHistoryError
from analytics.regime.components import (
    COMPONENTS,
    DRAWDOWN,
    SPECTRAL_LEVEL,
    VOLATILITY_LEVEL,
    WINDOW_SESSIONS,
    drawdown_from_high,
    permutation_entropy,
    spectral_level,
    volatility_clustering,
    volatility_level,
    volatility_ratio,
)
from analytics.regime.states import DECIDING, classify_sessions, hold_states
from analytics.settings import REGIMES, Flags, RegimeSettings


@dataclass(frozen=True, slots=True)
class RegimeHistory:
    """Decision regime of every session, from data known at its close.

    See docs/method/07-regime.md#7.5.

    Attributes
    ----------
    scores : (T,)
        level / (1 + level), in [0, 1): 0.5 is the usual volatility; NaN before the first full window.
    regimes : tuple of T str
        None before the first full window.
    deciding_components : tuple of T str
        Component without which the regime would be a calmer one; None before the first full window.
    components : mapping of str to (T,)
        All components by name.
    long_run_volatility : (T,)
        Long-run median that the volatility is compared with, a session's standard deviation as a fraction.
    prior_share : (T,)
        Weight of the shipped prior in that median, in [0, 1].
    """

    scores: FloatVector
    regimes: tuple[str | None, ...]
    deciding_components: tuple[str | None, ...]
    components: Mapping[str, FloatVector]
    long_run_volatility: FloatVector
    prior_share: FloatVector

    @property
    def regime(self) -> str:
        """Regime of the last session, by which a decision is made; ShortHistoryError where it has none."""
        last = self.regimes[-1]
        if last is None:
            raise ShortHistoryError("the last session has no regime: the market stream has no full window yet")
        return last

    @property
    def score(self) -> float:
        """Score of the last session, in [0, 1)."""
        return float(self.scores[-1])

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
            "deciding_component": pl.Series(self.deciding_components, dtype=pl.String),
        }
        columns |= {name: pl.Series(self.components[name]) for name in COMPONENTS}
        columns |= {
            "long_run_volatility": pl.Series(self.long_run_volatility),
            "prior_share": pl.Series(self.prior_share),
        }
        return pl.DataFrame(columns).filter(pl.col("regime").is_not_null()).fill_nan(None)


def detect_regime(
    past_market: FloatVector,
    *,
    kind: str,
    past_average_correlation: FloatVector | None = None,
    settings: RegimeSettings,
    flags: Flags,
) -> RegimeHistory:
    """Detect the regime of every session from that session's own past.

    See docs/method/07-regime.md#7.1 to 7.5.

    Everything at t depends on the sessions up to t only, and cutting the stream after t leaves it bit-identical.

    Parameters
    ----------
    past_market : (T,)
        Physical simple returns of the market stream as fractions; NaN = the market was closed, and the session repeats
        the result of the last open one.
    kind : str
        Asset class of the benchmark, or `pool`: it names the prior of the long-run volatility.
    past_average_correlation : (T,), optional
        Average pairwise correlation of the pool, NaN where unknown. It is reported and decides nothing.
    settings : RegimeSettings
        Half-life, priors, cuts, hysteresis.
    flags : Flags
        Without `feat_spectral_regimes` there is no TURBULENT.

    Returns
    -------
    RegimeHistory

    Raises
    ------
    InputError
        A return that is infinite or not above -1, a stream that never moves, two series of different length, or a kind
        of stream without a prior.
    ShortHistoryError
        The stream has fewer open sessions than one window.

    Examples
    --------
    The volatility of the last ten sessions is six times that before.

    >>> import numpy as np
    >>> from analytics.regime.detection import detect_regime
    >>> from analytics.settings import Flags, RegimeSettings
    >>> returns = 0.009 * np.random.default_rng(0).normal(size=120)
    >>> returns[-10:] *= 6.0
    >>> history = detect_regime(returns, kind="etf", settings=RegimeSettings(), flags=Flags())
    >>> history.regime, history.deciding_components[-1]
    ('CRISIS', 'volatility_level')
    >>> history.regimes.count(None)
    63
    """
    is_open = _check_stream(past_market, past_average_correlation)
    stream = past_market[is_open]
    prior = settings.prior_for(kind)
    level = volatility_level(stream, prior, settings)
    components = {
        VOLATILITY_LEVEL: level.level,
        SPECTRAL_LEVEL: spectral_level(stream, prior, settings),
        "volatility_ratio": volatility_ratio(stream),
        DRAWDOWN: drawdown_from_high(stream),
        "permutation_entropy": permutation_entropy(stream),
        "volatility_clustering": volatility_clustering(stream),
        "average_correlation": np.full(stream.shape, np.nan)
        if past_average_correlation is None
        else past_average_correlation[is_open],
    }
    states, deciding = hold_states(
        *classify_sessions(level.level, components[DRAWDOWN], components[SPECTRAL_LEVEL], settings, flags),
        settings.confirm_sessions,
    )
    scores = level.level / (1.0 + level.level)
    scores[: WINDOW_SESSIONS - 1] = np.nan
    last_open = np.cumsum(is_open) - 1
    return RegimeHistory(
        scores=_fill_closed(scores, last_open),
        regimes=_names(REGIMES, states, last_open),
        deciding_components=_names(DECIDING, deciding, last_open),
        components={name: _fill_closed(components[name], last_open) for name in COMPONENTS},
        long_run_volatility=_fill_closed(level.long_run, last_open),
        prior_share=_fill_closed(level.prior_share, last_open),
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
    if not past_market[is_open].any():
        raise InputError(
            f"the market stream does not move on any of its {is_open.sum()} open sessions: check its prices"
        )
    return np.asarray(is_open, dtype=np.bool_)


def _names(names: Sequence[str], positions: IntVector, last_open: IntVector) -> tuple[str | None, ...]:
    """Name of every session of the grid; None before the first full window of open sessions."""
    labels = np.array([None, *names], dtype=object)
    is_judged = last_open >= WINDOW_SESSIONS - 1
    return tuple(labels[np.where(is_judged, positions[np.maximum(last_open, 0)] + 1, 0)].tolist())


def _fill_closed(values: FloatVector, last_open: IntVector) -> FloatVector:
    """Repeat on closed sessions the value of the last open one; NaN before the first."""
    return np.where(last_open >= 0, values[np.maximum(last_open, 0)], np.nan)
