"""Step 13: replay every decision over the prepared history, simulate it, and measure the results.

See docs/method/09-tournament.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.settings import BUILT_IN_ENGINES, EQUAL_WEIGHT, MARKET, OURS
from analytics.tournament.engines import Engine, equal_weight_engine, market_engine, own_engine
from analytics.tournament.facts import TournamentFacts
from analytics.tournament.plugins import PluginContext
from analytics.tournament.replay import CANDIDATES, EarlierMarket, FixedSelection, Replay
from analytics.tournament.walk_forward import TournamentResult, run_tournament
from analytics.tournament.windows import walk_forward_windows
from ingest.landing.discovery import session_rows
from lakefolio.config.engine_plugins import make_plugin
from lakefolio.runs.grid_returns import GridReturns, benchmark_symbol, read_panel
from lakefolio.runs.run import Run, StepReport
from lakefolio.steps.decision.market_regime import read_regime, stream_kind
from lakefolio.steps.decision.selection import read_winners
from lakefolio.steps.market.discovery import moments_of
from lakefolio.steps.tournament_evaluation import SimulatedTournament, isolation_frame, target_frames
from lakehouse.connection.catalog import Lake


@dataclass(frozen=True, slots=True, eq=False)
class _TournamentInputs:
    """Inputs of the tournament."""

    panel: GridReturns
    benchmark: str
    benchmark_returns: NDArray[np.float64]
    earlier_market: EarlierMarket
    candidates: pl.DataFrame


def tournament(run: Run) -> StepReport:
    """Replay every decision over the prepared history, simulate it, and measure the stitched series."""
    inputs = _read_inputs(run)
    facts = TournamentFacts(
        inputs.panel.periods_per_year,
        inputs.benchmark,
        reference_engine=OURS if OURS in run.settings.tournament.engines else None,
    )
    replay = _replay(run, inputs)
    engines = _engines(run, replay, inputs.panel.periods_per_year)
    with run.reporter.within("windows", 1) as count:
        result = run_tournament(
            inputs.panel.session_dates,
            inputs.panel.symbols,
            inputs.panel.returns,
            inputs.benchmark_returns,
            engines=engines,
            risk_profiles=_risk_profiles(run, engines),
            settings=run.settings,
            facts=facts,
            rng=run.rng("tournament"),
            frames={CANDIDATES: inputs.candidates},
            on_window=count,
        )
    played = SimulatedTournament(inputs.panel, inputs.benchmark_returns, inputs.candidates, run.settings, facts, result)
    target_rows = target_frames(played, run.rng("targets"))
    run.store(
        "tournament",
        run.replace("results.tournament_windows", _with_realised_regime(run, result)),
        run.replace("results.tournament_weights", result.weights),
        run.replace("results.tournament_trades", result.trades),
        run.replace("results.tournament_sessions", result.sessions),
        run.replace("results.tournament_metrics", _with_overfitting(result)),
        *(run.replace(f"results.{name}", frame) for name, frame in target_rows.items()),
        run.replace(
            "results.alpha_isolation",
            isolation_frame(played, replay.raw_pool, replay.selected_pool, lambda: run.rng("isolation")),
        ),
    )
    _note_windows(run, result)
    return StepReport(result.sessions.height, _headline(result))


def _engines(run: Run, replay: Replay, periods_per_year: int) -> list[Engine]:
    risk_profiles = run.settings.allocation.risk_profiles
    known = {
        OURS: own_engine(replay.decides(risk_profiles)),
        MARKET: market_engine(),
        EQUAL_WEIGHT: equal_weight_engine(replay.selected_pool),
    }
    allocation = run.settings.allocation
    context = PluginContext(
        risk_profiles, periods_per_year, allocation.risk_free_rate_annual, allocation.cap, run.settings.random_seed,
        replay.selected_pool, replay.raw_pool,
    )  # fmt: skip
    return [
        known[name] if name in BUILT_IN_ENGINES else make_plugin(name, context)
        for name in run.settings.tournament.engines
    ]


def _risk_profiles(run: Run, engines: Sequence[Engine]) -> list[str]:
    """The manifest's risk profiles, those that plugins bring, and the market; each once."""
    brought = [
        risk_profile
        for engine in engines
        if engine.name not in BUILT_IN_ENGINES
        for risk_profile in engine.risk_profiles
    ]
    return list(dict.fromkeys([*run.settings.allocation.risk_profiles, *brought, MARKET]))


