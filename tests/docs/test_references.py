"""Every reference to a page leads to a page of this repository, and every anchor that it names exists."""

from __future__ import annotations

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from reports.render import REPORTS

ROOT = Path(__file__).resolve().parents[2]
SUFFIXES = {".py", ".sql", ".yml", ".yaml", ".toml", ".md", ".json", ".j2", ".cfg", ".sh", ".csv"}
REFERENCE = re.compile(r"(?<![\w/.:-])((?:\.{1,2}/)*[\w./-]*[\w-]\.md)(?![\w]|\.j2)(?:#([\w.-]*\w))?")
ADDRESS = re.compile(r"\w+://\S+")
# Names that a test invents in order to have them refused.
INVENTED = {("tests/reports/test_render.py", "../secrets.md")}


@cache
def tracked() -> tuple[Path, ...]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = [ROOT / name for name in listed.splitlines()]
    own = Path(__file__).resolve()
    return tuple(path for path in found if path.suffix in SUFFIXES and path.is_file() and path != own)


@cache
def artifact_names() -> frozenset[str]:
    """Pages that a run or a benchmark writes, as their code names them."""
    constants = {
        node.value
        for path in (ROOT / "benchmarks").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(r"\w+\.md", node.value)
    }
    return frozenset(REPORTS) | constants


@cache
def anchors(page: Path) -> frozenset[str]:
    text = page.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    slugs = {re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower()) for heading in headings}
    return frozenset(slugs | set(re.findall(r'<a id="([^"]+)"', text)))


def target(name: str, source: Path) -> Path | None:
    """Page that a reference means: beside the file that has it, or from the root of the repository."""
    bases = (ROOT / "docs",) if source.name == "mkdocs.yml" else (source.parent, ROOT)
    found = [(base / name.removeprefix("/")).resolve() for base in bases]
    return next((path for path in found if path.is_file() and path.is_relative_to(ROOT)), None)


def named(name: str) -> Path | None:
    """Page of that name, wherever it is: code that joins a path names its parts one by one."""
    return next((path for path in tracked() if path.name == name), None)


def broken_references(text: str, source: Path) -> list[str]:
    where = source.relative_to(ROOT).as_posix()
    found, clean = [], ADDRESS.sub("", text)
    for one in REFERENCE.finditer(clean):
        name, anchor, before = one.group(1), one.group(2), clean[: one.start()]
        if Path(name).name in artifact_names() or (where, name) in INVENTED:
            continue
        if source.suffix == ".py" and before.endswith("]("):
            continue  # a link that a generator writes; the page that it writes is checked
        is_path_part = source.suffix == ".py" and before.endswith('/ "')
        page = named(name) if is_path_part else target(name, source)
        if page is None:
            found.append(f"{where}: {name} is not in the repository")
        elif anchor and anchor not in anchors(page):
            found.append(f"{where}: {name} has no anchor {anchor}")
    return found


def links(page: Path) -> list[str]:
    tokens = MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))
    inside = [child for token in tokens for child in token.children or ()]
    return [str(token.attrs["href"]) for token in inside if token.type == "link_open"]


def broken_links(page: Path) -> list[str]:
    found = []
    for link in links(page):
        if re.match(r"\w+:", link):
            continue
        name, _, anchor = link.partition("#")
        goal = (page.parent / name).resolve() if name else page
        if not goal.is_file() or (anchor and anchor not in anchors(goal)):
            found.append(f"{page.relative_to(ROOT)}: {link}")
    return found


def test_every_reference_resolves_in_the_repository() -> None:
    broken = [line for path in tracked() for line in broken_references(path.read_text(encoding="utf-8"), path)]
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("as defined in quant" + ".md 5.3", "is not in the repository"),
        ("see docs/method/05-discovery-selection.md#5.99", "has no anchor 5.99"),
        ("see docs/method/05-discovery.md#5.3", "is not in the repository"),
    ],
)
def test_a_reference_that_leads_nowhere_is_found(text: str, complaint: str) -> None:
    (found,) = broken_references(text, ROOT / "analytics" / "invented.py")
    assert complaint in found


@pytest.mark.parametrize(
    "text",
    ["docs/method/05-discovery-selection.md#5.3.", "docs/architecture.md#run", "docs/lake.md#9", "https://x.org/a.md"],
)
def test_a_reference_that_resolves_is_left_alone(text: str) -> None:
    assert broken_references(text, ROOT / "analytics" / "invented.py") == []


def test_every_link_between_pages_resolves() -> None:
    pages = [
        *sorted((ROOT / "docs").rglob("*.md")),
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "CHANGELOG.md",
    ]
    broken = [line for page in pages for line in broken_links(page)]
    assert not broken, "\n".join(broken)
    assert sum(len(links(page)) for page in pages) > 100
