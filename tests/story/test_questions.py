"""The questions of the page on SQL have answers on the lake of a whole run."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from tests.story.conftest import DEMO
from tests.story.home import ROOT, Home

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("story")]

MAY_BE_EMPTY = {"Which sessions of the last month are missing?"}


def questions(page: Path) -> dict[str, str]:
    """The SQL below each numbered heading, by heading."""
    found, heading = {}, ""
    tokens = MarkdownIt("commonmark").parse(page.read_text(encoding="utf-8"))
    for before, token in pairwise(tokens):
        if before.type == "heading_open":
            heading = token.content
        elif token.type == "fence" and token.info == "sql" and heading[:1].isdigit():
            found[heading.partition(". ")[2]] = token.content
    return found


QUESTIONS = questions(ROOT / "docs" / "guide" / "sql.md")


def test_there_are_twenty() -> None:
    assert len(QUESTIONS) == 20


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_has_an_answer(demo: Home, question: str) -> None:
    rows = demo.call("sql", QUESTIONS[question], "--format", "json").ended(0).document
    assert rows or question in MAY_BE_EMPTY


def test_the_answers_are_those_of_the_tables(demo: Home) -> None:
    def answer(question: str) -> list[dict[str, object]]:
        rows: list[dict[str, object]] = demo.call("sql", QUESTIONS[question], "--json").ended(0).document
        return rows

    weights = demo.query("select risk_profile, symbol, net_weight from results.weights where run_id = ?", DEMO)
    held = {(row["risk_profile"], row["symbol"]): row["net_weight"] for row in answer("What do I hold, and why?")}
    assert held == {(profile, symbol): net for profile, symbol, net in weights.rows()}
    refused = {row["reason"]: row["n_candidates"] for row in answer("Which candidates were refused, and why?")}
    assert (
        sum(int(str(n)) for n in refused.values())
        == demo.query("select count(*) as n from results.selection where run_id = ? and not is_selected", DEMO)["n"][0]
    )
    (pair,) = answer("How are two instruments correlated?")
    assert 0.3 < float(str(pair["correlation"])) < 1
    found = answer("Which scanners find what survives?")
    assert all(str(row["scanner"]).endswith(("_long", "_short")) for row in found)
