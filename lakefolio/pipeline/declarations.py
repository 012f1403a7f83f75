"""Declare the steps of a run: number, name, description, inputs and outputs.

See docs/architecture.md#run. This module imports nothing, so that commands can name the steps at once;
`lakefolio.pipeline.sequence` adds the function that performs each.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StepDeclaration:
    """One step: what it does, the tables it reads and the tables it writes."""

    number: int
    name: str
    description: str
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


_PRICES = ("marts.bars_daily", "marts.returns_daily", "marts.gap_audit", "marts.data_health")
_LIGHT = ("results.health:light", "marts.returns_daily")
_SELECTED = ("results.selection", "results.clusters:light", "results.regimes:light", "results.risk:light")
_CLUSTERED = ("results.selection", "marts.returns_daily", "results.clusters:full", "results.regimes:full")
_ALLOCATED = ("results.weights", "results.cluster_weights", "results.solves", "results.drift", "results.orders")
_TOURNAMENT = ("results.tournament_windows", "results.tournament_returns", "results.tournament_metrics",
               "results.target_achievement", "results.target_comparisons", "results.alpha_isolation")  # fmt: skip
_CORRELATIONS = ("results.correlation_averages", "results.correlation_pairs", "results.correlation_redundancy",
                 "results.correlation_summary", "results.factor_map", "results.hedge_anchors")  # fmt: skip
_CLUSTER_ANALYSIS = ("results.cluster_sensitivity", "results.cluster_drift")
_FETCHED = ("raw.bars", "marts.instruments")
"""Tables to which every fetch from a remote source adds."""

DECLARATIONS: tuple[StepDeclaration, ...] = (
    StepDeclaration(1, "cleanup", "Remove what interrupted writes left behind"),
    StepDeclaration(2, "env-check", "Check interpreter, manifest, scanners and calendars", (), ("results.runs",)),
    StepDeclaration(3, "discovery", "Run the scanners", ("results.runs",), ("raw.bars", "raw.scans")),
    StepDeclaration(4, "aggregation", "Merge the finds into candidates", ("raw.scans",), ("marts.candidates",)),
    StepDeclaration(5, "enrichment", "Describe the candidates", ("marts.candidates",), ("marts.instruments",)),
    StepDeclaration(6, "light-prep", "Fetch the candidates' recent prices and check them",
                    ("marts.candidates", "raw.bars"), (*_LIGHT, *_FETCHED)),
    StepDeclaration(7, "selection", "Select the winners of each cluster", ("marts.candidates", *_LIGHT), _SELECTED),
    StepDeclaration(8, "full-prep", "Fetch the winners' full price history", ("results.selection", "raw.bars"),
                    (*_PRICES, *_FETCHED)),
    StepDeclaration(9, "health", "Repair gaps and apply the health gate", (*_PRICES, "raw.bars"),
                    ("results.health:full", *_PRICES, *_FETCHED)),
    StepDeclaration(10, "factors", "Measure risk and correlations of the winners",
                    ("results.selection", "marts.candidates", *_PRICES),
                    ("results.cluster_links", "results.risk:full", *_CORRELATIONS)),
    StepDeclaration(11, "regime", "Detect the regime and cut the clusters",
                    ("results.cluster_links", "marts.returns_daily"),
                    ("results.regimes:full", "results.clusters:full", *_CLUSTER_ANALYSIS)),
    StepDeclaration(12, "optimize", "Allocate every risk profile", _CLUSTERED, _ALLOCATED),
    StepDeclaration(13, "tournament", "Test all engines by walk-forward",
                    ("marts.returns_daily", "results.weights"), _TOURNAMENT),
    StepDeclaration(14, "audit", "Apply the audit gate", ("results.health:full", *_CLUSTERED, *_ALLOCATED),
                    ("results.audit_checks",)),
    StepDeclaration(15, "report", "Render the reports",
                    ("results.audit_checks", *_CORRELATIONS, *_CLUSTER_ANALYSIS, *_ALLOCATED, *_TOURNAMENT)),
    StepDeclaration(16, "sync", "List the artifacts that a sync would send"),
    StepDeclaration(17, "verify", "Verify ledger, checkpoints, artifacts and tables"),
)  # fmt: skip

STEP_NAMES = tuple(step.name for step in DECLARATIONS)
