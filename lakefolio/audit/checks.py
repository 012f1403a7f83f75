"""Check what a run would publish, read back from the lake.

See docs/method/11-audit.md#11.1.

Every check recomputes its value from `results` and `marts`; none trusts what an optimizer said of itself. A missing input
fails its check: absence is never a pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

import polars as pl

from analytics.settings import AllocationSettings, DecisionSettings
from lakehouse.connection.catalog import Lake

SUM_TOLERANCE = 1e-6
CAP_TOLERANCE = 1e-9
RESIDUAL_LIMIT = 1e-6
SOLVED = ("optimal", "closed_form", "no_positive_excess_return")
"""A certified optimum, a recipe that has no optimum (hrp, equal_weight), and max_sharpe's honest answer when no numerator
is positive: the minimum-variance optimum, shown as such."""
ALL_PROFILES = "all"


@dataclass(frozen=True, slots=True)
class Check:
    """One check: a value against its limit."""

    check: str
    risk_profile: str
    value: float
    limit: float
    passed: bool
    detail: str = ""

    def __str__(self) -> str:
        word = "passed" if self.passed else "failed"
        figures = f"value {self.value:.10g}, limit {self.limit:.10g}"
        return f"{self.check} [{self.risk_profile}] {word}: {figures}. {self.detail}".strip()


@dataclass(frozen=True, slots=True)
class CheckInputs:
    """Tables of one run that the checks read."""

    weights: pl.DataFrame
    solves: pl.DataFrame
    selection: pl.DataFrame
    health: pl.DataFrame
    instruments: pl.DataFrame

    @classmethod
    def read(cls, lake: Lake, run_id: str) -> CheckInputs:
        """Read the inputs of a run from the lake."""
        of_run: Callable[[str], pl.DataFrame] = lambda table: lake.query(  # noqa: E731
            f"select * from results.{table} where run_id = ? order by all",  # noqa: S608 - the names below
            [run_id],
        )
        return cls(
            of_run("weights"),
            of_run("solves"),
            of_run("selection"),
            of_run("health").filter(pl.col("stage") == "full"),
            lake.query(
                "select symbol, venue, calendar, asset_class, identity, is_benchmark from marts.instruments where run_id = ?",
                [run_id],
            ),
        )


def run_checks(inputs: CheckInputs, settings: DecisionSettings) -> list[Check]:
    """Every check of docs/method/11-audit.md#11.1, risk profile by risk profile, then over the whole."""
    checks = [_health(inputs.health, strict=settings.data.strict_health)]
    for risk_profile in settings.allocation.risk_profiles:
        weights = inputs.weights.filter(pl.col("risk_profile") == risk_profile)
        checks.append(_count("weights_present", risk_profile, 0 if weights.height else 1, "no weights were written"))
        if weights.height:
            checks += _profile_checks(risk_profile, weights, inputs, settings.allocation)
        checks += _solver(risk_profile, inputs.solves.filter(pl.col("risk_profile") == risk_profile))
    return checks


def checks_frame(checks: list[Check], run_id: str) -> pl.DataFrame:
    """The rows of `results.audit_checks`."""
    rows: list[Mapping[str, object]] = [{"run_id": run_id, **asdict(check)} for check in checks]
    floats = {"value": pl.Float64, "limit": pl.Float64, "passed": pl.Boolean}
    return pl.DataFrame(rows, schema_overrides=floats)


def _profile_checks(
    risk_profile: str, weights: pl.DataFrame, inputs: CheckInputs, limits: AllocationSettings
) -> list[Check]:
    invested = weights.filter(pl.col("sleeve") != "cash")
    gap = abs(float(weights["weight"].sum()) - 1.0)
    clusters = invested.group_by("cluster_id").agg(pl.col("weight").sum())
    clusters = clusters.sort("weight", "cluster_id", descending=[True, False])
    largest, where = (float(clusters["weight"][0]), clusters["cluster_id"][0]) if clusters.height else (0.0, "none")
    negative = weights.filter(~(pl.col("weight").is_finite()) | (pl.col("weight") < 0)).height
    checks = [
        Check("weights_sum", risk_profile, gap, SUM_TOLERANCE, gap <= SUM_TOLERANCE, "distance of the sum of weights from 1"),
        Check("cluster_cap", risk_profile, largest, limits.cap + CAP_TOLERANCE, largest <= limits.cap + CAP_TOLERANCE,
              f"largest cluster: {where}"),
        _count("weights_finite", risk_profile, negative, "weights that are negative or not finite"),
        _insulation(risk_profile, invested),
        _directions(risk_profile, invested, inputs.selection),
        _metadata(risk_profile, invested, inputs.instruments),
        _benchmark(risk_profile, invested, inputs.instruments),
    ]  # fmt: skip
    instrument_cap = limits.instrument_cap_for(inputs.selection.filter("is_selected").height)
    if instrument_cap is not None and invested.height:
        top = invested.sort("weight", "symbol", descending=[True, False]).row(0, named=True)
        bound = instrument_cap + CAP_TOLERANCE
        checks.append(
            Check("instrument_cap", risk_profile, top["weight"], bound, top["weight"] <= bound, top["symbol"])
        )
    return checks


