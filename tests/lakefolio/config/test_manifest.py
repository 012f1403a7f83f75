"""The manifest says what will happen, and refuses what nothing would read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from lakefolio.config.manifest import json_schema, resolve
from lakefolio.errors import ManifestError

ROOT = Path(__file__).resolve().parents[3]
SHIPPED = ROOT / "configs" / "manifest.json"


def written(tmp_path: Path, **profiles: dict[str, Any]) -> Path:
    document = json.loads(SHIPPED.read_text(encoding="utf-8"))
    document["profiles"] |= profiles
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


@pytest.mark.parametrize("profile", ["production", "production_v2_canary", "development", "demo"])
def test_every_shipped_risk_profile_resolves(profile: str) -> None:
    assert resolve(SHIPPED, profile).allocation.cap == 0.25


def test_the_shipped_manifest_and_its_schema_agree() -> None:
    document = json.loads(SHIPPED.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(json_schema())
    jsonschema.validate(document, json_schema())
    document["defaults"]["allocation"]["caap"] = 0.3
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, json_schema())


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"selection": {"topn": 2}}, "did you mean 'selection.top_n'"),
        ({"flags": {"feat_pit_fidelty": True}}, "did you mean 'flags.feat_pit_fidelity'"),
        ({"alocation": {}}, "did you mean 'allocation'"),
        ({"allocation": {"cap": 1.5}}, "allocation.cap"),
        ({"tournament": {"step_sessions": 10}}, "step_sessions is below test_sessions"),
        ({"source": {"kind": "files", "path": None}}, "source.path is required"),
    ],
)
def test_a_wrong_key_or_value_is_refused_with_its_place(tmp_path: Path, given: dict[str, Any], named: str) -> None:
    with pytest.raises(ManifestError, match="mine") as refusal:
        resolve(written(tmp_path, mine=given), "mine")
    assert named in str(refusal.value)
    assert refusal.value.exit_code == 2


def test_an_unknown_risk_profile_is_refused_with_the_nearest() -> None:
    with pytest.raises(ManifestError, match="did you mean 'production'"):
        resolve(SHIPPED, "prodution")


def test_mappings_merge_and_lists_replace(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        below={"allocation": {"risk_profiles": ["hrp"], "cap": 0.3}},
        above={"extends": "below", "allocation": {"risk_profiles": ["min_variance"]}},
    )
    resolved = resolve(path, "above", {"allocation": {"turnover_penalty": 0.01}})
    assert resolved.allocation.risk_profiles == ("min_variance",)
    assert (resolved.allocation.cap, resolved.allocation.turnover_penalty) == (0.3, 0.01)


def test_a_manifest_of_risk_profiles_alone_stands_on_the_shipped_one(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    document = {"profiles": {"mine": {"extends": "demo", "allocation": {"cap": 0.2}}}}
    jsonschema.validate(document, json_schema())
    path.write_text(json.dumps(document), encoding="utf-8")
    resolved = resolve(path, "mine", shipped=SHIPPED)
    assert (resolved.allocation.cap, resolved.tournament.bootstrap_samples) == (0.2, 200)
    assert resolve(path, "demo", shipped=SHIPPED) == resolve(SHIPPED, "demo")
    with pytest.raises(ManifestError, match="defaults"):
        resolve(path, "mine")
    path.write_text(json.dumps({"profiles": {"production": {"allocation": {"cap": 1.0}}}}), encoding="utf-8")
    with pytest.raises(ManifestError, match="'production' is a shipped one"):
        resolve(path, "production", shipped=SHIPPED)
    path.write_text("[1]", encoding="utf-8")
    with pytest.raises(ManifestError, match="a JSON object, not list"):
        resolve(path, "mine", shipped=SHIPPED)


def test_the_halflife_of_ewma_reaches_the_allocation() -> None:
    settings = [
        resolve(SHIPPED, "demo", {"dependence": dependence}).dependence
        for dependence in (
            {"covariance": "ewma", "ewma_halflife_sessions": 20},
            {"covariance": "ewma_qis"},
            {"covariance": "qis"},
        )
    ]
    assert [dependence.covariance_halflife_sessions for dependence in settings] == [20.0, 60.0, None]


def test_one_level_of_extends_is_the_limit(tmp_path: Path) -> None:
    path = written(tmp_path, a={}, b={"extends": "a"}, c={"extends": "b"})
    with pytest.raises(ManifestError, match="one level"):
        resolve(path, "c")


def test_production_may_not_switch_the_ledger_off(tmp_path: Path) -> None:
    path = written(tmp_path, production={"flags": {"feat_audit_ledger": False}})
    with pytest.raises(ManifestError, match="feat_audit_ledger"):
        resolve(path, "production")
    assert not resolve(written(tmp_path, demo={"flags": {"feat_audit_ledger": False}}), "demo").flags.feat_audit_ledger


def test_a_resolved_risk_profile_is_frozen() -> None:
    resolved = resolve(SHIPPED, "demo")
    with pytest.raises(ValueError, match="frozen"):
        resolved.benchmark = "X"  # type: ignore[misc]


def test_a_file_that_is_no_json_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    path.write_text('{\n"schema_version": 1,\n', encoding="utf-8")
    with pytest.raises(ManifestError, match="line 3"):
        resolve(path, "demo")


def leaves(schema: dict[str, Any], name: str) -> set[str]:
    """Names of the settings of one section that hold values."""
    properties = schema["$defs"][name]["properties"]
    return {key for key, value in properties.items() if "$ref" not in value}


def test_every_setting_is_read_by_code() -> None:
    code = "\n".join(
        path.read_text(encoding="utf-8")
        for package in ("lakefolio", "analytics")
        for path in sorted((ROOT / package).rglob("*.py"))
        if path.name != "manifest.py"
    )
    schema = json_schema()
    for section in schema["$defs"]:
        for leaf in leaves(schema, section) - {"description", "extends"}:
            assert f".{leaf}" in code, f"{section}.{leaf} is in the manifest and nothing reads it"
