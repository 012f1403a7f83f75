"""The sequence of steps, and what each of them reads, writes and depends on.

See docs/architecture.md#run.

Only names stand here, so that listing the steps imports nothing heavy; the runner loads a step's function when it runs.
Tables are named `schema.table`, `schema.table:stage` for the rows of one stage, or `schema.*` for a whole schema.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakefolio.errors import UsageError

if TYPE_CHECKING:
    from lakefolio.runs.run import Run, StepReport


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a run.

    Attributes
    ----------
    function : str
        `module:function` of what performs it.
    inputs, outputs : tuple of str
        Tables that it reads and writes. The content hash of each output is recorded; it may read its outputs too.
    unrecorded : tuple of str
        Tables and schemas that it writes besides, of which no hash is recorded: records of landing, which differ with
        what was landed before, and models that every build makes anew.
    settings : tuple of str
        Manifest keys, or sections, that its outputs depend on, also where these reach it through `scope.runs`.
    artifacts : tuple of str
        Patterns of the files that it writes into the run folder.
    """

    number: int
    name: str
    description: str
    function: str
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    unrecorded: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    artifacts: tuple[str, ...] = ()

    def load(self) -> Callable[[Run], StepReport]:
        """Import the function that performs the step."""
        module, _, name = self.function.partition(":")
        function: Callable[[Run], StepReport] = getattr(importlib.import_module(module), name)
        return function

    def reads_setting(self, key: str) -> bool:
        """Tell whether a manifest key is among the settings, by itself or by its section."""
        return any(key == name or key.startswith(f"{name}.") for name in self.settings)


_LANDED = ("raw.fetches", "raw.quarantine")
_MODELS = (
    "staging.*",
    "intermediate.*",
    "seeds.*",
    "marts.bars_daily",
    "marts.returns_daily",
    "marts.quarantined_bars",
)
_SCOPE = ("scope.scanners", "scope.sessions:discovery")
_BARS = ("raw.bars", "marts.bars_daily")
_HEALTH = ("marts.gap_audit", "marts.data_health")
_SELECTED = ("results.selection", "results.clusters:light", "results.regimes:light", "results.risk:light")
_TREE = ("results.cluster_leaves", "results.cluster_links", "results.cluster_distances")
_CORRELATIONS = ("results.correlation_averages", "results.correlation_pairs", "results.correlation_redundancy",
                 "results.correlation_summary", "results.factor_map", "results.hedge_anchors")  # fmt: skip
_PARTITION = ("results.cluster_sensitivity", "results.cluster_drift")
_PORTFOLIOS = ("results.weights", "results.cluster_weights", "results.solves", "results.drift", "results.orders")
_TOURNAMENT = ("results.tournament_windows", "results.tournament_weights", "results.tournament_trades",
               "results.tournament_sessions", "results.tournament_metrics", "results.target_achievement",
               "results.target_comparisons", "results.alpha_isolation")  # fmt: skip
_TOURNAMENT_SHOWN = tuple(name for name in _TOURNAMENT if name != "results.tournament_trades")
_SCOPE_SETTINGS = ("benchmark", "data.settle_minutes", "data.backfill", "data.gap_fill", "discovery.exclude_symbols",
                   "source.kind", "source.path",
                   "source.seed", "source.symbols")  # fmt: skip
_PRICE_SETTINGS = ("benchmark", "data.settle_minutes", "data.max_stale_sessions", "data.backfill", "data.gap_fill")
_REGIME_SETTINGS = ("regime", "random_seed", "benchmark", "flags.feat_spectral_regimes")
_CUT_SETTINGS = ("dependence.threshold", "dependence.threshold_by_regime", "flags.feat_adaptive_threshold")
_TREE_SETTINGS = ("dependence.lookback_sessions", "dependence.min_overlap_sessions", "dependence.linkage")
_SELECTION_SETTINGS = (
    "selection", "discovery.max_candidates", "discovery.quota_min", "discovery.quota_max", "data.light_sessions",
    "data.full_sessions", "data.min_history_sessions", "flags.feat_xs_momentum", "flags.feat_dynamic_selection",
)  # fmt: skip
_WEIGHT_SETTINGS = (
    "allocation", "dependence.covariance", "dependence.shrinkage_target", "dependence.ewma_halflife_sessions",
    "flags.feat_fragility_penalty",
    "flags.feat_turnover_penalty", "flags.feat_alpha_weighting", "tournament.slippage_bps",
    "tournament.commission_bps", "tournament.step_sessions",
)  # fmt: skip

