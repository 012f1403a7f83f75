"""Every feature flag is read in one place and moves the answer that it is meant to move.

See docs/architecture.md#configuration.
"""

from __future__ import annotations

import ast
import datetime as dt
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest

from analytics.policy import HeldWeights, SelectedInstruments, decide_clusters, decide_selection, decide_weights
from analytics.regime.detection import detect_regime
from analytics.regime.sentiment import G8
from analytics.settings import Flags
from analytics.tournament.engines import Decision, PastView
from analytics.tournament.replay import EarlierMarket
from analytics.tournament.simulators import HeldState, realized
from lakefolio.config.manifest import Profile, resolve
from lakefolio.errors import ManifestError
from lakefolio.runs.progress import Reporter
from lakefolio.runs.start import RunRequest, new_run
from lakefolio.state.held_portfolios import HeldPortfolio
from lakefolio.steps import publish as publish_steps
from lakefolio.steps import tournament
from lakefolio.steps.decision.portfolio_tables import PortfolioInputs, portfolio_tables
from lakefolio.steps.decision.sentiment_exposure import read_exposures
from lakehouse.paths import Paths
from tests.reports.conftest import MemoryLake, build_models, put
from tests.reports.run_frames import RUN_ID, run_frames

ROOT = Path(__file__).resolve().parents[3]
# docs/architecture.md#configuration, word for word.
FLAGS = {
    "feat_turnover_penalty", "feat_partial_rebalance", "feat_xs_momentum", "feat_spectral_regimes",
    "feat_decay_audit", "feat_audit_ledger", "feat_pit_fidelity", "feat_dynamic_selection", "feat_short_costs",
    "feat_fragility_penalty", "feat_alpha_weighting", "feat_intermarket_sentiment", "feat_adaptive_threshold",
}  # fmt: skip
T, YEAR = 300, 252
BOTH = (False, True)


def profile(flag: str | None = None, on: bool = True, **settings: object) -> Profile:
    """The development profile with one flag set."""
    flags = {} if flag is None else {"flags": {flag: on}}
    return resolve(ROOT / "configs" / "manifest.json", "development", {**settings, **flags})


def market(n_clusters: int = 5, members: int = 3, seed: int = 3, noise: float = 0.4) -> np.ndarray:
    """(T, N) returns of `n_clusters` independent factors, each with its members."""
    rng = np.random.default_rng(seed)
    factors = np.repeat(rng.normal(0.0004, 0.01, (T, n_clusters)), members, axis=1)
    return factors + noise * rng.normal(0.0, 0.01, (T, n_clusters * members))


def chosen_of(n: int) -> SelectedInstruments:
    names = tuple(f"SIMX:A{i:02d}" for i in range(n))
    return SelectedInstruments(
        names, tuple(f"US:A{i:02d}" for i in range(n)), ("equity",) * n, np.ones(n, dtype=np.int64)
    )


def weights_of(
    settings: Profile, returns: np.ndarray, *, name: str = "min_variance", held: HeldWeights | None = None
) -> np.ndarray:
    """What a risk profile of the manifest holds, in the order of the columns."""
    chosen = chosen_of(returns.shape[1])
    clustering = decide_clusters(returns, chosen, "NORMAL", settings)
    allocation = decide_weights(
        returns, chosen, clustering.cluster_ids, name, "NORMAL", settings, held or HeldWeights(), periods_per_year=YEAR
    )
    return np.asarray(allocation.weights)


def candidates_of(n: int, **columns: Any) -> pl.DataFrame:
    names = [f"SIMX:A{i:02d}" for i in range(n)]
    told = {
        "symbol": names, "identity": [name.replace("SIMX", "US") for name in names], "asset_class": ["equity"] * n,
        "sector": ["S"] * n, "direction": [1] * n, "value_traded_usd": [1e8] * n, "close": [50.0] * n, "atr": [1.0] * n,
        "discovery_score": [0.5] * n, "health_status": ["OK"] * n,
    }  # fmt: skip
    return pl.DataFrame(told | columns)


def test_the_list_of_flags_is_the_one_that_was_agreed() -> None:
    assert set(Flags.model_fields) == FLAGS


def test_every_flag_is_tested_here() -> None:
    tested = {name.removeprefix("test_") for name in globals() if name.startswith("test_feat_")}
    assert {flag for flag in FLAGS if any(name.startswith(flag) for name in tested)} == FLAGS


@pytest.mark.parametrize("flag", sorted(FLAGS))
def test_a_flag_is_read_in_one_module(flag: str) -> None:
    readers = set()
    for path in sorted([*(ROOT / "lakefolio").rglob("*.py"), *(ROOT / "analytics").rglob("*.py")]):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr == flag:
                readers.add(path.name)
    allowed = {"manifest.py"} if flag == "feat_audit_ledger" else set()
    assert len(readers - allowed) == 1, readers


