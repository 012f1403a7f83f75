"""Step 13: what would have worked, after costs and luck.

See docs/method/09-tournament.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.tournament.engines import Engine, equal_weight_engine, market_engine, own_engine
from analytics.tournament.plugins import PluginContext
from analytics.tournament.replay import CANDIDATES, FixedSelection, Replay
from analytics.tournament.walk_forward import TournamentResult, run_tournament
from analytics.tournament.windows import walk_forward_windows
from ingest.landing.discovery import land_scans
from ingest.screening.scanners import load_scanners
from lakefolio.config.decision_settings import policy_of, regime_settings_of, replays_discovery, tournament_settings_of
from lakefolio.config.engine_plugins import BUILT_IN, EQUAL_WEIGHT, MARKET, OURS, make_plugin
from lakefolio.runs.grid_returns import GridReturns, benchmark_symbol, read_panel
from lakefolio.runs.run import Run, StepReport
from lakefolio.steps.decision_inputs import read_chosen, read_regime
from lakefolio.steps.market_data import built, scan_bars
from lakefolio.steps.tournament_evaluation import PlayedTournament, isolation_frame, target_frames
from lakehouse.connection.catalog import Lake


@dataclass(frozen=True, slots=True, eq=False)
class _Stage:
    """What the tournament is held on."""

    panel: GridReturns
    benchmark: str
    benchmark_returns: NDArray[np.float64]
    candidates: pl.DataFrame


def tournament(run: Run) -> StepReport:
    """Replay every decision over the prepared history, simulate it, and judge the stitched series."""
    stage = _set_stage(run)
    settings = tournament_settings_of(
        run.settings, periods_per_year=stage.panel.periods_per_year, benchmark=stage.benchmark, held_weights={}
    )
    replay = _replay(run, stage)
    engines = _engines(run, replay, stage.panel.periods_per_year)
    with run.reporter.within("windows", 1) as count:
        result = run_tournament(
            stage.panel.session_dates,
            stage.panel.symbols,
            stage.panel.returns,
            stage.benchmark_returns,
            engines=engines,
            risk_profiles=_risk_profiles(run, engines),
            settings=settings,
            rng=run.rng("tournament"),
            frames={CANDIDATES: stage.candidates},
            on_window=count,
        )
    trial = PlayedTournament(stage.panel, stage.benchmark_returns, stage.candidates, settings, result)
    verdicts = target_frames(trial, run.rng("targets"))
    run.store(
        "tournament",
        run.replace("results.tournament_windows", _with_realised_regime(run, result)),
        run.replace("results.tournament_returns", result.returns),
        run.replace("results.tournament_metrics", _with_overfitting(result)),
        *(run.replace(f"results.{name}", frame) for name, frame in verdicts.items()),
        run.replace(
            "results.alpha_isolation",
            isolation_frame(trial, replay.raw_pool, replay.selected_pool, lambda: run.rng("isolation")),
        ),
    )
    _note_windows(run, result)
    return StepReport(result.returns.height, _headline(result))


def _engines(run: Run, replay: Replay, periods_per_year: int) -> list[Engine]:
    risk_profiles = run.settings.allocation.risk_profiles
    known = {
        OURS: own_engine(replay.decides(risk_profiles)),
        MARKET: market_engine(),
        EQUAL_WEIGHT: equal_weight_engine(replay.selected_pool),
    }
    allocation = run.settings.allocation
    terms = PluginContext(
        risk_profiles, periods_per_year, allocation.risk_free_rate_annual, allocation.cap, run.settings.random_seed,
        replay.selected_pool, replay.raw_pool,
    )  # fmt: skip
    return [known[name] if name in BUILT_IN else make_plugin(name, terms) for name in run.settings.tournament.engines]


def _risk_profiles(run: Run, engines: Sequence[Engine]) -> list[str]:
    """The manifest's risk profiles, those that guests bring, and the market; each once."""
    brought = [
        risk_profile for engine in engines if engine.name not in BUILT_IN for risk_profile in engine.risk_profiles
    ]
    return list(dict.fromkeys([*run.settings.allocation.risk_profiles, *brought, MARKET]))


def _replay(run: Run, stage: _Stage) -> Replay:
    standing = None
    if not replays_discovery(run.settings):
        lake = run.lake
        standing = FixedSelection(read_chosen(lake, run.run_id), read_regime(lake, run.run_id))
    return Replay(
        policy_of(run.settings),
        regime_settings_of(run.settings),
        stage.panel.periods_per_year,
        run.settings.random_seed,
        standing,
    )


def _set_stage(run: Run) -> _Stage:
    """The grid, the candidates of every decision session as the scanners would have found them then, and their returns."""
    lake = run.lake
    benchmark = benchmark_symbol(lake)
    grid = read_panel(lake, [benchmark], run.as_of).last(run.settings.data.full_sessions)
    ends = decision_sessions(run, grid.session_dates)
    if replays_discovery(run.settings):
        replay_discovery(run, lake, ends)
    if replays_discovery(run.settings):
        built(run.dbt("build", ["tag:replay"]))
    lake = run.lake
    candidates = _candidates(lake, run, ends)
    symbols = sorted(set(candidates["symbol"]) | set(read_chosen(lake, run.run_id).symbols))
    full = read_panel(lake, [*symbols, benchmark], run.as_of)
    panel = GridReturns(full.session_dates, tuple(symbols), full.returns[:, :-1], full.periods_per_year)
    n_sessions = run.settings.data.full_sessions
    return _Stage(panel.last(n_sessions), benchmark, full.returns[-n_sessions:, -1], candidates)


def decision_sessions(run: Run, session_dates: Sequence[date]) -> list[date]:
    """The last session of every train window."""
    options = run.settings.tournament
    windows = walk_forward_windows(
        len(session_dates), train=options.train_sessions, test=options.test_sessions, step=options.step_sessions
    )
    return [session_dates[window.train.stop - 1] for window in windows]


def replay_discovery(run: Run, lake: Lake, sessions: Sequence[date]) -> None:
    """Run the scanners at past sessions, on what was known then; they stand in raw.scans beside today's."""
    scanners = load_scanners(run.paths.configs, run.settings.discovery.scanners)
    land_scans(lake, scan_bars(run, lake, scanners, [*sessions, run.as_of]), run_id=run.run_id, step="tournament")


def _candidates(lake: Lake, run: Run, sessions: Sequence[date]) -> pl.DataFrame:
    if replays_discovery(run.settings):
        return lake.query("select * from marts.candidates_replayed where run_id = ?", [run.run_id])
    today = lake.query(
        "select * exclude (session_date), 'OK' as health_status from marts.candidates where run_id = ?", [run.run_id]
    )
    return today.join(pl.DataFrame({"session_date": sessions}), how="cross")


def _with_realised_regime(run: Run, result: TournamentResult) -> pl.DataFrame:
    """What the regime turned out to be at the end of each test window: for reading afterwards, never for deciding."""
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
