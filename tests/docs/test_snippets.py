"""Every snippet of the README and the pages runs, or is checked to be something that would run."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import jsonschema
import pytest
import yaml
from markdown_it import MarkdownIt

from lakehouse.connection.catalog import Lake
from lakehouse.connection.user_sql import user_query
from lakehouse.paths import Paths
from scripts.command_lines import Command, command_lines

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
LANGUAGES = {"bash", "sql", "python", "json", "toml", "yaml", "text"}
ATTACH = "attach 'ducklake:sqlite:data/lakehouse/catalog.sqlite' as lake (read_only)"
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Snippet:
    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def snippets() -> Iterator[Snippet]:
    for page in PAGES:
        for token in MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8")):
            if token.type in ("fence", "code_block"):
                yield Snippet(page, (token.map or [0])[0] + 1, token.info.strip(), token.content)


ALL = list(snippets())


def of(language: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("snippet", [one for one in ALL if one.language == language], ids=str)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with a lake that has every table and no row, and extensions of its own, as the pages say."""
    root = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("LAKEFOLIO_EXTENSIONS", raising=False)
        with Lake.open(Paths.at(root)) as lake:
            lake.connection.execute("begin")
            for schema in ("marts", "reports"):
                lake.connection.execute(f"create schema if not exists lake.{schema}")
                files = sorted((ROOT / "dbt_project" / "models" / schema).rglob("*.yml"))
                declared = [
                    model for file in files for model in yaml.safe_load(file.read_text("utf-8")).get("models", [])
                ]
                for model in declared:
                    columns = ", ".join(f'"{one["name"]}" {one["data_type"]}' for one in model.get("columns", []))
                    if columns:
                        lake.connection.execute(f"create table lake.{schema}.{model['name']} ({columns})")
            lake.connection.execute("commit")
        yield root


def test_every_snippet_names_its_language() -> None:
    unknown = [f"{one} {one.language or 'without language'}" for one in ALL if one.language not in LANGUAGES]
    assert not unknown
    assert {one.language for one in ALL} >= {"bash", "sql", "python", "json", "toml", "yaml"}


@pytest.mark.parametrize(
    "page", sorted({one.page for one in ALL if one.language == "python"}), ids=lambda page: page.name
)
def test_python_runs_in_the_order_of_its_page(page: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    names: dict[str, object] = {"__name__": "snippet"}
    for one in (one for one in ALL if one.page == page and one.language == "python"):
        exec(compile(one.text, str(one), "exec"), names)  # noqa: S102 - the repository's own pages


@of("sql")
def test_sql_runs_on_an_empty_lake(snippet: Snippet, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    config = {"extension_directory": str(Paths.at(home).extensions), "autoinstall_known_extensions": "false"}
    with duckdb.connect(":memory:", config=config) as connection:
        if "attach " not in snippet.text:
            connection.execute(f"{ATTACH}; use lake")
        statements = connection.extract_statements(snippet.text)
        assert statements
        for statement in statements:
            connection.execute(statement)


@of("json")
def test_json_parses_and_a_manifest_fits_its_schema(snippet: Snippet) -> None:
    document = json.loads(snippet.text)
    if "profiles" in document:
        jsonschema.validate(document, json.loads((ROOT / "configs" / "manifest.schema.json").read_text("utf-8")))


@of("toml")
def test_toml_parses(snippet: Snippet) -> None:
    assert tomllib.loads(snippet.text)


@of("yaml")
def test_yaml_parses_and_its_layers_exist(snippet: Snippet) -> None:
    document = yaml.safe_load(snippet.text)
    for layer in document.get("extends", []):
        assert (ROOT / "configs" / f"{layer}.yaml").is_file(), layer


@of("bash")
def test_commands_exist_with_their_options(snippet: Snippet, home: Path) -> None:
    lines = [line for line in snippet.text.replace("\\\n", " ").splitlines() if line.strip() and line[0] != "#"]
    assert lines
    for line in lines:
        check(shlex.split(line), home)


def check(words: list[str], home: Path) -> None:
    if words[0] == "make":
        check_make(words[1:])
    elif words[0] == "lakefolio":
        check_command(words)
        if words[1] == "sql" and words[2:] and not words[2].startswith("--"):
            user_query(Paths.at(home), words[2])
    elif words[:3] == ["python", "-m", "ingest"]:
        check_command(["python -m ingest", *words[3:]])
    else:
        assert words[0].startswith(".venv/bin/"), f"{words[0]} is no command of this project"


def check_make(words: list[str]) -> None:
    targets = [word for word in words if "=" not in word]
    assert targets
    for target in targets:
        assert re.search(rf"^{re.escape(target)}:", MAKEFILE, re.MULTILINE), f"make has no target {target}"
    for variable in (word.partition("=")[0] for word in words if "=" in word):
        assert f"$({variable})" in MAKEFILE, f"make reads no variable {variable}"


def check_command(words: list[str]) -> None:
    """Hold words against the command line: the command exists, and so does each option and each choice."""
    commands = {command.name: command for line in command_lines() for command in line.commands}
    depth = max(n for n in range(1, len(words) + 1) if " ".join(words[:n]) in commands)
    command, root = commands[" ".join(words[:depth])], commands[words[0]]
    assert command is not root, f"there is no command {' '.join(words[:2])}"
    if command.name == "lakefolio dbt":
        return  # its words are dbt's own
    for word in words[depth:]:
        if word.startswith("--"):
            assert word.partition("=")[0] in command.spellings, f"{command.name} has no option {word}"
    for choices, word in zip(choice_arguments(command), words[depth:], strict=False):
        assert not choices or word in choices, f"{command.name}: {word} is none of {choices}"


def choice_arguments(command: Command) -> list[list[str]]:
    """Values that each argument may have; empty where anything goes."""
    return [re.split(r"[,|]", one.strip("[]{}")) if re.search(r"\w[,|]\w", one) else [] for one in command.arguments]


@pytest.mark.parametrize(
    "line",
    [
        "make no-such-target",
        "make demo NO_SUCH=1",
        "lakefolio no-such",
        "lakefolio verify --no-such",
    ],
)
def test_a_command_that_does_not_exist_is_found(line: str, home: Path) -> None:
    with pytest.raises(AssertionError):
        check(shlex.split(line), home)
