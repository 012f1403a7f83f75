"""Each home loads the extensions that its catalog and data need, from their wheels."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from lakehouse.connection import extensions
from lakehouse.connection.catalog import Lake, LakeSettings
from lakehouse.errors import ExtensionMissingError
from lakehouse.paths import Paths


def test_the_error_for_a_missing_wheel_names_it_and_hides_the_password(
    paths: Paths, settings: LakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = replace(paths, catalog="postgres:dbname=lake password=hunter2", extensions=paths.root / "none")
    assert extensions.needed_extensions(server) == ("ducklake", "postgres_scanner")
    find = extensions.importlib.util.find_spec
    monkeypatch.setattr(extensions.importlib.util, "find_spec", lambda name: None if "postgres" in name else find(name))
    with pytest.raises(ExtensionMissingError, match="duckdb-extension-postgres-scanner==") as refused:
        Lake.open(server, settings=settings)
    assert "hunter2" not in str(refused.value)
    shutil.rmtree(paths.root / "none")


def test_data_behind_a_url_need_httpfs(paths: Paths) -> None:
    assert extensions.needed_extensions(replace(paths, data="s3://bucket/lake")) == (
        "ducklake",
        "sqlite_scanner",
        "httpfs",
    )
