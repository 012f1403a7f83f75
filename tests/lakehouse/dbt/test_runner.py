"""dbt runs in process on a toy project, beside an open lake, and reports its nodes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from filelock import FileLock

from lakehouse.connection.catalog import Lake, LakeSettings
from lakehouse.dbt import runner as dbt
from lakehouse.dbt.parse_cache import ParsedProjects
from lakehouse.dbt.runner import run_dbt
from lakehouse.errors import DbtError, LockHeldError
from lakehouse.paths import Paths
from lakehouse.storage.writes import Write, write

Make = Callable[..., pl.DataFrame]
ROOT = Path(__file__).resolve().parents[3]

PROFILE = """
lakefolio:
  target: lake
  outputs:
    lake:
      type: duckdb
      path: ":memory:"
      database: lake
      schema: marts
      threads: 4
      config_options:
        extension_directory: "{{ env_var('LAKEFOLIO_EXTENSIONS') }}"
        autoinstall_known_extensions: false
      attach:
        - path: "ducklake:{{ env_var('LAKEFOLIO_CATALOG') }}"
          alias: lake
          is_ducklake: true
          options:
            meta_journal_mode: WAL
            meta_busy_timeout: 5000
            data_path: "{{ env_var('LAKEFOLIO_DATA') }}"
            override_data_path: true
      settings: {ducklake_max_retry_count: 30, memory_limit: 1GB, threads: 1}
"""
PROJECT = """
name: toy
version: "1.0"
profile: lakefolio
model-paths: [models]
flags: {send_anonymous_usage_stats: false}
models:
  toy:
    +materialized: table
"""
MODELS = {
    "last_bars.sql": "{{ config(materialized='view') }}\n"
    "select symbol, session_date, close from {{ source('raw', 'bars') }}",
    "means.sql": "select symbol, avg(close) as mean_close, '{{ var('note') }}' as note\n"
    "from {{ ref('last_bars') }} group by symbol",
    "schema.yml": """
version: 2
sources:
  - name: raw
    database: lake
    tables: [{name: bars}]
models:
  - name: means
    columns:
      - name: symbol
        data_tests: [unique, not_null]
      - name: mean_close
        data_tests: [not_null]
""",
}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("LAKEFOLIO_CACHE", str(folder))
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that tests share, so that it is parsed once."""
    folder = tmp_path_factory.mktemp("toy") / "project"
    (folder / "models").mkdir(parents=True)
    (folder / "profiles.yml").write_text(PROFILE)
    (folder / "dbt_project.yml").write_text(PROJECT)
    for name, text in MODELS.items():
        (folder / "models" / name).write_text(text)
    return folder


@pytest.fixture
def own_project(project: Path, tmp_path: Path) -> Path:
    """A copy of the project that a test may change."""
    return shutil.copytree(project, tmp_path / "project")


def test_dbt_and_an_open_lake_live_in_one_process(
    paths: Paths, project: Path, settings: LakeSettings, bars: Make, tmp_path: Path
) -> None:
    with Lake.open(paths, settings=settings) as lake:
        write(lake, Write("raw.bars", bars(30, close=2.0)), run_id="run-a", step="land")
        environment = dict(os.environ)
        built = run_dbt(
            paths, ["build"], {"note": "first"}, project=project, settings=settings, log_path=tmp_path / "logs"
        )
        assert dict(os.environ) == environment
        assert built.require().success
        assert {(node.name, node.kind, node.status) for node in built.nodes if node.kind == "model"} == {
            ("last_bars", "model", "success"),
            ("means", "model", "success"),
        }
        assert sum(node.status == "pass" and node.failures == 0 for node in built.nodes) == 3
        # The lake that stayed open sees the commits of dbt, and can still write.
        assert lake.snapshot_id() == built.snapshot_id
        assert lake.read("marts.means").rows() == [("TEST:AAA", 2.0, "first")]
        write(lake, Write("raw.bars", bars(30, "TEST:BBB", close=4.0)), run_id="run-a", step="land-more")
        again = run_dbt(paths, ["run"], {"note": "first"}, project=project, settings=settings)
        assert again.success
        assert lake.read("marts.means", order_by=["symbol"])["mean_close"].to_list() == [2.0, 4.0]
        assert lake.read("marts.means", at_snapshot=built.snapshot_id).height == 1
    assert (tmp_path / "logs" / "dbt.log").stat().st_size > 0
    assert paths.dbt_target.is_dir()
    assert not (project / "target").exists()