def _insulation(risk_profile: str, invested: pl.DataFrame) -> Check:
    """No identity twice; no instrument, identity or cluster in both sleeves."""
    repeated = invested["identity"].filter(invested["identity"].is_duplicated()).unique().sort().to_list()
    core, aggressor = (invested.filter(pl.col("sleeve") == sleeve) for sleeve in ("core", "aggressor"))
    shared = sorted(
        {f"{column} {value}" for column in ("symbol", "identity", "cluster_id")
         for value in set(core[column]) & set(aggressor[column])}
    )  # fmt: skip
    found = [f"identity {name} twice" for name in repeated] + shared
    return _count("insulation", risk_profile, len(found), "; ".join(found[:5]))


def _directions(risk_profile: str, invested: pl.DataFrame, selection: pl.DataFrame) -> Check:
    chosen = selection.filter(pl.col("is_selected")).select("symbol", pl.col("direction").alias("selected_direction"))
    joined = invested.join(chosen, on="symbol", how="left")
    wrong = joined.filter(
        pl.col("selected_direction").is_null()
        | (pl.col("selected_direction") != pl.col("direction"))
        | ((pl.col("net_weight") - pl.col("weight") * pl.col("direction")).abs() > CAP_TOLERANCE)
    )
    return _count("directions_kept", risk_profile, wrong.height, ", ".join(wrong["symbol"].head(5)))


def _metadata(risk_profile: str, invested: pl.DataFrame, instruments: pl.DataFrame) -> Check:
    known = instruments.drop_nulls(["venue", "calendar", "asset_class", "identity"])
    missing = invested.join(known, on="symbol", how="anti")
    return _count("metadata_present", risk_profile, missing.height, ", ".join(missing["symbol"].head(5)))


def _benchmark(risk_profile: str, invested: pl.DataFrame, instruments: pl.DataFrame) -> Check:
    market = set(instruments.filter(pl.col("is_benchmark"))["identity"])
    inside = invested.filter(pl.col("identity").is_in(sorted(market)))
    return _count("benchmark_outside", risk_profile, inside.height, ", ".join(inside["symbol"].head(5)))


def _solver(risk_profile: str, solves: pl.DataFrame) -> list[Check]:
    if solves.is_empty():
        return [_count("solver_status", risk_profile, 1, "no solve was recorded")]
    row = solves.row(0, named=True)
    known = [row[name] for name in ("primal_residual", "dual_residual") if row[name] is not None]
    worst = max((abs(value) for value in known), default=0.0)
    return [
        _count("solver_status", risk_profile, 0 if row["status"] in SOLVED else 1, f"status {row['status']}"),
        Check(
            "solver_residuals", risk_profile, worst, RESIDUAL_LIMIT, worst <= RESIDUAL_LIMIT, f"solver {row['solver']}"
        ),
    ]


def _health(health: pl.DataFrame, *, strict: bool) -> Check:
    if health.is_empty():
        return _count("data_health", ALL_PROFILES, 1, "the health of the winners was never recorded")
    bad = health.filter(pl.col("is_judged") & ~pl.col("status").is_in(["OK", "SHORT"]))
    names = ", ".join(f"{row['symbol']} {row['status']}" for row in bad.head(8).to_dicts())
    if strict:
        return _count("data_health", ALL_PROFILES, bad.height, names)
    return Check("data_health", ALL_PROFILES, bad.height, float("inf"), True, f"strict_health is off. {names}".strip())


def _count(check: str, risk_profile: str, found: int, detail: str) -> Check:
    return Check(check, risk_profile, float(found), 0.0, found == 0, detail if found else "")
