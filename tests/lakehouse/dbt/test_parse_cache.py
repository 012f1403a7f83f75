"""A parsed project is found again by the content of its files, and never returned damaged."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from dbt.contracts.graph.manifest import Manifest

from lakehouse.dbt.parse_cache import KEPT, ParsedProjects, parse_key


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("LAKEFOLIO_CACHE", str(folder))
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "models").mkdir(parents=True)
    (folder / "dbt_project.yml").write_text("name: toy")
    (folder / "models" / "means.sql").write_text("select 1")
    return folder


def manifest() -> Manifest:
    made = Manifest()
    made.metadata.project_name = "toy"
    return made


def test_a_manifest_is_found_again_by_another_process(cache: Path) -> None:
    ParsedProjects().put("a", manifest())
    found = ParsedProjects().get("a")
    assert found is not None
    assert found.metadata.project_name == "toy"
    assert ParsedProjects().get("b") is None


def test_a_damaged_file_is_not_read(cache: Path) -> None:
    ParsedProjects().put("a", manifest())
    (file,) = cache.glob("*.manifest")
    file.write_bytes(file.read_bytes()[:-1])
    assert ParsedProjects().get("a") is None


def test_only_the_newest_manifests_stay_on_disk(cache: Path) -> None:
    for number in range(KEPT + 2):
        ParsedProjects().put(f"{number}", manifest())
        os.utime(cache / f"dbt-{number}.manifest", (number, number))
    ParsedProjects().put("last", manifest())
    kept = {path.stem for path in cache.glob("*.manifest")}
    assert kept == {"dbt-last", *(f"dbt-{number}" for number in range(KEPT + 2 - (KEPT - 1), KEPT + 2))}


def test_a_folder_that_cannot_be_written_keeps_the_manifest_in_memory(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lakehouse.dbt.parse_cache.os.access", lambda *_: False)
    projects = ParsedProjects()
    projects.put("a", manifest())
    assert projects.get("a") is not None
    assert not cache.exists()


def test_the_key_changes_with_text_files_and_variables(project: Path) -> None:
    keys = [parse_key(project, {"note": "a"})]
    assert parse_key(project, {"note": "a"}) == keys[0]
    keys.append(parse_key(project, {"note": "b"}))
    (project / "models" / "means.sql").write_text("select 2")
    keys.append(parse_key(project, {"note": "a"}))
    (project / "models" / "more.sql").write_text("select 2")
    keys.append(parse_key(project, {"note": "a"}))
    assert len(set(keys)) == 4
