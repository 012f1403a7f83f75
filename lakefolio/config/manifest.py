"""Read the manifest and resolve a profile into typed, frozen settings.

See docs/architecture.md#configuration.

`defaults` stand below every profile; a profile may extend one other. Mappings merge, lists and values replace. An
unknown key is refused with the nearest valid name: a setting that nothing reads is a setting that was never applied.
"""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from analytics.settings import AllocationSettings, DecisionSettings, QuotaSettings, RegimeSettings, Settings
from lakefolio.config.engine_plugins import check_engines
from lakefolio.config.requirements import requirement_of
from lakefolio.errors import ManifestError, UsageError

LONGEST_SHOWN = 100
"""Characters of a refused value that a message repeats."""


class SourceSettings(Settings):
    """The source of bars and scans.

    See docs/architecture.md#sources.
    """

    kind: Literal["sample", "files", "tradingview", "binance", "yahoo"] = Field(description="Name of the source.")
    path: str | None = Field(None, description="File or folder of the source `files`.")
    seed: int = Field(111, ge=0, description="Seed of the simulated market of the source `sample`.")
    symbols: tuple[str, ...] = Field((), description="Universe of `binance` and `yahoo`, which list none of their own.")
    batch: int | None = Field(None, ge=1, description="Symbols a live source is asked for at once, to begin with.")


class LakeOptions(Settings):
    """Memory and threads of DuckDB."""

    memory_limit_mib: int = Field(4096, ge=1, le=1_000_000_000, description="Memory limit of DuckDB.")
    threads: int | None = Field(None, ge=1, le=1024, description="Threads of DuckDB; null means all cores.")


class DiscoverySettings(QuotaSettings):
    """Scanners that look for candidates, and how many candidates are kept.

    See docs/method/05-discovery-selection.md#5.1 to 5.3.
    """

    scanners: tuple[str, ...] = Field(
        min_length=1, description="Scanners of configs/scanners.csv or configs/scanners/."
    )
    exclude_symbols: dict[str, str] = Field({}, description="Symbols that are never candidates, each with its reason.")


class Profile(DecisionSettings):
    """One resolved profile: the settings of every decision, its source and its symbols."""

    description: str = Field("", description="What the profile is for.")
    extends: str | None = Field(None, description="One other profile, whose settings stand below these.")
    benchmark: str = Field("AMEX:SPY", description="The market portfolio; found by identity, never invested in.")
    random_seed: int = Field(20240229, ge=0, description="Seed of every generator.")
    source: SourceSettings
    lake: LakeOptions = LakeOptions()
    discovery: DiscoverySettings
    regime: RegimeSettings
    allocation: AllocationSettings

    def changed(self, overrides: dict[str, Any]) -> Profile:
        """These settings with `overrides`, a partial mapping, above them.

        Raises
        ------
        ManifestError
            A key or value is refused.
        """
        try:
            changed = Profile.model_validate(_merged(self.model_dump(mode="json"), overrides))
        except ValidationError as error:
            raise ManifestError(_explain(error, "--set")) from None
        _check_engines(changed, "--set")
        return changed

    @model_validator(mode="after")
    def _files_have_a_path(self) -> Profile:
        if self.source.kind == "files" and not self.source.path:
            raise ValueError("source.path is required by the source 'files': give --path")
        return self


class Manifest(Settings):
    """The file as a whole: defaults and profiles, each profile a partial mapping until it is resolved."""

    schema_version: Literal[1]
    defaults: dict[str, Any]
    profiles: dict[str, dict[str, Any]]


def resolve(
    path: Path, profile: str, overrides: dict[str, Any] | None = None, *, shipped: Path | None = None
) -> Profile:
    """Read the manifest and resolve one profile: defaults, then what it extends, then itself, then `overrides`.

    A manifest without defaults takes those of the shipped one, if that is given, and adds its profiles.

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
    _check_engines(resolved, f"{path.name}, profile {profile!r}")
    if profile == "production" and not resolved.flags.feat_audit_ledger:
        raise ManifestError(f"{path.name}: profile 'production' may not switch feat_audit_ledger off")
    return resolved


def _check_engines(profile: Profile, where: str) -> None:
    try:
        check_engines(profile.tournament.engines)
    except UsageError as error:
        raise ManifestError(f"{where}: {error}") from None


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
            lines.append(f"{where}: {_describe_value(at, problem, model)}")
    return "\n".join(lines)


def _describe_value(at: str, problem: ErrorDetails, model: type[BaseModel]) -> str:
    """Say in one sentence which value a key was given and which it may have."""
    name = at or "the whole"
    if problem["type"] == "value_error":
        given = "" if isinstance(problem["input"], dict) else f" (given {_shown(problem['input'])})"
        return f"{name}: {problem['msg'].removeprefix('Value error, ')}{given}"
    if problem["type"] == "missing":
        return f"{name} is missing"
    required = requirement_of(model, problem["loc"])
    if required is None:
        return f"{name} is {_shown(problem['input'])}: {problem['msg']}"
    return f"{name} is {_shown(problem['input'])}; give {required}"


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