def _replay(run: Run, inputs: _TournamentInputs) -> Replay:
    fixed = None
    if not run.settings.replays_discovery:
        lake = run.lake
        fixed = FixedSelection(read_winners(lake, run.run_id), read_regime(lake, run.run_id))
    return Replay(run.settings, inputs.panel.periods_per_year, inputs.earlier_market, fixed)


def _read_inputs(run: Run) -> _TournamentInputs:
    """The grid, the candidates of every decision session as the scanners would have found them then, and their returns."""
    lake = run.lake
    benchmark = benchmark_symbol(lake, run.run_id)
    grid = read_panel(lake, [benchmark], run.as_of).last(run.settings.data.full_sessions)
    ends = decision_sessions(run, grid.session_dates)
    if run.settings.replays_discovery:
        replay_discovery(run, ends)
    candidates = _candidates(lake, run, ends)
    symbols = sorted(set(candidates["symbol"]) | set(read_winners(lake, run.run_id).symbols))
    full = read_panel(lake, [*symbols, benchmark], run.as_of)
    panel = GridReturns(full.session_dates, tuple(symbols), full.returns[:, :-1], full.periods_per_year)
    n_sessions = run.settings.data.full_sessions
    market = full.returns[:, -1]
    earlier = EarlierMarket(stream_kind(run), market[:-n_sessions])
    return _TournamentInputs(panel.last(n_sessions), benchmark, market[-n_sessions:], earlier, candidates)


def decision_sessions(run: Run, session_dates: Sequence[date]) -> list[date]:
    """The last session of every train window."""
    options = run.settings.tournament
    windows = walk_forward_windows(
        len(session_dates), train=options.train_sessions, test=options.test_sessions, step=options.step_sessions
    )
    return [session_dates[window.train.stop - 1] for window in windows]


def replay_discovery(run: Run, sessions: Sequence[date]) -> None:
    """Ask for the scanners of discovery at past sessions, on what was known then, and build their candidates."""
    past = [session for session in sessions if session != run.as_of]
    rows = session_rows(moments_of(run, past), "replay", run.run_id)
    run.store("tournament", run.replace("scope.sessions", rows, purpose="replay"))
    run.dbt("build", ["tag:replay"]).require()


def _candidates(lake: Lake, run: Run, sessions: Sequence[date]) -> pl.DataFrame:
    if run.settings.replays_discovery:
        return lake.query("select * from marts.candidates_replayed where run_id = ?", [run.run_id])
    today = lake.query(
        "select * exclude (session_date), 'OK' as health_status from marts.candidates where run_id = ?", [run.run_id]
    )
    return today.join(pl.DataFrame({"session_date": sessions}), how="cross")


def _with_realised_regime(run: Run, result: TournamentResult) -> pl.DataFrame:
    """Add the regime at the end of each test window, for readers; no decision uses it."""
    realised = run.query(
        "select session_date as test_end, regime as realised from results.regimes where run_id = ? and stage = 'full'",
        run.run_id,
    )
    joined = result.windows.join(realised, on="test_end", how="left", maintain_order="left")
    return joined.with_columns(pl.col("realised").alias("realised_regime")).drop("realised")


def _with_overfitting(result: TournamentResult) -> pl.DataFrame:
    """The metrics of every cell, and the figures of each simulator's whole table under engine and risk profile `all`."""
    whole = result.overfitting.with_columns(
        pl.lit("all").alias("engine"), pl.lit("all").alias("risk_profile"), pl.lit("ok").alias("status")
    )
    return pl.concat([result.metrics, whole], how="diagonal_relaxed")


def _note_windows(run: Run, result: TournamentResult) -> None:
    """One ledger line per window: what was decided in it."""
    if run.ledger is None:
        return
    for row in result.windows.to_dicts():
        body = {name: str(value) if isinstance(value, date) else value for name, value in row.items()}
        run.ledger.append("window", "tournament", body)


def _headline(result: TournamentResult) -> str:
    sharpes = result.metrics.filter(
        (pl.col("metric") == "sharpe") & (pl.col("simulator") == "realized") & pl.col("value").is_not_null()
    ).sort("value", descending=True)
    if sharpes.is_empty():
        return f"{result.windows.height} windows, no cell with a Sharpe ratio"
    best = sharpes.row(0, named=True)
    return f"{result.windows.height} windows; best realized Sharpe {best['value']:.2f} ({best['engine']} {best['risk_profile']})"