def test_feat_turnover_penalty_holds_the_portfolio_nearer_to_what_is_held() -> None:
    returns = market()
    symbols = chosen_of(15).symbols
    # Nearly all in one cluster's cap, far from the optimum.
    held = HeldWeights({symbols[0]: 0.25, symbols[3]: 0.25, symbols[6]: 0.25, symbols[9]: 0.25})
    away = {}
    for on in BOTH:
        weights = weights_of(profile("feat_turnover_penalty", on), returns, held=held)
        away[on] = np.abs(weights - held.aligned(chosen_of(15))[0]).sum()
    assert away[True] < away[False] - 1e-4


def test_feat_fragility_penalty_leaves_the_cluster_with_the_fat_tail() -> None:
    """Two clusters of one variance: the second loses it all in a few sessions."""
    returns = market(n_clusters=6, members=2, noise=0.1)
    crashes = np.random.default_rng(5).permutation(T)[:8]
    fat = returns[:, 2:4] * 0.5
    fat[crashes] -= 0.05
    returns[:, 2:4] = fat * (returns[:, :2].std() / fat.std())
    with_penalty, without = (
        weights_of(profile("feat_fragility_penalty", on), returns)[2:4].sum() for on in (True, False)
    )
    assert with_penalty < without - 1e-3


def test_feat_alpha_weighting_leans_on_momentum_inside_a_cluster() -> None:
    returns = market()
    returns[:, 0] += 0.002
    off = weights_of(profile("feat_alpha_weighting", on=False), returns)
    on = weights_of(profile("feat_alpha_weighting"), returns)
    inverse = 1.0 / returns[:, :3].var(axis=0, ddof=1)
    np.testing.assert_allclose(off[:3] / off[:3].sum(), inverse / inverse.sum(), rtol=1e-9)
    assert on[0] / on[:3].sum() > off[0] / off[:3].sum() + 0.05


@pytest.mark.parametrize("on", BOTH)
def test_feat_xs_momentum_ranks_over_the_whole_pool(on: bool) -> None:
    """The best of a weak cluster is the best of its cluster, and not of the pool."""
    returns = market(n_clusters=3)
    returns[:, :3] -= 0.002
    returns[:, 0] += 0.0005
    _, selection = decide_selection(
        returns, candidates_of(9), "NORMAL", profile("feat_xs_momentum", on), periods_per_year=YEAR
    )
    row = selection.filter(pl.col("symbol") == "SIMX:A00").row(0, named=True)
    assert row["cluster_id"] == selection.filter(pl.col("symbol") == "SIMX:A01")["cluster_id"][0]
    assert (row["momentum_rank"] < 0.5) if on else (row["momentum_rank"] == 1.0)


def test_feat_dynamic_selection_takes_fewer_where_all_move_together() -> None:
    returns = market(n_clusters=3, members=6, noise=0.1) + 0.003
    selected = {}
    for on in BOTH:
        settings = profile("feat_dynamic_selection", on)
        _, rows = decide_selection(returns, candidates_of(18), "NORMAL", settings, periods_per_year=YEAR)
        selected[on] = rows.filter(pl.col("is_selected")).group_by("cluster_id").len()["len"].to_list()
    assert selected == {False: [3, 3, 3], True: [1, 1, 1]}


