"""Run the walk-forward tournament: every engine, risk profile and simulator over the same windows.

See docs/method/09-tournament.md.

Decisions are taken for all windows first, then simulated. Both get their side of a window from the session axis
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
from analytics.tournament import simulated_frames
from analytics.tournament.cells import Concentration, OutOfSamplePath, TournamentCell
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
    windows, metrics
        As `results.tournament_windows` and `tournament_metrics`; the realised regime is null, for the caller to fill
        in. Every cell has all metrics; those of a refused cell are null, with its status and message.
    weights
        As `results.tournament_weights`: the positions decided for each window, also those of a cell that failed in
        another window.
    trades, sessions
        As `results.tournament_trades` and `tournament_sessions`, of every simulated cell.
    decay
        idealized - realized, by figure.
    overfitting
        Figures of the whole table of each simulator.
    decisions : (engine, risk profile) -> one Decision for each window
    """

    windows: pl.DataFrame
    metrics: pl.DataFrame
    weights: pl.DataFrame
    trades: pl.DataFrame
    sessions: pl.DataFrame
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
    """Decide, simulate and evaluate every engine and risk profile over walk-forward windows.

    See docs/method/09-tournament.md.

    Parameters
    ----------
    session_dates : T dates, ascending
    symbols : N names
    returns : (T, N)
        Physical simple returns on the grid, fractions, NaN where there is none.
    benchmark_returns : (T,)
        Of `facts.benchmark_symbol`, which must not be among `symbols`; NaN earns 0, in comparisons too.
    engines : sequence of Engine
    risk_profiles : sequence of str
    settings : DecisionSettings
    facts : TournamentFacts
    rng : numpy.random.Generator
        For the bootstrap only; no decision depends on it.
    histories : name -> (T, ...), optional
        Further arrays that decisions may use, cut with the returns.
    frames : name -> frame with `session_date`, optional
        Further frames that decisions may use, cut with the returns.
    on_window : (windows decided, windows in all) -> None, optional
        Called after each window's decisions.

    Returns
    -------
    TournamentResult

    Raises
    ------
    InputError
        When shapes, dates, names or returns are invalid.
    ShortHistoryError
        When fewer than two sessions are left to test.

    Examples
    --------
    >>> from datetime import timedelta
    >>> from analytics.settings import TournamentSettings
    >>> from analytics.tournament.engines import equal_weight_engine, market_engine
    >>> settings = DecisionSettings(
    ...     tournament=TournamentSettings(
    ...         train_sessions=100, test_sessions=20, step_sessions=20, bootstrap_samples=50
    ...     )
    ... )
    >>> rng = np.random.default_rng(0)
    >>> dates = tuple(date(2024, 1, 1) + timedelta(days=day) for day in range(160))
    >>> result = run_tournament(
    ...     dates,
    ...     ("NYSE:KO", "NYSE:PG"),
    ...     rng.normal(0.0005, 0.01, size=(160, 2)),
    ...     rng.normal(0.0005, 0.01, size=160),
    ...     engines=[equal_weight_engine(), market_engine()],
    ...     risk_profiles=["equal_weight", "market"],
    ...     settings=settings,
    ...     facts=TournamentFacts(),
    ...     rng=rng,
    ... )
    >>> result.windows["window"].to_list(), result.sessions.height
    ([0, 1, 2], 240)
    >>> hhi = result.metrics.filter(metric="hhi", simulator="realized", status="ok")
    >>> hhi.select("engine", "risk_profile", "value").rows()
    [('equal_weight', 'equal_weight', 0.5), ('market', 'market', 1.0)]
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
    simulation = _simulate(axis, engines, risk_profiles, _Terms(settings, facts), on_window)
    windows, cells = simulation.windows, simulation.cells
    decisions = {(cell.engine, cell.risk_profile): cell.decisions for cell in cells}
    reference = facts.reference_engine or engines[0].name
    dates = axis.session_dates
    benchmark = np.concatenate([np.nan_to_num(axis.benchmark_returns[window.test], nan=0.0) for window in windows])
    metrics, overfitting = tables.evaluate_cells(cells, benchmark, settings, facts, rng)
    return TournamentResult(
        windows=tables.windows_frame(windows, dates, decisions, reference),
        metrics=metrics,
        weights=simulated_frames.weights_frame(decisions),
        trades=simulated_frames.trades_frame(cells, windows, dates, settings.tournament),
        sessions=simulated_frames.sessions_frame(cells, windows, dates),
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
) -> tuple[TournamentCell, ...]:
    """Simulate engines over the windows of a tournament without evaluating them.

    See docs/method/09-tournament.md#9.7.

    The equally weighted pools of the alpha isolation are simulated in this way, because among the cells of the tournament
    they would count as trials of the overfitting figures. Parameters and errors as for `run_tournament`.

    Returns
    -------
    tuple of TournamentCell
        For each engine and risk profile in turn, one for each simulator.

    Examples
    --------
    >>> from datetime import timedelta
    >>> from analytics.settings import TournamentSettings
    >>> from analytics.tournament.engines import equal_weight_engine
    >>> cells = simulate_engines(
    ...     tuple(date(2024, 1, 1) + timedelta(days=day) for day in range(101)),
    ...     ("NYSE:KO", "NYSE:PG"),
    ...     np.full((101, 2), 0.01),
    ...     np.zeros(101),
    ...     engines=[equal_weight_engine(name="raw_pool")],
    ...     risk_profiles=["equal_weight"],
    ...     settings=DecisionSettings(tournament=TournamentSettings(train_sessions=100)),
    ...     facts=TournamentFacts(),
    ... )
    >>> [(cell.simulator, cell.path.returns.round(6).tolist()) for cell in cells]
    [('idealized', [0.01]), ('realized', [0.009394])]
    """
    axis = SessionAxis(
        tuple(session_dates), tuple(symbols), returns, facts.benchmark_symbol, benchmark_returns, {}, frames or {}
    )
    return _simulate(axis, engines, risk_profiles, _Terms(settings, facts), None).cells


@dataclass(frozen=True, slots=True)
class _Terms:
    """Settings and facts of one tournament."""

    settings: DecisionSettings
    facts: TournamentFacts


@dataclass(frozen=True, slots=True, eq=False)
class _Simulation:
    """Windows, and every cell with its decisions and path."""

    windows: tuple[Window, ...]
    cells: tuple[TournamentCell, ...]


def _simulate(
    axis: SessionAxis,
    engines: Sequence[Engine],
    risk_profiles: Sequence[str],
    terms: _Terms,
    on_window: OnWindow | None,
) -> _Simulation:
    """Take all decisions, window by window, then simulate them."""
    _check_names(engines, risk_profiles, terms.facts, axis)
    options = terms.settings.tournament
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
        _simulate_cell(TournamentCell.of(engine, risk_profile, simulator, decided_windows), axis, windows, terms)
        for (engine, risk_profile), decided_windows in decided.items()
        for simulator in options.simulators
    )
    return _Simulation(tuple(windows), cells)


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


def _simulate_cell(cell: TournamentCell, axis: SessionAxis, windows: Sequence[Window], terms: _Terms) -> TournamentCell:
    """Carry one cell's portfolio through all test windows; a refused cell stays empty."""
    if not cell.is_usable:
        return cell
    state = HeldState.from_weights(terms.facts.held_weights)
    options = terms.settings.tournament
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
                    borrow_rate=options.borrow_rate(terms.settings.flags),
                    rebalance=options.rebalance,
                    periods_per_year=terms.facts.periods_per_year,
                )
        except RuinError as ruin:
            return cell.failed(f"window {window.index}: {ruin}")
        paths.append(path)
        state = path.state
    return cell.simulated(OutOfSamplePath.stitch(paths))


def _concentration(decision: Decision, past: PastView) -> Concentration:
    if not decision.is_usable or not decision.symbols:
        return Concentration(float("nan"), float("nan"))
    columns = {symbol: column for column, symbol in enumerate((*past.symbols, past.benchmark_symbol))}
    train_returns = np.column_stack([past.train_returns, past.past_benchmark_returns[past.train]])
    held = train_returns[:, [columns[symbol] for symbol in decision.symbols]]
    return Concentration(herfindahl(decision.net_weights), effective_bets(decision.net_weights, held))
