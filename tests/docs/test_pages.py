"""Generated pages are fresh, the glossary has every table, and what a page says of the code is in the code."""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from pathlib import Path

import yaml

from lakehouse.schema.tables import CONTRACTS
from scripts.reference import stale_pages

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
MODELS = ROOT / "dbt_project" / "models"
PACKAGES = ("analytics", "ingest", "lakefolio", "lakehouse", "reports")
SCHEMAS = ("raw", "seeds", "staging", "intermediate", "marts", "results", "reports")
TABLE = re.compile(rf"`((?:{'|'.join(SCHEMAS)})\.\w+)`")


def models(schema: str) -> set[str]:
    return {f"{schema}.{path.stem}" for path in (MODELS / schema).rglob("*") if path.suffix in (".sql", ".py")}


@cache
def tables() -> frozenset[str]:
    seeds = {f"seeds.{path.stem}" for path in (ROOT / "dbt_project" / "seeds").glob("*.csv")}
    built = {name for schema in ("staging", "intermediate", "marts", "reports") for name in models(schema)}
    return frozenset(set(CONTRACTS) | seeds | built)


@cache
def code_names() -> frozenset[str]:
    """Every class, function and module constant of the packages, and every model, seed, macro and column of dbt."""
    names: set[str] = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
            names |= {node.name for node in ast.walk(tree) if isinstance(node, kinds)}
            targets = [one for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)
                       for one in (node.targets if isinstance(node, ast.Assign) else [node.target])]  # fmt: skip
            names |= {one.id for one in targets if isinstance(one, ast.Name)}
    macros = {name for path in (ROOT / "dbt_project" / "macros").glob("*.sql")
              for name in re.findall(r"macro (\w+)\(", path.read_text(encoding="utf-8"))}  # fmt: skip
    return frozenset(names | macros | {name.partition(".")[2] for name in tables()})


def test_every_generated_page_is_fresh() -> None:
    stale = [path.relative_to(ROOT).as_posix() for path in stale_pages()]
    assert not stale, f"run `make reference`: {', '.join(stale)}"


def test_every_column_has_a_meaning() -> None:
    text = (DOCS / "reference" / "tables.md").read_text(encoding="utf-8")
    blank, table = [], ""
    for line in text.splitlines():
        table = line[4:] if line.startswith("### ") else table
        if re.fullmatch(r"\| `[^`]+` \| [^|]* \|\s*\|", line):
            blank.append(f"{table}: {line}")
    assert not blank, "add a meaning to dbt_project/models/columns.md for\n" + "\n".join(blank)


def test_the_glossary_has_every_table_once() -> None:
    text = (DOCS / "glossary.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(\w+\.\w+)` \|", text, re.MULTILINE)
    assert len(listed) == len(set(listed))
    assert set(listed) == tables()


def test_the_terms_of_the_glossary_are_in_order() -> None:
    text = (DOCS / "glossary.md").read_text(encoding="utf-8")
    terms = [term.lower().replace("-", " ") for term in re.findall(r"^\*\*(.+?)[,.]", text, re.MULTILINE)]
    assert terms == sorted(terms)
    assert len(terms) == len(set(terms))


def test_every_table_that_a_page_names_exists() -> None:
    named = {(page.name, table) for page in DOCS.rglob("*.md") for table in TABLE.findall(page.read_text("utf-8"))}
    unknown = sorted(f"{page}: {table}" for page, table in named if table not in tables())
    assert not unknown, "\n".join(unknown)


def test_every_setting_that_a_page_names_exists() -> None:
    definitions = json.loads((ROOT / "configs" / "manifest.schema.json").read_text("utf-8"))["$defs"]
    sections = {
        key: one["$ref"].rpartition("/")[2]
        for key, one in definitions["Profile"]["properties"].items()
        if "$ref" in one
    }
    settings = {f"{key}.{name}" for key, section in sections.items() for name in definitions[section]["properties"]}
    flags = {name.partition(".")[2] for name in settings if name.startswith("flags.")}
    key = re.compile(rf"(?:`|--set '?)((?:{'|'.join(sections)})\.\w+|feat_\w+)")
    named = [(page.name, name) for page in DOCS.rglob("*.md") for name in key.findall(page.read_text("utf-8"))]
    unknown = sorted(f"{page}: {name}" for page, name in named if name not in settings | flags)
    assert not unknown, "\n".join(unknown)
    assert len(named) > 60


def test_the_code_that_a_section_names_exists() -> None:
    unknown, n_named = [], 0
    for page in sorted((DOCS / "method").glob("*.md")):
        text = " ".join(page.read_text(encoding="utf-8").split())
        for code in re.findall(r"\*Code\*(.*?)(?:\*Shown in\*|<a id|\. \*|$)", text):
            names = [name for name in re.findall(r"`(\w+)`", code) if name not in (*PACKAGES, "dbt_project")]
            n_named += len(names)
            unknown += [f"{page.name}: {name}" for name in names if name not in code_names() | {"sessions_per_year"}]
    assert not unknown, "\n".join(unknown)
    assert n_named > 80


def test_the_sub_packages_of_the_architecture_are_those_of_the_code() -> None:
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    listed, package = set(), ""
    for first, sub_package in re.findall(
        r"^\| (`\w+`)? ?\| `(\w+)` \|", text.partition("| sub-package |")[2], re.MULTILINE
    ):
        package = first.strip("`") or package
        listed.add((package, sub_package))
    found = {
        (path.parts[-3], path.parts[-2]) for package in PACKAGES for path in (ROOT / package).glob("*/__init__.py")
    }
    assert {one for one in listed if one[0] in PACKAGES} == found


def test_the_navigation_has_every_page() -> None:
    class Loader(yaml.SafeLoader):
        """Reads a configuration whose further tags do not matter here."""

    def leaves(node: object) -> list[str]:
        if isinstance(node, str):
            return [node]
        below = node.values() if isinstance(node, dict) else node
        return [leaf for one in below for leaf in leaves(one)]  # type: ignore[attr-defined]

    navigation = yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), Loader)["nav"]  # noqa: S506 - safe loader
    listed = leaves(navigation)
    assert sorted(listed) == sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