def test_feat_adaptive_threshold_cuts_lower_in_a_crisis() -> None:
    rng = np.random.default_rng(2)
    # Families, of two clusters each, of two pairs each.
    levels = [np.repeat(rng.normal(0.0, 0.01, (T, n)), 16 // n, axis=1) for n in (2, 4, 8, 16)]
    returns = 1.2 * levels[0] + 0.9 * levels[1] + 0.7 * levels[2] + 0.5 * levels[3]
    n_clusters = {}
    for on in BOTH:
        settings = profile("feat_adaptive_threshold", on, dependence={"threshold": 0.6})
        n_clusters[on] = [
            decide_clusters(returns, chosen_of(16), regime, settings).n_clusters for regime in ("CRISIS", "QUIET")
        ]
    assert n_clusters[False][0] == n_clusters[False][1] == 4
    assert n_clusters[True][0] > n_clusters[True][1] > n_clusters[False][0]


def test_feat_spectral_regimes_off_knows_no_turbulence() -> None:
    rng = np.random.default_rng(9)
    scale = np.concatenate([np.full(400, 0.005), np.full(60, 0.012), np.full(200, 0.005), np.full(60, 0.03)])
    stream = rng.normal(0.0, 1.0, len(scale)) * scale
    seen, deciding = {}, {}
    for on in BOTH:
        flags = profile("feat_spectral_regimes", on).flags
        history = detect_regime(stream, kind="etf", settings=profile().regime, flags=flags)
        seen[on], deciding[on] = set(history.regimes), set(history.deciding_components)
    assert "TURBULENT" in seen[True]
    assert "TURBULENT" not in seen[False]
    assert "spectral_level" in deciding[True] - deciding[False]


def test_feat_short_costs_makes_a_short_earn_less_by_the_borrow() -> None:
    rises = np.full((20, 1), 0.001)
    decision = Decision(("SIMX:A00",), np.array([-0.5]), 0.5)
    earned = {}
    for on in BOTH:
        settings = profile("feat_short_costs", on)
        costs = settings.tournament
        path = realized(HeldState({}, 1.0), decision, ("SIMX:A00",), rises, trade_rate=costs.trade_rate,
                        borrow_rate=costs.borrow_rate(settings.flags), rebalance="window", periods_per_year=YEAR)  # fmt: skip
        earned[on] = (path.state.wealth, path.borrow.sum())
    assert earned[False][1] == 0.0
    assert earned[True][1] > 0.0
    # A short of one half, 2 % a year, 20 of 252 sessions; the short grows with its instrument meanwhile.
    grown = 0.5 * sum(1.001**n for n in range(20)) / 20
    assert earned[False][0] - earned[True][0] == pytest.approx(0.02 * 20 / YEAR * grown, rel=2e-3)


def test_feat_partial_rebalance_leaves_small_trades_undone() -> None:
    returns = market()
    chosen = chosen_of(15)
    target = weights_of(profile(), returns)
    small = np.where(np.arange(15) < 3, [0.004, -0.004, 0.0] + [0.0] * 12, 0.0)
    held = HeldPortfolio(dict(zip(chosen.symbols, (target + small).tolist(), strict=True)), "earlier")
    settings = profile("feat_turnover_penalty", on=False)
    clustering = decide_clusters(returns, chosen, "NORMAL", settings)
    allocation = decide_weights(
        returns,
        chosen,
        clustering.cluster_ids,
        "min_variance",
        "NORMAL",
        settings,
        held.as_held(),
        periods_per_year=YEAR,
    )
    standing = PortfolioInputs(
        pl.DataFrame({"symbol": clustering.symbols, "cluster_id": clustering.cluster_ids, "label": ["L"] * 15}),
        candidates_of(15).with_columns(pl.lit(value=False).alias("is_recent_listing")),
        pl.DataFrame({"symbol": chosen.symbols, "venue": ["SIMX"] * 15, "lot_size": [1.0] * 15, "last_price": [10.0] * 15,
                      "usd_per_quote": [1.0] * 15}),
    )  # fmt: skip
    tables = {
        on: portfolio_tables(profile("feat_partial_rebalance", on), allocation, standing, held, 0.0) for on in BOTH
    }
    wanted = dict(zip(allocation.symbols, allocation.weights.tolist(), strict=True))
    exact = dict(tables[False]["weights"].select("symbol", "weight").iter_rows())
    assert exact == pytest.approx(wanted, abs=1e-12)
    assert tables[False]["orders"].height > 0
    assert "SKIPPED" not in set(tables[False]["drift"]["action"])
    kept = dict(tables[True]["weights"].select("symbol", "weight").iter_rows())
    skipped = tables[True]["drift"].filter(pl.col("action") == "SKIPPED")["symbol"].to_list()
    assert chosen.symbols[0] in skipped
    for symbol in skipped:
        assert kept[symbol] == pytest.approx(held.net_weights[symbol], abs=1e-12)
    assert tables[True]["orders"].height < tables[False]["orders"].height


class FxLake:
    """A lake that knows the currencies: havens rise throughout, and faster at the end."""

    def query(self, sql: str, _params: object = None) -> pl.DataFrame:
        assert "int_bars_of_run" in sql
        days = [dt.date(2024, 1, 1) + dt.timedelta(days=n) for n in range(400)]
        rng = np.random.default_rng(1)
        rows = []
        for currency in G8[1:]:
            steps = rng.normal(0.0, 0.003, 400)
            steps[-20:] += 0.006 if currency in ("JPY", "CHF") else -0.006 if currency in ("AUD", "NZD", "CAD") else 0.0
            rows.append(pl.DataFrame({"session_date": days, "currency": currency, "usd": np.exp(np.cumsum(steps))}))
        return pl.concat(rows)


def test_feat_intermarket_sentiment_moves_crypto_and_equity_into_cash() -> None:
    chosen = SelectedInstruments(chosen_of(15).symbols, chosen_of(15).identities, ("equity",) * 6 + ("crypto",) * 3 + ("fx",) * 6,
                    np.ones(15, dtype=np.int64))  # fmt: skip
    returns = market()
    settings = profile()
    clustering = decide_clusters(returns, chosen, "NORMAL", settings)
    allocations = {}
    for on in BOTH:
        run = SimpleNamespace(settings=profile("feat_intermarket_sentiment", on), run_id="r", lake=FxLake(),
                              logger=logging.getLogger("test"))  # fmt: skip
        exposures = read_exposures(run, chosen)
        assert (exposures is None) is not on
        allocations[on] = decide_weights(
            returns, chosen, clustering.cluster_ids, "risk_parity", "NORMAL", settings, HeldWeights(),
            periods_per_year=YEAR, exposures=exposures,
        )  # fmt: skip
    ratio = allocations[True].weights / allocations[False].weights
    assert (ratio[:9] < 0.99).all()
    np.testing.assert_array_equal(ratio[9:], 1.0)
    assert allocations[False].cash == pytest.approx(0.0, abs=1e-12)
    assert allocations[True].cash == pytest.approx(1.0 - allocations[True].weights.sum(), abs=1e-15)


@pytest.mark.parametrize("on", BOTH)
def test_feat_pit_fidelity_decides_from_what_the_window_knew(on: bool) -> None:
    """Production's winners today are the first nine; what the window's own candidates give are the last nine."""
    lake = MemoryLake()
    today = candidates_of(9).with_columns(
        pl.lit("r").alias("run_id"), pl.lit(value=True).alias("is_selected"), pl.lit("selected").alias("reason")
    )
    columns = ["run_id", "symbol", "identity", "asset_class", "direction", "is_selected", "reason"]
    judged = {"run_id": ["r"], "stage": ["full"], "session_date": [dt.date(2026, 1, 1)], "regime": ["CRISIS"]}
    put(lake.connection, {"results.selection": today.select(columns), "results.regimes": pl.DataFrame(judged)})

    lake.rows = lambda sql, params=None: lake.query(sql, params).rows()
    settings = profile("feat_pit_fidelity", on)
    run = SimpleNamespace(settings=settings, run_id="r", lake=lake)
    returns = market(n_clusters=6) + 0.001
    days = tuple(dt.date(2025, 1, 1) + dt.timedelta(days=n) for n in range(T))
    then = candidates_of(18).tail(9).with_columns(pl.lit(days[-1]).alias("session_date"))
    past = PastView(
        0,
        days,
        chosen_of(18).symbols,
        "AMEX:SPY",
        returns,
        returns[:, 0],
        slice(T - 120, T),
        past_frames={"candidates": then},
    )
    market_data = SimpleNamespace(
        panel=SimpleNamespace(periods_per_year=YEAR), earlier_market=EarlierMarket("etf", np.array([]))
    )
    prepared = tournament._replay(run, market_data).prepare(past)
    symbols = chosen_of(18).symbols
    assert set(prepared.chosen.symbols) == set(symbols[9:] if on else symbols[:9])
    assert (prepared.regime == "CRISIS") is not on


@pytest.mark.parametrize("on", BOTH)
def test_feat_decay_audit_shows_idealized_minus_realized(on: bool, tmp_path: Path) -> None:
    lake = MemoryLake()
    put(lake.connection, run_frames())
    build_models(lake.connection)

    def publish(name: str, content: str | bytes) -> None:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    run = SimpleNamespace(
        settings=profile("feat_decay_audit", on), run_id=RUN_ID, profile="demo", manifest_sha256="0" * 64, ledger=None,
        folder=tmp_path, artifacts=[], lake=lake, publish=publish, dbt=lambda *_: SimpleNamespace(require=lambda: None),
    )  # fmt: skip
    publish_steps.report(run)
    for name in ("backtest_comparison.md", "portfolio_report.md", "portfolio_report.html"):
        assert ("idealized minus realized" in (tmp_path / name).read_text(encoding="utf-8")) is on, name


@pytest.mark.parametrize("on", BOTH)
def test_feat_audit_ledger_decides_whether_a_run_can_be_verified(on: bool, tmp_path: Path) -> None:
    wanted = RunRequest(
        "development", source="sample", settings=(f"flags.feat_audit_ledger={'true' if on else 'false'}",)
    )
    run = new_run(Paths.at(tmp_path), wanted, Reporter())
    assert (run.ledger is not None) is on
    assert (tmp_path / "data" / "keys" / "ledger.key").exists() is on


def test_feat_audit_ledger_off_is_refused_by_production() -> None:
    with pytest.raises(ManifestError, match="may not switch feat_audit_ledger off"):
        resolve(ROOT / "configs" / "manifest.json", "production", {"flags": {"feat_audit_ledger": False}})
