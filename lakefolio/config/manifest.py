"""What will happen: the typed, frozen manifest.

See docs/architecture.md#configuration.

`defaults` stand below every profile; a profile may extend one other. Mappings merge, lists and values replace. An
unknown key is refused with the nearest valid name: a setting that nothing reads is a setting that was never applied.
"""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lakefolio.config.engine_plugins import BUILT_IN, check_engines
from lakefolio.errors import ManifestError, UsageError

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Count = Annotated[int, Field(ge=1)]
EngineName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
RegimeName = Literal["QUIET", "NORMAL", "TURBULENT", "CRISIS"]
RiskProfile = Literal[
    "min_variance", "risk_parity", "max_sharpe", "barbell", "hrp", "hrp_plain", "herc", "nco", "min_cvar",
    "max_diversification", "inverse_volatility", "equal_weight",
]  # fmt: skip


LONGEST_SHOWN = 100
"""Characters of a refused value that a message repeats."""


class Section(BaseModel):
    """A part of the manifest: closed, frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceSettings(Section):
    """Where bars and scans come from.

    See docs/architecture.md#sources.
    """

    kind: Literal["sample", "files", "tradingview", "binance", "yahoo"] = Field(description="Name of the source.")
    path: str | None = Field(None, description="File or folder of the source `files`.")
    seed: int = Field(111, ge=0, description="Seed of the simulated market of the source `sample`.")
    symbols: tuple[str, ...] = Field((), description="Universe of `binance` and `yahoo`, which list none of their own.")
    batch: int | None = Field(None, ge=1, description="Symbols a live source is asked for at once, to begin with.")


class LakeOptions(Section):
    """How much of the machine DuckDB may use."""

    memory_limit_mib: Count = Field(4096, description="Memory limit of DuckDB.")
    threads: int | None = Field(None, ge=1, description="Threads of DuckDB; null means all cores.")


class DiscoverySettings(Section):
    """Which scanners look for candidates, and how many are kept.

    See docs/method/05-discovery-selection.md#5.1 to 5.3.
    """

    scanners: tuple[str, ...] = Field(min_length=1, description="Names of files in configs/scanners.")
    max_candidates: Count = Field(
        240, description="Q of docs/method/05-discovery-selection.md#5.3, over all asset classes."
    )
    quota_min: int = Field(4, ge=0, description="Smallest quota of an asset class.")
    quota_max: Count = Field(120, description="Largest quota of an asset class.")
    exclude_symbols: dict[str, str] = Field({}, description="Symbols that are never candidates, each with its reason.")


class DataSettings(Section):
    """Depth and health of price history.

    See docs/method/01-time-sessions-bars.md.
    """

    light_sessions: Count = Field(60, description="Grid sessions of the light pass.")
    full_sessions: Count = Field(500, description="Grid sessions of the full pass.")
    min_history_sessions: Count = Field(
        60, description="Shortest history an instrument may have (docs/method/02-returns.md#2.4)."
    )
    settle_minutes: int = Field(
        10,
        ge=0,
        description="Minutes after the close before a bar is final (docs/method/01-time-sessions-bars.md#1.3).",
    )
    max_stale_sessions: int = Field(
        2, ge=0, description="Expected sessions a last bar may be old (docs/method/01-time-sessions-bars.md#1.6)."
    )
    backfill: bool = Field(True, description="Whether sources are asked for history before the first bar that is held.")
    gap_fill: bool = Field(True, description="Whether sources are asked for sessions that are missing between bars.")
    strict_health: bool = Field(True, description="Whether a health problem of a winner ends the run with exit 3.")


class DependenceSettings(Section):
    """How co-movement is measured and cut into clusters.

    See docs/method/03-dependence.md, docs/method/04-clusters.md.
    """

    lookback_sessions: tuple[Count, ...] = Field((60, 120, 200), description="Lookbacks of the clustering distance.")
    min_overlap_sessions: Count = Field(20, description="Fewest common sessions of a pair.")
    covariance: Literal["sample", "ledoit_wolf", "denoised", "ewma"] = Field("ledoit_wolf", description="Estimator.")
    ewma_halflife_sessions: float = Field(60.0, ge=1.0, description="Half-life of the covariance `ewma`.")
    linkage: Literal["ward", "average", "complete", "single"] = Field("ward", description="Linkage of the clusters.")
    threshold: float = Field(0.40, gt=0.0, description="Cut height when feat_adaptive_threshold is off.")
    threshold_by_regime: dict[RegimeName, float] = Field(
        default={"QUIET": 0.50, "NORMAL": 0.40, "TURBULENT": 0.35, "CRISIS": 0.30}, description="Cut height by regime."
    )


class SelectionSettings(Section):
    """What makes a winner.

    See docs/method/05-discovery-selection.md#5.5 to 5.7.
    """

    top_n: Count = Field(3, description="Longs and shorts taken from each cluster.")
    min_momentum: float = Field(-0.05, description="Floor of the cumulative directional return.")
    momentum_sessions: Count = Field(60, description="Sessions of the momentum gate.")


class RegimeOptions(Section):
    """Weights and thresholds of the regime score, frozen after calibration on data to 2015.

    See docs/method/07-regime.md.
    """

    weights: dict[str, float] = Field(description="Weight of each component's percentile.")
    thresholds: dict[Literal["NORMAL", "TURBULENT", "CRISIS"], Fraction] = Field(description="Lowest score of a state.")
    confirm_sessions: Count = Field(description="Sessions below its threshold after which a state is left.")


class AllocationSettings(Section):
    """How much to hold.

    See docs/method/08-allocation.md.
    """

    risk_profiles: tuple[RiskProfile, ...] = Field(min_length=1, description="Portfolios to build.")
    cap: float = Field(0.25, gt=0.0, le=1.0, description="Largest weight of one cluster.")
    instrument_cap: float | None = Field(None, gt=0.0, le=1.0, description="Largest weight of one instrument.")
    cash_allowed: bool = Field(False, description="Whether what the caps leave over may stay in cash.")
    risk_free_rate_annual: float = Field(0.0, description="Annual rate of max_sharpe and of the metrics.")
    fragility_penalty: float = Field(0.2, ge=0.0, description="gamma of docs/method/08-allocation.md#8.2.")
    turnover_penalty: float = Field(0.05, ge=0.0, description="lambda of docs/method/08-allocation.md#8.2.")
    portfolio_value_usd: float = Field(1_000_000.0, gt=0.0, description="What a weight of 1 is worth, for orders.")


class TournamentSettings(Section):
    """The walk-forward tournament.

    See docs/method/09-tournament.md.
    """

    train_sessions: Count = Field(252, description="Sessions a decision may see.")
    test_sessions: Count = Field(20, description="Sessions a decision is held.")
    step_sessions: Count = Field(20, description="Sessions between two decisions.")
    engines: tuple[EngineName, ...] = Field(
        BUILT_IN, min_length=1, description="ours, market, equal_weight, or entry points of lakefolio.engines."
    )
    simulators: tuple[Literal["idealized", "realized"], ...] = Field(("idealized", "realized"))
    rebalance: Literal["window", "daily"] = Field("window", description="Whether holdings drift inside a window.")
    slippage_bps: float = Field(5.0, ge=0.0, description="Cost of traded notional.")
    commission_bps: float = Field(1.0, ge=0.0, description="Cost of traded notional.")
    borrow_rate_annual: float = Field(0.02, ge=0.0, description="Cost of shorts held, a year.")
    bootstrap_samples: Count = Field(500, description="Samples of the stationary bootstrap.")


class Flags(Section):
    """Feature flags: each is read in one place and changes one thing.

    See docs/architecture.md#configuration.
    """

    feat_turnover_penalty: bool = True
    feat_partial_rebalance: bool = True
    feat_xs_momentum: bool = True
    feat_spectral_regimes: bool = True
    feat_decay_audit: bool = True
    feat_audit_ledger: bool = True
    feat_pit_fidelity: bool = True
    feat_dynamic_selection: bool = False
    feat_short_costs: bool = True
    feat_fragility_penalty: bool = True
    feat_alpha_weighting: bool = True
    feat_intermarket_sentiment: bool = False
    feat_adaptive_threshold: bool = True


class Profile(Section):
    """One resolved profile."""

    description: str = Field("", description="What the profile is for.")
    extends: str | None = Field(None, description="One other profile, whose settings stand below these.")
    benchmark: str = Field("AMEX:SPY", description="The market portfolio; found by identity, never invested in.")
    random_seed: int = Field(20240229, ge=0, description="Seed of every generator.")
    source: SourceSettings
    lake: LakeOptions = LakeOptions()
    discovery: DiscoverySettings
    data: DataSettings = DataSettings()
    dependence: DependenceSettings = DependenceSettings()
    selection: SelectionSettings = SelectionSettings()
    regime: RegimeOptions
    allocation: AllocationSettings
    tournament: TournamentSettings = TournamentSettings()
    flags: Flags = Flags()

    @model_validator(mode="after")
    def _windows_make_sense(self) -> Profile:
        if self.tournament.step_sessions < self.tournament.test_sessions:
            msg = "tournament.step_sessions is below test_sessions: test windows would overlap (docs/method/09-tournament.md#9.1)"
            raise ValueError(msg)
        if self.data.light_sessions > self.data.full_sessions:
            msg = "data.light_sessions is above full_sessions"
            raise ValueError(msg)
        if self.source.kind == "files" and not self.source.path:
            msg = "source.path is required by the source 'files'"
            raise ValueError(msg)
        return self


class Manifest(Section):
    """The file as a whole: defaults and profiles, each profile a partial mapping until it is resolved."""

    schema_version: Literal[1]
    defaults: dict[str, Any]
    profiles: dict[str, dict[str, Any]]


def resolve(
    path: Path, profile: str, overrides: dict[str, Any] | None = None, *, shipped: Path | None = None
) -> Profile:
    """Read the manifest and resolve one profile: defaults, then what it extends, then itself, then `overrides`.

    A manifest without defaults stands on the shipped one, if that is given: its profiles are added.

    Raises
    ------
    ManifestError
        The file is missing or no JSON, the profile is unknown, or a key or value is refused.
    """
    manifest = read_manifest(path, shipped)
    if profile not in manifest.profiles:
        raise ManifestError(f"{path.name}: no profile {profile!r}{_nearest(profile, manifest.profiles)}")
    own = manifest.profiles[profile]
    parent: dict[str, Any] = {}
    if own.get("extends") is not None:
        if own["extends"] not in manifest.profiles:
            raise ManifestError(
                f"{path.name}: profile {profile!r} extends {own['extends']!r}, which is not there"
                f"{_nearest(str(own['extends']), manifest.profiles)}"
            )
        parent = manifest.profiles[own["extends"]]
        if parent.get("extends") is not None:
            raise ManifestError(f"{path.name}: {own['extends']!r} extends another profile; one level is the limit")
    merged = _merged(_merged(_merged(manifest.defaults, parent), own), overrides or {})
    try:
        resolved = Profile.model_validate(merged)
    except ValidationError as error:
        raise ManifestError(_explain(error, f"{path.name}, profile {profile!r}")) from None
    try:
        check_engines(resolved.tournament.engines)
    except UsageError as error:
        raise ManifestError(f"{path.name}, profile {profile!r}: {error}") from None
    if profile == "production" and not resolved.flags.feat_audit_ledger:
        raise ManifestError(f"{path.name}: profile 'production' may not switch feat_audit_ledger off")
    return resolved


def read_manifest(path: Path, shipped: Path | None = None) -> Manifest:
    """Read and check the outer shape of a manifest file; without defaults its profiles join those of `shipped`."""
    document = _document(path)
    if shipped is not None and "defaults" not in document and isinstance(document.get("profiles"), dict):
        below = _document(shipped)
        taken = sorted(below["profiles"].keys() & document["profiles"].keys())
        if taken:
            raise ManifestError(f"{path.name}: profile {taken[0]!r} is a shipped one; give yours a name of its own")
        document = {**below, **document, "profiles": {**below["profiles"], **document["profiles"]}}
    try:
        return Manifest.model_validate({k: v for k, v in document.items() if k != "$schema"})
    except ValidationError as error:
        raise ManifestError(_explain(error, path.name, Manifest)) from None


def _document(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ManifestError(f"no manifest at {path}") from None
    except json.JSONDecodeError as error:
        raise ManifestError(f"{path}: line {error.lineno} is not JSON: {error.msg}") from None
    except RecursionError:
        raise ManifestError(f"{path}: nested too deep for a manifest, which has three levels") from None
    except UnicodeDecodeError:
        raise ManifestError(f"{path}: not text in UTF-8, so no manifest") from None
    except OSError as error:
        raise ManifestError(f"{path}: {error.strerror}; name a manifest file") from None
    if not isinstance(document, dict):
        raise ManifestError(f"{path.name}: a manifest is a JSON object, not {type(document).__name__}")
    return document


def json_schema() -> dict[str, Any]:
    """JSON Schema of the whole file; sections of defaults and profiles may be partial."""
    profile = Profile.model_json_schema()
    definitions: dict[str, Any] = profile.pop("$defs")
    definitions["Profile"] = profile
    for definition in definitions.values():
        definition.pop("required", None)
    reference = {"$ref": "#/$defs/Profile"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "lakefolio manifest",
        "type": "object",
        "additionalProperties": False,
        "required": ["profiles"],
        "dependentRequired": {"defaults": ["schema_version"]},
        "properties": {
            "$schema": {"type": "string"},
            "schema_version": {"const": 1},
            "defaults": reference,
            "profiles": {"type": "object", "additionalProperties": reference},
        },
        "$defs": definitions,
    }


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    out = dict(below)
    for key, value in above.items():
        beneath = out.get(key)
        out[key] = _merged(beneath, value) if isinstance(value, dict) and isinstance(beneath, dict) else value
    return out


def _nearest(word: str, among: Any) -> str:
    near = difflib.get_close_matches(word, list(among), n=1, cutoff=0.4)
    return f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(sorted(among))}"


def _explain(error: ValidationError, where: str, model: type[BaseModel] = Profile) -> str:
    """Describe what is wrong, a line for each key."""
    lines = []
    for problem in error.errors():
        at = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            lines.append(f"{where}: unknown key {_shown(at)}{_nearest_key(at, _paths_of(model))}")
        else:
            given = "" if isinstance(problem["input"], dict) else f" (given {_shown(problem['input'])})"
            lines.append(f"{where}: {at or 'the whole'}: {problem['msg'].removeprefix('Value error, ')}{given}")
    return "\n".join(lines)


def _nearest_key(key: str, paths: list[str]) -> str:
    """Hint at the valid path whose last part is that of the key, else at the nearest path."""
    last = key.rpartition(".")[2]
    alike = difflib.get_close_matches(last, [path.rpartition(".")[2] for path in paths], n=1, cutoff=0.8)
    ends = [path for path in paths if alike and path.rpartition(".")[2] == alike[0]]
    near = difflib.get_close_matches(key, ends or paths, n=1, cutoff=0.0 if ends else 0.4)
    return f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(p for p in paths if '.' not in p)}"


def _paths_of(model: type[BaseModel], above: str = "") -> list[str]:
    """List every key of a model and of its sections, with dots."""
    paths = []
    for name, field in model.model_fields.items():
        paths.append(f"{above}{name}")
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            paths += _paths_of(field.annotation, f"{above}{name}.")
    return paths


def _shown(value: object) -> str:
    """Quote a value for a message, cut where it is long."""
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."
