"""The guide's page about the envelope, told by the code: who writes it, who takes it up, and what stands in it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

from ingest.errors import EnvelopePageError
from ingest.landing.envelope import ROW_COLUMNS, ROW_MEANINGS, SCHEMA, VERSION, Meta
from ingest.screening.scanners import Scanner, load_scanners
from lakehouse.schema.contracts import Column

COMMAND = "python -m ingest envelope"
_CODE = Path(__file__).resolve().parents[1]
_PAGE = Path("docs") / "guide" / "envelope.md"
_FOLDERS = ("ingest", "lakehouse", "analytics", "reports", "lakefolio", "tests")
_WRITES = "write_envelope"
_TAKES = {"export_file", "export_dir"}
_FILE_NAME = "universe_selector_"
_MAKERS = ("ingest/envelope.py", "ingest/envelope_page.py", "lakehouse/paths.py")
_JSON_TYPES = {
    "str": "string",
    "int": "integer",
    "bool": "boolean",
    "str | None": "string or null",
    "tuple[str, ...]": "list of strings",
    "VARCHAR": "string",
    "DATE": "string, `YYYY-MM-DD`",
    "BIGINT": "integer",
    "DOUBLE": "number",
}


@dataclass(frozen=True, slots=True)
class Use:
    """One function that writes envelopes or takes them up."""

    module: str
    function: str
    says: str
    is_writer: bool


def envelope_page(configs: Path, code: Path = _CODE) -> str:
    """Tell in Markdown what the code says about the envelope.

    Parameters
    ----------
    configs : Path
        Folder of the scanner files.
    code : Path
        Folder in which the rooms and the tests lie.
    """
    found = list(uses(code))
    scanners = sorted(load_scanners(configs), key=lambda scanner: scanner.name)
    parts = [
        "# The envelope of a scan",
        f"Generated from the code by `{COMMAND} --write`; a test fails where this page is stale.",
        _lead(),
        "## Producers",
        _table(
            ["scanner", "direction", "strategy", "classes", "product", "rows at most"], [_row_of(s) for s in scanners]
        ),
        "Written by:",
        _list([use for use in found if use.is_writer]),
        "## Consumers",
        "Functions that find, read or delete the files:",
        _list([use for use in found if not use.is_writer]),
        "## `meta`",
        _table(
            ["field", "type", "meaning"],
            [[f"`{one.name}`", _JSON_TYPES[str(one.type)], one.metadata["means"]] for one in fields(Meta)],
        ),
        "## `data`",
        "One object for each find, in the order of `rank`. A number that is not finite is null.",
        _table(
            ["field", "type", "meaning"],
            [[f"`{column.name}`", _type_of(column), ROW_MEANINGS[column.name]] for column in ROW_COLUMNS],
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _lead() -> str:
    return (
        "Every scanner of a run leaves its finds in `export/<run_id>/universe_selector_<scanner>.json`, as "
        f'`{{"meta": {{...}}, "data": [...]}}`. The format is `{SCHEMA}`, version {VERSION}. A reader goes by `meta`, never '
        "by the file's name. Inside the house the same rows stand in `raw.scans`, and that is where a run reads them; the "
        "file is for others."
    )


def keep_page(configs: Path, *, must_write: bool, code: Path = _CODE) -> Path:
    """Write the page, or compare it with the code.

    Raises
    ------
    EnvelopePageError
        When the page that stands is not what the code says, or no guide lies beside the code.
    """
    page = code / _PAGE
    if not page.parent.is_dir():
        raise EnvelopePageError(f"no {_PAGE.parent} beside the code: run `{COMMAND}` in a checkout of the project")
    text = envelope_page(configs, code)
    if must_write:
        page.write_text(text, encoding="utf-8")
    elif not page.is_file() or page.read_text(encoding="utf-8") != text:
        raise EnvelopePageError(f"{_PAGE} is stale: run `{COMMAND} --write`")
    return page


def uses(code: Path) -> Iterator[Use]:
    """Find the functions that write or take up envelopes, by what their syntax trees name."""
    for folder in _FOLDERS:
        for path in sorted((code / folder).rglob("*.py")):
            module = path.relative_to(code).as_posix()
            if module not in _MAKERS:
                yield from _uses_in(module, ast.parse(path.read_text(encoding="utf-8")))


def _uses_in(module: str, tree: ast.Module) -> Iterator[Use]:
    # A test takes up what it has written; one that only asks for the path of an export takes up nothing.
    is_test = module.startswith("tests/")
    takes = {_WRITES, _FILE_NAME} if is_test else {_WRITES, _FILE_NAME, *_TAKES}
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef):
            continue
        named = set(_names(node))
        is_writer = _WRITES in named
        if named & takes:
            told = ast.get_docstring(node)
            says = told.splitlines()[0] if told else node.name.removeprefix("test_").replace("_", " ")
            yield Use(module, node.name, says.rstrip("."), is_writer and not is_test)


def _names(node: ast.AST) -> Iterator[str]:
    for below in ast.walk(node):
        if isinstance(below, ast.Name):
            yield below.id
        elif isinstance(below, ast.Attribute):
            yield below.attr
        elif isinstance(below, ast.Constant) and isinstance(below.value, str) and _FILE_NAME in below.value:
            yield _FILE_NAME


def _row_of(scanner: Scanner) -> list[str]:
    classes = ", ".join(scanner.asset_classes)
    return [
        f"`{scanner.name}`",
        scanner.direction,
        scanner.strategy,
        classes,
        scanner.product or "any",
        str(scanner.limit),
    ]


def _type_of(column: Column) -> str:
    return _JSON_TYPES[column.type] + (" or null" if column.nullable else "")


def _list(found: list[Use]) -> str:
    return "\n".join(f"- `{use.module}`, `{use.function}`: {use.says}" for use in found)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
