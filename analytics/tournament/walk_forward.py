"""The walk-forward tournament: every engine, risk profile and simulator over the same windows.

See docs/method/09-tournament.md.

Decisions are taken for all windows first, then simulated. Each is handed its own side of a window by the axis
(`analytics.tournament.session_axis`), which alone holds both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl
from numpy.random import Generator
from numpy.typing import NDArray

from analytics._typing import FloatMatrix, FloatVector
from analytics.errors import InputError
from analytics.evaluation.concentration import effective_bets, herfindahl
from analytics.settings import DecisionSettings
from analytics.tournament import result_frames as tables
from analytics.tournament.cells import Cell, Concentration, Path
from analytics.tournament.engines import Decision, Engine, PastView, decide_cell
from analytics.tournament.errors import RuinError
from analytics.tournament.facts import TournamentFacts
from analytics.tournament.session_axis import SessionAxis
from analytics.tournament.simulators import IDEALIZED, HeldState, WindowPath, idealized, realized
from analytics.tournament.windows import Window, walk_forward_windows

OnWindow = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class TournamentResult:
    """Frames of one tournament, without run id.

    Attributes
    ----------
    windows, returns, metrics
        As `results.tournament_windows`, `tournament_returns` and `tournament_metrics`; the realised regime is left
        null for the caller. Every cell has all metrics; a refused cell's are null, with its status and message.
    sessions
        Return, turnover, costs and borrow of every cell and session; `return` is after costs and borrow.
    weights, trades
        Signed weights decided for each window; signed trades with their cost.
    decay
        idealized - realized, by figure.
    overfitting
        Figures of each simulator's whole table.
    decisions : (engine, risk profile) -> one Decision for each window
    """

    windows: pl.DataFrame
    returns: pl.DataFrame
    metrics: pl.DataFrame
    sessions: pl.DataFrame
    weights: pl.DataFrame
    trades: pl.DataFrame
    decay: pl.DataFrame
    overfitting: pl.DataFrame
    decisions: Mapping[tuple[str, str], tuple[Decision, ...]]


def run_tournament(
    session_dates: Sequence[date],
    symbols: Sequence[str],
    returns: FloatMatrix,
    benchmark_returns: FloatVector,
    *,
    engines: Sequence[Engine],
    risk_profiles: Sequence[str],
    settings: DecisionSettings,
    facts: TournamentFacts,
    rng: Generator,
    histories: Mapping[str, NDArray[Any]] | None = None,
    frames: Mapping[str, pl.DataFrame] | None = None,
    on_window: OnWindow | None = None,
) -> TournamentResult:
    """Let every engine decide each risk profile in every window, simulate it, and judge the stitched series.

    See docs/method/09-tournament.md.

    Parameters
    ----------
    session_dates : T sessions, ascending
    symbols : N symbols
    returns : (T, N)
        Physical simple returns on the grid, NaN where there is none.
    benchmark_returns : (T,)
        Of `facts.benchmark_symbol`, which must not be among `symbols`; NaN earns 0, in comparisons too.
    rng : Generator
        For the bootstrap only; no decision depends on it.
    histories : name -> (T, ...)
        Further arrays that decisions may see, cut with the returns.
    frames : name -> frame with `session_date`
        Further frames that decisions may see, cut likewise.
    on_window : (windows decided, windows in all) -> None
        Called after each window's decisions.

    Raises
    ------
    InputError
        Shapes, dates, names or returns that cannot be right.
    ShortHistoryError
        No session is left to test, or only one.
    """
    axis = SessionAxis(
        tuple(session_dates),
        tuple(symbols),
        returns,
        facts.benchmark_symbol,
        benchmark_returns,
        histories or {},
        frames or {},
    )
    contest = _contest(axis, engines, risk_profiles, _Rules(settings, facts), on_window)
    windows, cells = contest.windows, contest.cells
    decisions = {(cell.engine, cell.risk_profile): cell.decisions for cell in cells}
    reference = facts.reference_engine or engines[0].name
    dates = axis.session_dates
    sessions = tables.sessions_frame(cells, windows, dates)
    benchmark = np.concatenate([np.nan_to_num(axis.benchmark_returns[window.test], nan=0.0) for window in windows])
    metrics, overfitting = tables.judge(cells, benchmark, settings, facts, rng)
    return TournamentResult(
        windows=tables.windows_frame(windows, dates, decisions, reference),
        returns=sessions.select(tables.RETURN_COLUMNS),
        metrics=metrics,
        sessions=sessions,
        weights=tables.weights_frame(decisions),
        trades=tables.trades_frame(cells, windows, dates),
        decay=tables.decay_frame(metrics),
        overfitting=overfitting,
        decisions=decisions,
    )


def simulate_engines(
    session_dates: Sequence[date],
    symbols: Sequence[str],
    returns: FloatMatrix,
    benchmark_returns: FloatVector,
    *,
    engines: Sequence[Engine],
    risk_profiles: Sequence[str],
    settings: DecisionSettings,
    facts: TournamentFacts,
    frames: Mapping[str, pl.DataFrame] | None = None,
) -> tuple[Cell, ...]:
    """Play engines over the windows of a tournament without judging them, such as the pools of docs/method/09-tournament.md#9.7.

    A pool is no choice: among the cells of the tournament it would count as a trial of the overfitting figures. Parameters and
    errors as for `run_tournament`.
    """
    axis = SessionAxis(
        tuple(session_dates), tuple(symbols), returns, facts.benchmark_symbol, benchmark_returns, {}, frames or {}
    )
    return _contest(axis, engines, risk_profiles, _Rules(settings, facts), None).cells


@dataclass(frozen=True, slots=True)
class _Rules:
    """Settings and facts of one tournament."""

    settings: DecisionSettings
    facts: TournamentFacts


@dataclass(frozen=True, slots=True, eq=False)
class _Contest:
    """The windows, and every cell with its decisions and path."""

    windows: tuple[Window, ...]
    cells: tuple[Cell, ...]


def _contest(
    axis: SessionAxis,
    engines: Sequence[Engine],
    risk_profiles: Sequence[str],
    rules: _Rules,
    on_window: OnWindow | None,
) -> _Contest:
    """Take all decisions, window by window, then play them."""
    _check_names(engines, risk_profiles, rules.facts, axis)
    options = rules.settings.tournament
    windows = walk_forward_windows(
        len(axis.session_dates), train=options.train_sessions, test=options.test_sessions, step=options.step_sessions
    )
    decided: dict[tuple[str, str], list[tuple[Decision, Concentration]]] = {
        (engine.name, risk_profile): [] for engine in engines for risk_profile in risk_profiles
    }
    for window in windows:
        past = axis.look_back(window)
        for engine in engines:
            for risk_profile in risk_profiles:
                decision = decide_cell(engine, risk_profile, past)
                decided[engine.name, risk_profile].append((decision, _concentration(decision, past)))
        if on_window is not None:
            on_window(window.index + 1, len(windows))
    cells = tuple(
        _play(Cell.of(engine, risk_profile, simulator, answers), axis, windows, rules)
        for (engine, risk_profile), answers in decided.items()
        for simulator in options.simulators
    )
    return _Contest(tuple(windows), cells)


def _check_names(
    engines: Sequence[Engine], risk_profiles: Sequence[str], facts: TournamentFacts, axis: SessionAxis
) -> None:
    names = [engine.name for engine in engines]
    for kind, given in (("engine", names), ("risk_profile", list(risk_profiles))):
        if not given or len(set(given)) != len(given):
            raise InputError(f"{kind}s {given}: at least one is needed, and each name once")
    if facts.reference_engine is not None and facts.reference_engine not in names:
        raise InputError(f"reference engine {facts.reference_engine} is not among {names}")
    unknown = sorted(set(facts.held_weights) - set(axis.symbols) - {axis.benchmark_symbol})
    if unknown:
        raise InputError(f"{unknown[0]} is held at the start but has no returns; load its bars or sell it first")


def _play(cell: Cell, axis: SessionAxis, windows: Sequence[Window], rules: _Rules) -> Cell:
    """Carry one cell's portfolio through all test windows; a refused cell stays empty."""
    if not cell.is_usable:
        return cell
    state = HeldState.from_weights(rules.facts.held_weights)
    options = rules.settings.tournament
    paths: list[WindowPath] = []
    for window, decision in zip(windows, cell.decisions, strict=True):
        next_symbols, next_returns = axis.look_ahead(window)
        try:
            if cell.simulator == IDEALIZED:
                path = idealized(state, decision, next_symbols, next_returns, rebalance=options.rebalance)
            else:
                path = realized(
                    state,
                    decision,
                    next_symbols,
                    next_returns,
                    trade_rate=options.trade_rate,
                    borrow_rate=options.borrow_rate(rules.settings.flags),
                    rebalance=options.rebalance,
                    periods_per_year=rules.facts.periods_per_year,
                )
        except RuinError as ruin:
            return cell.failed(f"window {window.index}: {ruin}")
        paths.append(path)
        state = path.state
    return cell.played(Path.stitch(paths))


def _concentration(decision: Decision, past: PastView) -> Concentration:
    if not decision.is_usable or not decision.symbols:
        return Concentration(float("nan"), float("nan"))
    columns = {symbol: column for column, symbol in enumerate((*past.symbols, past.benchmark_symbol))}
    seen = np.column_stack([past.train_returns, past.past_benchmark_returns[past.train]])
    held = seen[:, [columns[symbol] for symbol in decision.symbols]]
    return Concentration(herfindahl(decision.net_weights), effective_bets(decision.net_weights, held))
