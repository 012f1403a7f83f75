"""Rows of `results` and of the joined marts for one small run."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import polars as pl

from tests.reports.analysis_frames import analysis_rows

RUN_ID = "demo-20251230-a1b2c3"
AS_OF = dt.date(2025, 12, 30)
PROFILES = ("barbell", "equal_weight", "hrp", "max_sharpe", "min_variance", "risk_parity")
CELLS = (
    *(("ours", risk_profile) for risk_profile in PROFILES if risk_profile != "equal_weight"),
    ("equal_weight", "equal_weight"),
    ("market", "market"),
)
SIMULATORS = ("idealized", "realized")
CLASSES = ("equity", "etf", "bond", "crypto", "fx", "future")
LABELS = (
    "equity: Technology",
    "equity: Health Care",
    "crypto: Layer 1",
    "etf: Broad market",
    "future: Energy",
    "fx: G8",
    "bond: Government",
    "Mixed: etf / bond",
)
CHECKS = (
    ("weights_sum", 1e-6),
    ("cluster_cap", 0.25 + 1e-9),
    ("solver_status", 0.0),
    ("directions_kept", 0.0),
    ("metadata_complete", 0.0),
    ("no_benchmark_held", 0.0),
)
STEPS = ("discovery", "selection", "health", "regime", "optimize", "tournament", "audit")

Rows = list[dict[str, Any]]


def instruments() -> Rows:
    """Forty-eight candidates in six classes, six to a cluster."""
    rows: Rows = []
    for number in range(48):
        cluster = number // 6
        kind = CLASSES[(0, 0, 3, 1, 5, 4, 2, 1)[cluster]]
        rows.append(
            {
                "symbol": f"SIM{'CRYPTO_A' if kind == 'crypto' else 'X'}:{kind.upper()[:3]}{number:02d}",
                "identity": f"{kind.upper()[:3]}{number:02d}",
                "name": f"{LABELS[cluster].split(': ')[1]} {number:02d} (SIMULATED)",
                "asset_class": kind,
                "sector": LABELS[cluster].split(": ")[1],
                "venue": "SIMCRYPTO_A" if kind == "crypto" else "SIMX",
                "cluster_id": cluster + 1,
                "direction": -1 if number % 7 == 3 else 1,
                "is_selected": number % 6 < 3,
            }
        )
    return rows


def held_weights(rng: np.random.Generator) -> Rows:
    """Weights of six risk profiles; every cluster is within its cap of a quarter and the barbell is insulated."""
    rows: Rows = []
    selected = [row for row in instruments() if row["is_selected"]]
    for risk_profile in PROFILES:
        within = rng.dirichlet(np.ones(3), 8)
        tilt = np.full(8, 0.125) if risk_profile == "equal_weight" else rng.dirichlet(np.full(8, 9.0))
        tilt = np.minimum(tilt, 0.25)
        if risk_profile == "max_sharpe":
            tilt[:2] = 0.25
            tilt[2:] *= 0.5 / tilt[2:].sum()
        if risk_profile == "barbell":
            tilt[[2, 4]] = 0.05
            tilt[[0, 1, 3, 5, 6, 7]] *= 0.85 / tilt[[0, 1, 3, 5, 6, 7]].sum()
        tilt /= tilt.sum() / (0.95 if risk_profile == "min_variance" else 1.0)
        for position, row in enumerate(selected):
            cluster = row["cluster_id"] - 1
            weight = float(tilt[cluster] * within[cluster, position % 3])
            rows.append(
                {
                    **{
                        key: row[key]
                        for key in ("symbol", "identity", "asset_class", "cluster_id", "direction", "venue")
                    },
                    "risk_profile": risk_profile,
                    "sleeve": "aggressor" if risk_profile == "barbell" and cluster in (2, 4) else "core",
                    "weight": weight,
                    "net_weight": weight * row["direction"],
                    "is_recent_listing": position == 5,
                }
            )
        if risk_profile == "min_variance":
            cash = {"symbol": "CASH", "identity": "CASH", "asset_class": "cash", "cluster_id": 0, "direction": 1}
            rows.append(
                {
                    **cash,
                    "risk_profile": risk_profile,
                    "sleeve": "cash",
                    "weight": 0.05,
                    "net_weight": 0.05,
                    "venue": None,
                }
                | {"is_recent_listing": False}
            )
    return rows


def run_frames(run_id: str = RUN_ID, *, is_simulated: bool = True) -> dict[str, pl.DataFrame]:
    """Every table that a report model reads, `schema.table` to rows of one run."""
    rng = np.random.default_rng(11)
    weights = held_weights(rng)
    sections = {
        **_run_rows(is_simulated),
        **_market_rows(rng),
        **_selection_rows(rng),
        **_portfolio_rows(weights, rng),
        **_tournament_rows(rng),
        **analysis_rows(instruments(), PROFILES, SIMULATORS, AS_OF),
    }
    frames = {
        name: pl.DataFrame([{"run_id": run_id, **row} for row in rows], infer_schema_length=None)
        for name, rows in sections.items()
    }
    marts = {
        "marts.instruments": [
            {"run_id": run_id, **{key: row[key] for key in ("symbol", "name", "asset_class", "sector")}}
            for row in instruments()
        ],
        "marts.candidates": [
            {"run_id": run_id, "symbol": row["symbol"], "scanners": "trend_long", "discovery_score": 0.5, "n_venues": 2}
            for row in instruments()
        ],
        "marts.gap_audit": [
            {"run_id": run_id, "symbol": "SIMX:EQU05", "session_date": dt.date(2025, 11, day)} for day in (12, 13)
        ],
        "marts.quarantined_bars": [
            {"run_id": run_id, "symbol": "SIMX:EQU04", "reason": reason}
            | {"n_bars": 1, "first_session": date, "last_session": date}
            for reason, date in (
                ("unconfirmed_jump", dt.date(2025, 6, 2)),
                ("inconsistent_ohlc", dt.date(2024, 3, 4)),
            )
        ],
    }
    return frames | {name: pl.DataFrame(rows) for name, rows in marts.items()}


def _run_rows(is_simulated: bool) -> dict[str, Rows]:
    started = dt.datetime.fromisoformat("2026-01-02T07:30:00")
    run = {
        "profile": "demo",
        "source": "sample",
        "as_of": AS_OF,
        "as_of_at": dt.datetime.fromisoformat("2025-12-31T00:10:00"),
        "light_sessions": 60,
        "full_sessions": 500,
        "settle_minutes": 10,
        "max_stale_sessions": 2,
        "min_history_sessions": 60,
        "benchmark": "AMEX:SPY",
        "excluded_symbols": None,
        "strict_health": True,
        "is_simulated": is_simulated,
        "manifest_sha256": "5f2c" * 16,
        "started_at": started,
    }
    steps = [
        {
            "step": step,
            "number": number,
            "attempt": attempt,
            "status": "done" if attempt == 1 + (step == "health") else "failed",
            "snapshot_read": 10 + number,
            "snapshot_written": 11 + number,
            "n_rows": 48 * number,
            "inputs_sha256": f"{number:064x}",
            "outputs_sha256": f"{number * 7919:064x}",
            "started_at": started + dt.timedelta(seconds=3 * number + attempt),
            "seconds": 0.25 * number,
        }
        for number, step in enumerate(STEPS, start=1)
        for attempt in range(1, 3 if step == "health" else 2)
    ]
    checks = [
        {
            "check": check,
            "risk_profile": risk_profile,
            "value": limit / 2,
            "limit": limit,
            "passed": True,
            "detail": None,
        }
        for check, limit in CHECKS
        for risk_profile in PROFILES
    ]
    return {"scope.runs": [run], "results.steps": steps, "results.audit_checks": checks}


def _market_rows(rng: np.random.Generator) -> dict[str, Rows]:
    dates = [AS_OF - dt.timedelta(days=age) for age in range(820, -1, -1)]
    dates = [date for date in dates if date.weekday() < 5]
    steps = np.cumsum(rng.normal(0, 0.035, len(dates)))
    scores = 0.12 + 0.75 / (1 + np.exp(-3 * (steps - steps.mean())))
    names = (
        "volatility_level volatility_ratio drawdown spectral_level permutation_entropy volatility_clustering "
        "average_correlation long_run_volatility prior_share"
    )
    regimes: Rows = []
    for date, score in zip(dates, scores, strict=True):
        state = "QUIET" if score < 0.35 else "NORMAL" if score < 0.6 else "TURBULENT" if score < 0.75 else "CRISIS"
        row: dict[str, Any] = {"stage": "full", "session_date": date, "regime": state, "score": float(score)}
        for name in names.split():
            row[name] = float(rng.uniform(0.05, 1.1))
        regimes.append(row | {"deciding_component": "volatility_level"})
    statuses = {5: "GAPS", 4: "INVALID", 11: "STALE", 17: "MISSING", 2: "SHORT"}
    health = [
        {
            "stage": stage,
            "symbol": row["symbol"],
            "status": statuses.get(number, "OK") if not row["is_selected"] or number == 2 else "OK",
            "n_expected": length,
            "n_present": length - 2 * (number == 5),
            "n_gaps": 2 * (number == 5),
            "n_quarantined": 2 * (number == 4),
            "n_stale_sessions": 4 * (number == 11),
            "first_session": dt.date(2024, 1, 2),
            "last_session": AS_OF,
            "is_judged": row["is_selected"],
        }
        for stage, length in (("light", 60), ("full", 500))
        for number, row in enumerate(instruments())
    ]
    return {"results.regimes": regimes, "results.health": health}


def _selection_rows(rng: np.random.Generator) -> dict[str, Rows]:
    selection: Rows = []
    clusters: Rows = []
    risk: Rows = []
    for number, row in enumerate(instruments()):
        ranks = dict(zip(("momentum", "stability", "convexity", "liquidity"), rng.uniform(size=4), strict=True))
        selection.append(
            {key: row[key] for key in ("symbol", "identity", "cluster_id", "direction", "asset_class", "sector")}
            | {f"{name}_rank": float(rank) for name, rank in ranks.items()}
            | {name: float(rank) for name, rank in ranks.items() if name != "stability"}
            | {"volatility_annual": 0.2, "score": float(np.mean(list(ranks.values()))), "identity_rank": 1}
            | {
                "passed_gate": number % 6 < 4,
                "is_recent_listing": number == 5,
                "is_selected": row["is_selected"],
                "reason": "top of its cluster" if row["is_selected"] else "below the top 3 of cluster and direction",
            }
        )
        for stage in ("light", "full"):
            cluster = row["cluster_id"] - 1
            left_out = number == 47
            clusters.append(
                {
                    "stage": stage,
                    "symbol": row["symbol"],
                    "cluster_id": 0 if left_out else cluster + 1,
                    "subcluster_id": 1 + (number % 6 > 2),
                    "leaf_order": number,
                    "label": None if left_out else LABELS[cluster],
                    "purity": None if left_out else 1.0 - 0.05 * cluster,
                    "threshold": 0.4,
                    "min_correlation": None if left_out else 0.1 + 0.02 * cluster,
                    "mean_correlation": None if left_out else 0.72 - 0.05 * cluster,
                    "linkage": "ward",
                    "regime": "NORMAL",
                    "reason": "more than half of its pairs have fewer than 20 common sessions" if left_out else None,
                }
            )
        fragility = float(rng.uniform())
        risk.append(
            {
                "stage": "full",
                "symbol": row["symbol"],
                "volatility_annual": float(rng.uniform(0.04, 0.8)),
                "cvar95": float(rng.uniform(0.005, 0.09)),
                "convexity": ranks["convexity"],
                "fragility": fragility,
                "fragility_level": "green" if fragility < 0.4 else "amber" if fragility < 0.6 else "red",
                "n_sessions": 500,
            }
        )
    return {"results.selection": selection, "results.clusters": clusters, "results.risk": risk}


def _portfolio_rows(weights: Rows, rng: np.random.Generator) -> dict[str, Rows]:
    held = pl.DataFrame([row for row in weights if row["sleeve"] != "cash"])
    sums = held.group_by("risk_profile", "cluster_id", "sleeve", maintain_order=True).agg(
        pl.col("weight").sum(), pl.len().alias("n_members")
    )
    cluster_weights = [
        row | {"cap": 0.25, "risk_contribution": row["weight"], "label": LABELS[row["cluster_id"] - 1]}
        for row in sums.iter_rows(named=True)
    ]
    solves = [
        {
            "risk_profile": risk_profile,
            "engine": "ours",
            "status": "closed_form" if risk_profile in {"equal_weight", "hrp"} else "optimal",
            "solver": None if risk_profile in {"equal_weight", "hrp"} else "piqp",
            "iterations": None if risk_profile in {"equal_weight", "hrp"} else 11,
            "primal_residual": 2.4e-12,
            "dual_residual": 8.1e-11,
            "gap": 3.3e-10,
            "objective": float(rng.uniform(0.1, 0.9)),
            "binding": "cap:1, cap:2" if risk_profile == "max_sharpe" else None,
            "covariance": "ledoit_wolf",
            "message": None,
            "seconds": 0.0042,
        }
        for risk_profile in PROFILES
    ]
    drift: Rows = []
    orders: Rows = []
    for row in weights:
        before = row["net_weight"] * 0.8
        change = row["net_weight"] - before
        drift.append(
            {"risk_profile": row["risk_profile"], "symbol": row["symbol"], "held_weight": before, "drift": change}
            | {"target_weight": row["net_weight"], "portfolio_action": "REBALANCE", "turnover": 0.1125}
            | {"action": "TRADE" if abs(change) > 0.002 else "SKIPPED"}
        )
        if abs(change) > 0.002 and row["sleeve"] != "cash":
            orders.append(
                {
                    "risk_profile": row["risk_profile"],
                    "symbol": row["symbol"],
                    "venue": row["venue"],
                    "weight_change": change,
                }
                | {"side": "BUY" if change > 0 else "SELL_SHORT", "target_weight": row["net_weight"]}
                | {"notional": change * 1e6, "last_price": 41.5, "quantity": round(change * 1e6 / 41.5, 2)}
            )
    return {
        "results.weights": weights,
        "results.cluster_weights": cluster_weights,
        "results.solves": solves,
        "results.drift": drift,
        "results.orders": orders,
    }


def _tournament_rows(rng: np.random.Generator) -> dict[str, Rows]:
    dates = [dt.date(2023, 11, 1) + dt.timedelta(days=day) for day in range(790)]
    dates = [date for date in dates if date.weekday() < 5][:500]
    windows = [
        {
            "window": number,
            "train_start": dt.date(2022, 11, 1),
            "train_end": dates[number * 20] - dt.timedelta(days=1),
            "test_start": dates[number * 20],
            "test_end": dates[number * 20 + 19],
            "regime": ("QUIET", "NORMAL", "TURBULENT", "CRISIS")[number % 4],
            "realised_regime": "NORMAL",
            "n_candidates": 48,
            "n_selected": 24,
            "n_clusters": 8,
            "message": None,
        }
        for number in range(25)
    ]
    sessions: Rows = []
    metrics: Rows = []
    for engine, risk_profile in CELLS:
        stream = rng.normal(0.0004, 0.007, len(dates)) * (1.4 if risk_profile == "max_sharpe" else 1.0)
        for simulator in SIMULATORS:
            cost = 0.00008 if simulator == "realized" else 0.0
            series = stream - cost
            cell = {"engine": engine, "risk_profile": risk_profile, "simulator": simulator}
            held = {"cost": cost, "borrow": 0.0, "gross_exposure": 1.0, "net_exposure": 1.0, "turnover": cost * 1e3}
            sessions += [
                {**cell, **held, "session_date": date, "window": index // 20, "gross_return": float(value) + cost}
                | {"net_return": float(value), "wealth": float(wealth)}
                for index, (date, value, wealth) in enumerate(zip(dates, series, np.cumprod(1 + series), strict=True))
            ]
            metrics += [
                {**cell, "status": "ok", "metric": metric, "value": value, "message": None}
                for metric, value in _figures(series).items()
            ]
    failed = {"engine": "ours", "risk_profile": "nco", "status": "failed", "message": "window 3: K * cap = 0.75 < 1"}
    metrics += [{**failed, "simulator": name, "metric": "sharpe", "value": None} for name in SIMULATORS]
    missing = {
        "engine": "market",
        "risk_profile": "hrp",
        "status": "unsupported",
        "message": "the market has one portfolio",
    }
    metrics += [{**missing, "simulator": name, "metric": "sharpe", "value": None} for name in SIMULATORS]
    table = {"engine": "all", "risk_profile": "all", "status": "ok"}
    metrics += [
        {**table, "simulator": name, "metric": metric, "value": value, "message": None}
        for name in SIMULATORS
        for metric, value in (("n_trials", 6.0), ("overfitting_probability", 0.31), ("superiority_p_value", 0.22))
    ]
    return {
        "results.tournament_windows": windows,
        "results.tournament_weights": _decided_rows(),
        "results.tournament_sessions": sessions,
        "results.tournament_metrics": metrics,
    }


def _decided_rows() -> Rows:
    """Positions of the last two windows: the first winner is held in both, the other two in one each."""
    symbols = [row["symbol"] for row in instruments() if row["is_selected"]][:3]
    return [
        {"engine": engine, "risk_profile": risk_profile, "window": window, "symbol": symbol}
        | {"direction": 1 if net_weight > 0 else -1, "weight": abs(net_weight), "net_weight": net_weight}
        for engine, risk_profile in CELLS
        for window, symbol, net_weight in (
            (23, symbols[0], 0.7), (23, symbols[1], 0.3), (24, symbols[0], 0.4), (24, symbols[2], -0.5),
        )
    ]  # fmt: skip


def _figures(series: np.ndarray) -> dict[str, float]:
    wealth, days = np.cumprod(1 + series), len(series)
    sharpe = float(series.mean() / series.std(ddof=1) * np.sqrt(252))
    return {
        "total_return": float(wealth[-1] - 1),
        "cagr": float(wealth[-1] ** (252 / days) - 1),
        "volatility_annual": float(series.std(ddof=1) * np.sqrt(252)),
        "sharpe": sharpe,
        "sharpe_lower95": sharpe - 1.2,
        "sharpe_upper95": sharpe + 1.2,
        "probabilistic_sharpe": 0.91,
        "deflated_sharpe": 0.62,
        "sortino": sharpe * 1.4,
        "max_drawdown": float(np.max(1 - wealth / np.maximum.accumulate(wealth))),
        "cvar95": float(-np.sort(series)[: days // 20].mean()),
        "turnover_annual": 3.1,
        "cost_drag": 0.021,
        "beta": 0.4,
        "alpha": 0.03,
        "information_ratio": -0.12,
    }
