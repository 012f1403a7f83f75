"""The lists by which the suite is shared and shortened name what is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import FIRST, SLOW, TOGETHER, part_of

ROOT = Path(__file__).resolve().parents[1]
FILES = [*SLOW, *TOGETHER, *(part for part in FIRST if part not in TOGETHER.values())]


@pytest.mark.parametrize("entry", sorted(set(FILES)))
def test_a_listed_file_is_there(entry: str) -> None:
    name, _, prefix = entry.partition("::")
    path = ROOT / name
    assert path.is_dir() if name.endswith("/") else path.is_file()
    assert not prefix or f"def {prefix}" in path.read_text(encoding="utf-8")


def test_tests_of_one_run_are_one_part_and_others_are_parted_by_file() -> None:
    assert part_of("tests/story/test_resume.py::test_a") == part_of("tests/story/test_tampering.py::test_b") == "small"
    assert part_of("tests/dbt_project/test_prices.py::test_a") == "dbt_project"
    assert part_of("tests/test_imports.py::test_a[tests/dbt_project/]") == "tests/test_imports.py"
    assert set(TOGETHER.values()) <= set(FIRST)
