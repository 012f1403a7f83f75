"""The YAML of the dbt models declares every column of a mart or report with its type and meaning."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lakehouse.dbt.declarations import ModelDeclaration, contract_meaning, declared_models, docs_blocks
from lakehouse.errors import DbtError
from lakehouse.paths import shipped_dbt_project
from lakehouse.schema.tables import CONTRACTS

TYPES = {"varchar", "double", "bigint", "boolean", "date", "timestamp"}
YAML = """
anchors:
  - &run_id {name: run_id, data_type: varchar, description: "{{ doc('run_id') }}"}

models:
  - name: rpt_toy
    description: "grain (run_id, rank). Toys by rank."
    config: {meta: {order_by: "rank desc", may_be_empty: true}}
    columns:
      - *run_id
      - {name: rank, data_type: bigint, description: "Rank, from 1", config: {meta: {heading: "#"}}}
"""


def described() -> Iterator[ModelDeclaration]:
    for schema in ("marts", "reports"):
        yield from declared_models(schema).values()


def project(folder: Path, blocks: str) -> Path:
    models = folder / "models" / "reports"
    models.mkdir(parents=True)
    (models / "toys.yml").write_text(YAML, encoding="utf-8")
    (models.parent / "columns.md").write_text(blocks, encoding="utf-8")
    return folder


def test_a_model_is_read_with_anchors_and_docs_blocks(tmp_path: Path) -> None:
    folder = project(tmp_path, "# Columns\n\n{% docs run_id %}Id of the run{% enddocs %}\n")
    toy = declared_models("reports", folder)["rpt_toy"]
    assert (toy.qualified_name, toy.grain) == ("reports.rpt_toy", ("run_id", "rank"))
    assert (toy.order_by, toy.may_be_empty) == ("rank desc", True)
    assert [(column.name, column.meaning, column.heading) for column in toy.columns.values()] == [
        ("run_id", "Id of the run", None),
        ("rank", "Rank, from 1", "#"),
    ]


def test_a_reference_to_a_block_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DbtError, match=r"doc\('run_id'\) has no docs block"):
        declared_models("reports", project(tmp_path, ""))


def test_every_column_of_a_mart_or_report_has_a_type_and_a_description() -> None:
    models = list(described())
    blank = [
        f"{model.name}.{column.name}" for model in models for column in model.columns.values() if not column.meaning
    ]
    untyped = [
        f"{model.name}.{column.name}"
        for model in models
        for column in model.columns.values()
        if column.type not in TYPES
    ]
    assert (blank, untyped) == ([], [])
    assert sum(len(model.columns) for model in models) > 600


def test_the_grain_that_a_description_names_is_the_one_that_is_tested() -> None:
    for model in described():
        assert model.grain, model.name
        # returns_matrix has a column for each symbol, and declares none.
        assert not model.columns or set(model.grain) <= set(model.columns), model.name


def test_every_column_of_a_contract_has_a_meaning() -> None:
    blank = [
        f"{contract.qualified_name}.{column.name}"
        for contract in CONTRACTS.values()
        for column in contract.columns
        if not contract_meaning(contract.schema, contract.name, column.name)
    ]
    assert not blank, f"add a docs block to dbt_project/models/columns.md for {', '.join(blank)}"


def test_a_table_may_mean_something_else_by_a_name() -> None:
    assert contract_meaning("results", "drift", "drift") == docs_blocks()["results_drift_drift"]
    assert contract_meaning("results", "cluster_drift", "drift") == docs_blocks()["drift"]
    assert contract_meaning("results", "drift", "no_such_column") == ""


def test_every_docs_block_is_used() -> None:
    files = (shipped_dbt_project() / "models").rglob("*.yml")
    referred = {name for file in files for name in re.findall(r"doc\('(\w+)'\)", file.read_text(encoding="utf-8"))}
    of_contracts = {
        name
        for contract in CONTRACTS.values()
        for column in contract.names
        for name in (column, f"{contract.schema}_{contract.name}_{column}")
    }
    assert set(docs_blocks()) - referred - of_contracts == set()
