"""Rows of the analyses beside the portfolio: clusters, correlations and tests, for the run of `run_frames`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np

Rows = list[dict[str, Any]]

THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(2, 19))
TARGETS = {
    "barbell": ("keeps its sleeves insulated", "ACHIEVED"),
    "max_sharpe": ("has the highest Sharpe ratio", "INSUFFICIENT"),
    "min_variance": ("has the lowest realised volatility", "ACHIEVED"),
    "risk_parity": ("has a volatility between min_variance and equal_weight", "MISSED"),
}
STAGE_METRICS = ("total_return", "cagr", "volatility_annual", "sharpe", "max_drawdown", "mean_annual")


def analysis_rows(
    instruments: Rows, risk_profiles: Sequence[str], simulators: Sequence[str], as_of: dt.date
) -> dict[str, Rows]:
    """Return the rows of every analysis table; all numbers from one seed."""
    rng = np.random.default_rng(12)
    winners = [row for row in instruments if row["is_selected"]]
    return {
        **_partition_rows(winners, rng),
        **_correlation_rows(winners, as_of, rng),
        **_verdict_rows(risk_profiles, simulators, rng),
    }


def _partition_rows(winners: Rows, rng: np.random.Generator) -> dict[str, Rows]:
    sensitivity = [
        {
            "threshold": threshold,
            "n_clusters": max(24 - 2 * number, 1),
            "largest_share": min(0.05 + 0.05 * number, 1.0),
            "mean_intra_correlation": None if number == 0 else 0.9 - 0.04 * number,
            "cophenetic_correlation": 0.77,
            "is_used": threshold == 0.4,
        }
        for number, threshold in enumerate(THRESHOLDS)
    ]
    all_clusters = {"cluster_id": 0, "n_members": 24, "half_sessions": 100, "adjusted_rand": 0.83, "drift": None}
    drift: Rows = [{**all_clusters, "is_alert": None, "message": None}]
    drift += [
        {"cluster_id": cluster, "n_members": 3, "half_sessions": 100, "drift": 0.05 * cluster, "message": None}
        | {"adjusted_rand": None, "is_alert": cluster > 6}
        for cluster in range(1, 9)
    ]
    places = [
        {"symbol": row["symbol"], "x": float(row["cluster_id"] % 3 + x), "y": float(row["cluster_id"] // 3 + y)}
        | {"x_explained": 0.31, "y_explained": 0.12}
        for row, (x, y) in zip(winners, rng.normal(0, 0.12, (len(winners), 2)), strict=True)
    ]
    anchors = [
        {
            "reference": reference,
            "reference_symbol": None if reference == "market" else winners[6]["symbol"],
            "rank": rank,
            "symbol": winners[-rank]["symbol"],
            "correlation": -0.3 + 0.05 * rank,
            "n_common": 480 + rank,
        }
        for reference in ("market", "crypto_hub")
        for rank in range(1, 11)
    ]
    return {
        "results.cluster_sensitivity": sensitivity,
        "results.cluster_drift": drift,
        "results.factor_map": places,
        "results.hedge_anchors": anchors,
    }


def _correlation_rows(winners: Rows, as_of: dt.date, rng: np.random.Generator) -> dict[str, Rows]:
    averages = [
        {
            "window_sessions": window,
            "session_date": as_of - dt.timedelta(weeks=week),
            "average_correlation": None if week > 90 else 0.15 + float(rng.normal(0, 1 / window)),
        }
        for window in (20, 60, 180)
        for week in range(99, -1, -1)
    ]
    pairs = [
        {"kind": kind, "rank": rank, "symbol": winners[rank]["symbol"], "other_symbol": winners[rank + 1]["symbol"]}
        | {"correlation": sign * (0.95 - 0.02 * rank), "held_correlation": 0.95 - 0.02 * rank}
        for kind, sign in (("highest", 1), ("lowest", -1))
        for rank in range(1, 21)
    ]
    redundancy = [
        {"symbol": row["symbol"], "nearest_symbol": winners[number - 1]["symbol"], "n_redundant": int(number < 4)}
        | {"held_correlation": 0.95 - 0.03 * number, "is_redundant": number < 4}
        for number, row in enumerate(winners)
    ]
    summary = [
        {"stream": stream, "n_pairs": 276, "mean": mean, "median": mean - 0.02, "minimum": -0.4, "maximum": 0.94}
        | {"share_above_half": 0.06, "effective_number": 9.5}
        for stream, mean in (("physical", 0.18), ("held", 0.11))
    ]
    return {
        "results.correlation_averages": averages,
        "results.correlation_pairs": pairs,
        "results.correlation_redundancy": redundancy,
        "results.correlation_summary": summary,
    }


def _verdict_rows(risk_profiles: Sequence[str], simulators: Sequence[str], rng: np.random.Generator) -> dict[str, Rows]:
    achievement: Rows = []
    comparisons: Rows = []
    isolation: Rows = []
    for simulator in simulators:
        cell = {"engine": "ours", "simulator": simulator}
        for risk_profile, (target, outcome) in TARGETS.items():
            message = f"figures of {risk_profile} under {simulator}"
            achievement.append(
                {**cell, "risk_profile": risk_profile, "target": target, "outcome": outcome, "message": message}
            )
        comparisons += [
            {
                **cell,
                "risk_profile": "min_variance",
                "figure": "volatility_annual",
                "lower_risk_profile": "min_variance",
            }
            | {
                "upper_risk_profile": rival,
                "lower_value": 0.061,
                "upper_value": value,
                "p_value": 0.01,
                "p_opposite": 0.99,
            }
            for rival, value in (("hrp", 0.082), ("equal_weight", 0.055))
        ]
        for risk_profile in risk_profiles:
            for metric in STAGE_METRICS:
                raw, selected, optimised = (float(value) for value in rng.uniform(0.02, 0.3, 3))
                has_interval = metric == "mean_annual"
                isolation.append(
                    {**cell, "risk_profile": risk_profile, "metric": metric, "message": None}
                    | {"raw_pool": raw, "selected": selected, "optimised": optimised}
                    | {"selection_alpha": selected - raw, "optimisation_alpha": optimised - selected}
                    | {
                        f"{step}_{end}": change + sign * 0.05 if has_interval else None
                        for step, change in (("selection", selected - raw), ("optimisation", optimised - selected))
                        for end, sign in (("lower", -1), ("upper", 1))
                    }
                )
    return {
        "results.target_achievement": achievement,
        "results.target_comparisons": comparisons,
        "results.alpha_isolation": isolation,
    }