STEPS: tuple[Step, ...] = (
    Step(1, "cleanup", "Remove what unfinished writes left behind, and maintain the lake", "lakefolio.steps.setup:cleanup"),
    Step(
        2, "env-check", "Check interpreter, scanners, source and calendars, and record the settings",
        "lakefolio.steps.setup:env_check",
        outputs=("scope.runs",),
        settings=("benchmark", "data", "discovery.scanners", "discovery.exclude_symbols", "flags.feat_pit_fidelity"),
        artifacts=("manifest.resolved.json",),
    ),
    Step(
        3, "discovery", "Run the scanners and land their finds", "lakefolio.steps.market.discovery:discovery",
        inputs=("scope.runs",),
        outputs=("raw.bars", "raw.scans", *_SCOPE),
        unrecorded=(*_LANDED, *_MODELS, "raw.instruments", "raw.sessions", "marts.instruments", "marts.scanner_columns"),
        settings=(*_SCOPE_SETTINGS, "discovery.scanners", "data.full_sessions"),
    ),
    Step(
        4, "aggregation", "Merge the finds into candidates and keep the quotas of each asset class",
        "lakefolio.steps.market.candidates:aggregation",
        inputs=("scope.runs", "raw.scans", *_SCOPE, "raw.sessions", "marts.scanner_columns", "seeds.*"),
        outputs=("marts.candidates",),
        unrecorded=("intermediate.*",),
    ),
    Step(
        5, "enrichment", "Describe the instruments of the candidates", "lakefolio.steps.market.candidates:enrichment",
        inputs=("marts.candidates", "marts.bars_daily", "scope.runs"),
        outputs=("marts.instruments",),
        unrecorded=("raw.instruments", *_MODELS),
        settings=_SCOPE_SETTINGS,
    ),
    Step(
        6, "light-prep", "Fetch recent bars of the candidates and check their health",
        "lakefolio.steps.market.price_history:light_prep",
        inputs=("marts.candidates", "scope.runs", "raw.sessions"),
        outputs=("results.health:light", "raw.bars", "marts.instruments"),
        unrecorded=(*_LANDED, *_MODELS, "raw.instruments", *_HEALTH),
        settings=(*_PRICE_SETTINGS, "data.light_sessions"),
    ),
    Step(
        7, "selection", "Cluster the candidates and select the winners of each cluster",
        "lakefolio.steps.decision.selection:selection",
        inputs=("marts.candidates", "marts.instruments", "results.health:light", *_BARS, "intermediate.*"),
        outputs=_SELECTED,
        settings=(*_SELECTION_SETTINGS, *_REGIME_SETTINGS, *_TREE_SETTINGS, *_CUT_SETTINGS),
    ),
    Step(
        8, "full-prep", "Fetch the full history of the winners and check its health",
        "lakefolio.steps.market.price_history:full_prep",
        inputs=("results.selection", "marts.candidates", "scope.runs", "raw.sessions"),
        outputs=("results.health:full", *_HEALTH, "raw.bars", "marts.instruments", "scope.winners"),
        unrecorded=(*_LANDED, *_MODELS, "raw.instruments", "marts.returns_matrix"),
        settings=(*_PRICE_SETTINGS, "data.full_sessions"),
    ),
    Step(
        9, "health", "Repair gaps of the winners and stop where health problems are left",
        "lakefolio.steps.market.health:health",
        inputs=("results.selection", "scope.winners", "marts.candidates", "scope.runs", "raw.sessions"),
        outputs=("results.health:full", *_HEALTH, "raw.bars", "marts.instruments"),
        unrecorded=("failures.*", *_LANDED, *_MODELS, "raw.instruments", "marts.returns_matrix"),
        settings=(*_PRICE_SETTINGS, "data.full_sessions", "data.strict_health"),
    ),
    Step(
        10, "factors", "Measure correlations and risk of the winners and link them into a tree",
        "lakefolio.steps.decision.factors:factors",
        inputs=("results.selection", "results.health:light", "marts.candidates", *_BARS, "intermediate.*"),
        outputs=(*_TREE, "results.risk:full", *_CORRELATIONS),
        settings=(*_TREE_SETTINGS, "data.full_sessions"),
    ),
    Step(
        11, "regime", "Detect the market regime and cut the tree of the winners at its height",
        "lakefolio.steps.decision.regime:regime",
        inputs=("results.selection", *_TREE, *_BARS, "marts.instruments", "intermediate.*"),
        outputs=("results.regimes:full", "results.clusters:full", *_PARTITION),
        settings=(*_REGIME_SETTINGS, *_TREE_SETTINGS, *_CUT_SETTINGS, "data.full_sessions"),
    ),
    Step(
        12, "optimize", "Allocate every risk profile and list the trades from what is held",
        "lakefolio.steps.decision.optimize:optimize",
        inputs=("results.selection", "results.clusters:full", "results.regimes:full", "results.holdings",
                *_BARS, "marts.instruments", "intermediate.*", "seeds.*"),
        outputs=_PORTFOLIOS,
        settings=(*_WEIGHT_SETTINGS, "data.full_sessions", "flags.feat_partial_rebalance",
                  "flags.feat_intermarket_sentiment"),
    ),
    Step(
        13, "tournament", "Replay every decision over the prepared history and simulate it with frictions",
        "lakefolio.steps.tournament:tournament",
        inputs=("results.selection", "results.regimes:full", "scope.runs", "scope.scanners", "marts.candidates", *_BARS,
                "marts.instruments", "marts.scanner_columns", "raw.scans", "raw.quarantine", "raw.sessions", "intermediate.*",
                "seeds.*"),
        outputs=(*_TOURNAMENT, "scope.sessions:replay"),
        unrecorded=("marts.candidates_replayed", "intermediate.*"),
        settings=(*_SELECTION_SETTINGS, *_REGIME_SETTINGS, *_TREE_SETTINGS, *_CUT_SETTINGS, *_WEIGHT_SETTINGS,
                  "tournament", "flags.feat_pit_fidelity", "flags.feat_short_costs", "discovery.scanners",
                  "data.settle_minutes", "data.max_stale_sessions"),
    ),
    Step(
        14, "audit", "Check the portfolios; a failed check ends the run", "lakefolio.steps.publish:audit",
        inputs=("results.health:full", "results.selection", "results.weights", "results.solves", "marts.instruments"),
        outputs=("results.audit_checks",),
        settings=("allocation.risk_profiles", "allocation.cap", "allocation.instrument_cap", "data.strict_health"),
    ),
    Step(
        15, "report", "Render the reports and write weights and orders", "lakefolio.steps.publish:report",
        inputs=("scope.runs", "results.steps", "results.health:light", "results.selection", "results.health:full",
                "results.risk:full", "results.regimes:full", "results.clusters:full", *_CORRELATIONS, *_PARTITION,
                *_PORTFOLIOS, *_TOURNAMENT_SHOWN, "results.audit_checks", "marts.candidates", "marts.instruments",
                "marts.gap_audit", "marts.quarantined_bars"),
        unrecorded=("reports.*",),
        settings=("flags.feat_decay_audit",),
        artifacts=("*.html", "*.md", "*.txt", "*.svg", "weights/*", "orders.csv", "SHA256SUMS"),
    ),
    Step(16, "sync", "List what a sync would send (a dry run)", "lakefolio.steps.publish:sync"),
    Step(
        17, "verify", "Verify ledger, checkpoints, artifacts and tables of the run", "lakefolio.steps.publish:verify",
        inputs=("results.*",),
    ),
)  # fmt: skip


def find_step(word: str) -> Step:
    """Find the step of that number or name.

    Raises
    ------
    UsageError
        There is none; the message offers the nearest.
    """
    for step in STEPS:
        if word in (step.name, str(step.number)):
            return step
    near = difflib.get_close_matches(word, [step.name for step in STEPS], n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(step.name for step in STEPS)}"
    raise UsageError(f"no step {word!r}; {hint}")


def first_reader(key: str) -> Step | None:
    """The first step after env-check whose outputs depend on a manifest key; None where no step does."""
    return next((step for step in STEPS[2:] if step.reads_setting(key)), None)