def test_failed_nodes_are_named_and_another_home_is_not_mixed_up(
    paths: Paths, project: Path, settings: LakeSettings, bars: Make, tmp_path: Path
) -> None:
    other = Paths.at(tmp_path / "other")
    with Lake.open(other, settings=settings) as lake:
        write(lake, Write("raw.bars", bars(5, "TEST:OTHER").with_columns(close=None)), run_id="run-a", step="land")
    result = run_dbt(other, ["build"], {"note": "first"}, project=project, settings=settings)
    assert not result.success
    assert [(node.name, node.status, node.failures) for node in result.failed] == [
        ("not_null_means_mean_close", "fail", 1)
    ]
    with pytest.raises(DbtError, match="not_null_means_mean_close") as failed:
        result.require()
    assert failed.value.nodes == ("not_null_means_mean_close",)
    run_dbt(paths, ["run"], {"note": "first"}, project=project, settings=settings).require()
    with Lake.open(paths, settings=settings) as lake:
        assert lake.read("marts.means").height == 0


def test_a_project_that_does_not_parse_is_an_error(paths: Paths, own_project: Path, settings: LakeSettings) -> None:
    (own_project / "models" / "broken.sql").write_text("select * from {{ ref('nowhere') }}")
    with pytest.raises(DbtError, match="nowhere"):
        run_dbt(paths, ["build"], {"note": "first"}, project=own_project, settings=settings)
    with pytest.raises(DbtError, match="no dbt project"):
        run_dbt(paths, ["build"], project=own_project / "models", settings=settings)


@pytest.mark.parametrize("flag", ["--threads", "--threads=4", "--vars", "--project-dir", "--target-path"])
def test_threads_and_folders_cannot_be_chosen_by_the_caller(paths: Paths, project: Path, flag: str) -> None:
    with pytest.raises(DbtError, match="run_dbt sets it"):
        run_dbt(paths, ["build", flag, "4"], project=project)


def test_dbt_runs_on_one_thread_whatever_the_dbt_profile_says(
    paths: Paths, project: Path, settings: LakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[list[str]] = []

    class Stop(Exception):  # noqa: N818 - not an error, it only ends the call
        pass

    monkeypatch.setattr(dbt, "_manifest", lambda *_: None)

    def record(arguments: list[str], manifest: object = None) -> None:
        given.append(arguments)
        raise Stop

    monkeypatch.setattr(dbt, "_invoke", record)
    with pytest.raises(Stop):
        run_dbt(paths, ["build"], project=project, settings=settings)
    position = given[0].index("--threads")
    assert given[0][position + 1] == "1"
    assert "--no-send-anonymous-usage-stats" in given[0]
    assert "LAKEFOLIO_CATALOG" not in os.environ


def test_two_dbt_runs_exclude_each_other(
    paths: Paths, project: Path, settings: LakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dbt, "LOCK_SECONDS", 0.1)
    paths.locks.mkdir(parents=True)
    with FileLock(paths.table_lock(dbt.DBT_LOCK)), pytest.raises(LockHeldError, match="another dbt run"):
        run_dbt(paths, ["build"], project=project, settings=settings)


def test_a_parsed_project_serves_other_homes_and_processes(
    paths: Paths,
    own_project: Path,
    settings: LakeSettings,
    bars: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    invoke, parses = dbt._invoke, []

    def recorded(arguments: list[str], manifest: object = None) -> object:
        if arguments[0] == "parse":
            parses.append(arguments)
        return invoke(arguments, manifest)

    monkeypatch.setattr(dbt, "_invoke", recorded)
    for home, note in ((paths, "first"), (Paths.at(tmp_path / "other"), "first")):
        monkeypatch.setattr(dbt, "PARSED", ParsedProjects())  # as in a new process
        with Lake.open(home, settings=settings) as lake:
            write(lake, Write("raw.bars", bars(1)), run_id="run-a", step="land")
            run_dbt(home, ["run"], {"note": note}, project=own_project, settings=settings, lake=lake).require()
            assert lake.read("marts.means")["note"].to_list() == [note]
    assert len(parses) == 1


def test_a_view_with_the_same_text_is_not_created_again(
    paths: Paths, own_project: Path, settings: LakeSettings, bars: Make
) -> None:
    shutil.copytree(ROOT / "dbt_project" / "macros", own_project / "macros")
    text = MODELS["last_bars.sql"].replace("'view'", "'view_in_place'")
    (own_project / "models" / "last_bars.sql").write_text(text)

    def message() -> str:
        result = run_dbt(paths, ["run", "--select", "last_bars"], project=own_project, settings=settings).require()
        return result.nodes[0].message

    (own_project / "models" / "means.sql").unlink()
    (own_project / "models" / "schema.yml").write_text(MODELS["schema.yml"].split("models:")[0])
    assert message() != "UNCHANGED"
    assert message() == "UNCHANGED"
    (own_project / "models" / "last_bars.sql").write_text(text.replace("close from", "close * 2 as close from"))
    assert message() != "UNCHANGED"
    with Lake.open(paths, settings=settings) as lake:
        write(lake, Write("raw.bars", bars(1)), run_id="run-a", step="land")
        (held,) = lake.rows("select close from lake.marts.last_bars limit 1")
        (raw,) = lake.rows("select close from lake.raw.bars limit 1")
    assert held[0] == 2 * raw[0]
