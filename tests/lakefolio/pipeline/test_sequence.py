"""The sequence is a dataflow: numbered, loadable, light to import, and every input was written before."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lakefolio.config.manifest import json_schema
from lakefolio.errors import UsageError
from lakefolio.pipeline.sequence import STEPS, Step, find_step, first_reader
from lakefolio.runs.step_access import is_declared
from lakehouse.schema.tables import CONTRACTS

ROOT = Path(__file__).resolve().parents[3]
WRITTEN_BY_OTHERS = ("results.holdings", "results.steps")
"""`accept` writes holdings, and the runner itself the record of the steps."""


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_step_names_a_function_and_describes_itself_in_a_plain_statement(step: Step) -> None:
    assert callable(step.load())
    assert step.description[0].isupper()
    assert not step.description.endswith(("?", "."))


def test_steps_are_numbered_in_order() -> None:
    assert [step.number for step in STEPS] == list(range(1, 18))


def test_every_input_is_an_output_of_an_earlier_step() -> None:
    written: list[str] = list(WRITTEN_BY_OTHERS)
    for step in STEPS:
        written += [*step.outputs, *step.unrecorded]
        for name in step.inputs:
            schema = name.partition(".")[0]
            is_schema = name.endswith(".*") and any(one.partition(".")[0] == schema for one in written)
            assert is_schema or is_declared(name.partition(":")[0], written), f"{step.name} reads {name}"


def test_every_result_is_the_output_of_a_step() -> None:
    written = [name for step in STEPS for name in (*step.outputs, *step.unrecorded)]
    results = [table for table in CONTRACTS if table.startswith("results.") and table not in WRITTEN_BY_OTHERS]
    assert [table for table in results if not is_declared(table, written)] == []


def test_every_setting_of_a_step_is_a_key_of_the_manifest() -> None:
    schema = json_schema()["$defs"]
    keys = set(schema["Profile"]["properties"])
    for name, field in schema["Profile"]["properties"].items():
        section = field.get("$ref", "").rpartition("/")[2]
        keys |= {f"{name}.{key}" for key in schema.get(section, {}).get("properties", {})}
    for step in STEPS:
        assert set(step.settings) <= keys, step.name


@pytest.mark.parametrize(
    ("key", "step"),
    [
        ("selection.top_n", "selection"),
        ("dependence.threshold", "selection"),
        ("dependence.covariance", "optimize"),
        ("allocation.cap", "optimize"),
        ("tournament.slippage_bps", "optimize"),
        ("tournament.bootstrap_samples", "tournament"),
        ("data.strict_health", "health"),
        ("source.path", "discovery"),
        ("flags.feat_decay_audit", "report"),
    ],
)
def test_the_first_reader_of_a_setting_is_known(key: str, step: str) -> None:
    reader = first_reader(key)
    assert reader is not None
    assert reader.name == step


def test_a_setting_of_the_machine_has_no_reader() -> None:
    assert first_reader("lake.threads") is None


def test_an_unknown_step_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'optimize'"):
        find_step("optimise")
    assert find_step("12") is find_step("optimize")


def test_listing_the_steps_imports_nothing_heavy() -> None:
    code = "import sys; import lakefolio.pipeline.sequence; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert not set(loaded.split()) & {"numpy", "polars", "duckdb", "pydantic", "dbt", "scipy"}
