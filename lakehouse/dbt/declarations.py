"""Read the columns that dbt's YAML files declare: type, meaning, and heading and format in reports.

The files are read without dbt, which takes seconds to import and to parse them. See
docs/decisions/0010-columns-declared-once.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from lakehouse.errors import DbtError
from lakehouse.paths import shipped_dbt_project

_BLOCK = re.compile(r"{%-?\s*docs\s+(\w+)\s*-?%}(.*?){%-?\s*enddocs\s*-?%}", re.DOTALL)
_REFERENCE = re.compile(r"""{{\s*doc\(\s*["'](\w+)["']\s*\)\s*}}""")
_GRAIN = re.compile(r"^grain \(([^)]*)\)")
_LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class ModelColumn:
    """One column of a dbt model.

    Attributes
    ----------
    type : str
        DuckDB type in lower case.
    heading : str or None
        `meta.heading`; None where the heading follows from the name.
    format : str or None
        `meta.format`; None where the format follows from the type.
    """

    name: str
    type: str
    meaning: str
    heading: str | None = None
    format: str | None = None


@dataclass(frozen=True, slots=True)
class ModelDeclaration:
    """One dbt model as its YAML declares it.

    Attributes
    ----------
    schema : str
        Folder of the models, which is the schema in the lake.
    grain : tuple of str
        Columns that make a row unique.
    order_by : str
        `meta.order_by`: SQL of the order in which a report prints the rows.
    may_be_empty : bool
        `meta.may_be_empty`: a run may have no row.
    """

    schema: str
    name: str
    grain: tuple[str, ...]
    columns: Mapping[str, ModelColumn]
    order_by: str = ""
    may_be_empty: bool = False

    @property
    def qualified_name(self) -> str:
        """`schema.table`, as SQL inside the lake names it."""
        return f"{self.schema}.{self.name}"


@cache
def declared_models(schema: str, project: Path | None = None) -> Mapping[str, ModelDeclaration]:
    """Return the models of a schema by name, as the files in `models/<schema>` declare them.

    Parameters
    ----------
    schema : str
        `staging`, `intermediate`, `marts` or `reports`.
    project : Path, optional
        Folder of the dbt project; the shipped project by default.

    Raises
    ------
    DbtError
        When a description refers to a docs block that does not exist.
    """
    folder = project or shipped_dbt_project()
    blocks = docs_blocks(folder)
    models: dict[str, ModelDeclaration] = {}
    for file in sorted((folder / "models" / schema).rglob("*.yml")):
        for entry in _load(file).get("models", ()):
            models[entry["name"]] = _model(schema, entry, blocks)
    return models


@cache
def docs_blocks(project: Path | None = None) -> Mapping[str, str]:
    """Return the text of each `{% docs %}` block of the project by its name."""
    files = sorted(((project or shipped_dbt_project()) / "models").rglob("*.md"))
    return {name: text.strip() for file in files for name, text in _BLOCK.findall(file.read_text(encoding="utf-8"))}


def contract_meaning(schema: str, table: str, column: str) -> str:
    """Return the meaning of a column of `raw` or `results`: its block for this table, else that of its name.

    Empty where the column has no block.
    """
    blocks = docs_blocks()
    return blocks.get(f"{schema}_{table}_{column}") or blocks.get(column, "")


def _load(file: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load(file.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506 (a safe loader)
    return loaded


def _model(schema: str, entry: Mapping[str, Any], blocks: Mapping[str, str]) -> ModelDeclaration:
    grain = _GRAIN.match(entry.get("description", ""))
    meta = _meta(entry)
    return ModelDeclaration(
        schema,
        entry["name"],
        tuple(grain[1].split(", ")) if grain else (),
        {column.name: column for column in _columns(entry.get("columns", ()), blocks)},
        meta.get("order_by", ""),
        meta.get("may_be_empty", False),
    )


def _columns(entries: Iterable[Mapping[str, Any]], blocks: Mapping[str, str]) -> Iterable[ModelColumn]:
    for entry in entries:
        meta = _meta(entry)
        yield ModelColumn(
            entry["name"],
            entry.get("data_type", ""),
            _resolved(entry.get("description", ""), blocks),
            meta.get("heading"),
            meta.get("format"),
        )


def _meta(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    meta: Mapping[str, Any] = entry.get("config", {}).get("meta", {})
    return meta


def _resolved(description: str, blocks: Mapping[str, str]) -> str:
    """Replace `{{ doc('name') }}` by the text of the block."""

    def text(reference: re.Match[str]) -> str:
        if reference[1] not in blocks:
            raise DbtError(f"doc('{reference[1]}') has no docs block: add one to dbt_project/models/columns.md")
        return blocks[reference[1]]

    return _REFERENCE.sub(text, description)
