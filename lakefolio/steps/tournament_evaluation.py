"""Evaluate the tournament's series beyond their metrics: targets met, and the stages that the return came from.

See docs/method/09-tournament.md#9.6, 9.7.

Only the built-in engine `ours` has targets and stages; a plugin's cells are measured by the metrics alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from analytics.evaluation.alpha_isolation import STAGE_METRICS, isolate_alpha
from analytics.settings import EQUAL_WEIGHT, OURS, DecisionSettings
from analytics.tournament.cells import TournamentCell
from analytics.tournament.engines import PoolOf, equal_weight_engine
from analytics.tournament.facts import TournamentFacts
from analytics.tournament.replay import CANDIDATES
from analytics.tournament.targets import assess_targets
from analytics.tournament.walk_forward import TournamentResult, simulate_engines
from lakefolio.runs.grid_returns import GridReturns
from lakehouse.schema.contracts import FLOAT
from lakehouse.schema.tables import CONTRACTS

_RAW, _SELECTED = "raw_pool", "selected"


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedTournament:
    """One tournament: its inputs and its result."""

    panel: GridReturns
    benchmark_returns: NDArray[np.float64]
    candidates: pl.DataFrame
    settings: DecisionSettings
    facts: TournamentFacts
    result: TournamentResult
    _series: dict[tuple[str, str, str], NDArray[np.float64]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        found = {
            (str(engine), str(risk_profile), str(simulator)): rows.sort("session_date")["net_return"].to_numpy()
            for (engine, risk_profile, simulator), rows in self.result.sessions.group_by(
                ["engine", "risk_profile", "simulator"], maintain_order=True
            )
        }
        object.__setattr__(self, "_series", found)

    def streams(self, simulator: str) -> dict[str, NDArray[np.float64]]:
        """(T,) stitched returns by risk profile: those of `ours`, and equal weights to compare them with."""
        own = self.own_risk_profiles(simulator)
        measure = self._series.get((EQUAL_WEIGHT, EQUAL_WEIGHT, simulator))
        return own if measure is None or EQUAL_WEIGHT in own else own | {EQUAL_WEIGHT: measure}

    def own_risk_profiles(self, simulator: str) -> dict[str, NDArray[np.float64]]:
        """(T,) stitched returns of the risk profiles of `ours` alone."""
        return {
            risk_profile: s
            for (engine, risk_profile, name), s in self._series.items()
            if (engine, name) == (OURS, simulator)
        }


def target_frames(played: SimulatedTournament, rng: np.random.Generator) -> dict[str, pl.DataFrame]:
    """Frames of `results.target_achievement` and `results.target_comparisons`; empty where `ours` took no part."""
    achieved, comparisons = [], []
    for simulator in played.settings.tournament.simulators:
        if not played.own_risk_profiles(simulator):
            continue
        achievements = assess_targets(
            played.streams(simulator),
            played.result.decisions.get((OURS, "barbell"), ()),
            periods_per_year=played.facts.periods_per_year,
            rng=rng,
            risk_free_annual=played.settings.allocation.risk_free_rate_annual,
            n_samples=played.settings.tournament.bootstrap_samples,
        )
        for achievement in achievements:
            cell = {"engine": OURS, "simulator": simulator, "risk_profile": achievement.risk_profile}
            words = {"target": achievement.target, "outcome": achievement.outcome, "message": achievement.message}
            achieved.append({**cell, **words})
            for comparison in achievement.comparisons:
                row = asdict(comparison)
                risk_profiles = {"lower_risk_profile": row.pop("lower"), "upper_risk_profile": row.pop("upper")}
                comparisons.append({**cell, **risk_profiles, **row})
    return {
        "target_achievement": pl.DataFrame(achieved, schema=_schema("results.target_achievement")),
        "target_comparisons": pl.DataFrame(comparisons, schema=_schema("results.target_comparisons")),
    }


def isolation_frame(
    played: SimulatedTournament, raw_pool: PoolOf, selected_pool: PoolOf, make_rng: Callable[[], np.random.Generator]
) -> pl.DataFrame:
    """Frame of `results.alpha_isolation`: every risk profile of `ours` against its equally weighted pools.

    Parameters
    ----------
    make_rng
        The same generator anew for each risk profile, so that all of them show the same interval of the selection's alpha.
    """
    rows: list[Mapping[str, object]] = []
    if not any(played.own_risk_profiles(simulator) for simulator in played.settings.tournament.simulators):
        return pl.DataFrame(rows, schema=_schema("results.alpha_isolation"))
    pools = _simulate_pools(played, raw_pool, selected_pool)
    for simulator in played.settings.tournament.simulators:
        raw, selected = pools[_RAW, simulator], pools[_SELECTED, simulator]
        for risk_profile, series in played.own_risk_profiles(simulator).items():
            cell = {"engine": OURS, "simulator": simulator, "risk_profile": risk_profile}
            if raw.path is None or selected.path is None:
                why = next(pool.message for pool in (raw, selected) if pool.path is None)
                rows += [{**cell, "metric": metric, "message": why} for metric in (*STAGE_METRICS, "mean_annual")]
                continue
            figures = isolate_alpha(
                raw.path.returns,
                selected.path.returns,
                series,
                periods_per_year=played.facts.periods_per_year,
                rng=make_rng(),
                risk_free_annual=played.settings.allocation.risk_free_rate_annual,
                n_samples=played.settings.tournament.bootstrap_samples,
            )
            rows += [{**cell, **row} for row in figures.to_dicts()]
    return pl.DataFrame(rows, schema=_schema("results.alpha_isolation"))


def _simulate_pools(
    played: SimulatedTournament, raw_pool: PoolOf, selected_pool: PoolOf
) -> dict[tuple[str, str], TournamentCell]:
    """The pool before and after selection, equally weighted, over the same windows and frictions."""
    cells = simulate_engines(
        played.panel.session_dates,
        played.panel.symbols,
        played.panel.returns,
        played.benchmark_returns,
        engines=[
            equal_weight_engine(raw_pool, name=_RAW),
            equal_weight_engine(selected_pool, name=_SELECTED),
        ],
        risk_profiles=[EQUAL_WEIGHT],
        settings=played.settings,
        facts=replace(played.facts, reference_engine=None),
        frames={CANDIDATES: played.candidates},
    )
    return {(cell.engine, cell.simulator): cell for cell in cells}


def _schema(table: str) -> dict[str, pl.DataType]:
    return {c.name: pl.Float64() if c.type == FLOAT else pl.String() for c in CONTRACTS[table].columns[1:]}
