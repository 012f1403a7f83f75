"""Ids are checked before they become part of a path, and no path leaves its folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.errors import PathRefusedError
from lakehouse.paths import Paths, check_file_name, check_run_id, check_scanner_name, check_symbol, inside


@pytest.mark.parametrize(
    "symbol",
    ["NASDAQ:AAPL", "BINANCE:BTCUSDT.P", "AMEX:BRK.B", "CBOE:^VIX", "CME:ES1!", "YAHOO_FX:EURUSD=X", "A:M&M-N_1"],
)
def test_symbols_of_real_venues_pass(symbol: str) -> None:
    assert check_symbol(symbol) == symbol


@pytest.mark.parametrize(
    "symbol",
    ["AAPL", "nasdaq:AAPL", "NASDAQ:", ":AAPL", "NASDAQ:../AAPL", "NASDAQ:A..B", "A/B:C", "NASDAQ:A/B", "NASDAQ:AAPL\n",
     "NASDAQ:A B", "NASDAQ:A\x00", "NASDAQ:.A", "X" * 25 + ":A", "X:" + "A" * 41, "NASDAQ:aapl", ""],
)  # fmt: skip
def test_symbols_of_another_form_are_refused(symbol: str) -> None:
    with pytest.raises(PathRefusedError, match="symbol"):
        check_symbol(symbol)


@pytest.mark.parametrize(
    "run_id", ["../etc", "a", "Run-1", "run/1", "run 1", "-run", "run\n", "x" * 65, "run..1", ".run", ""]
)
def test_run_ids_of_another_form_never_become_a_path(tmp_path: Path, run_id: str) -> None:
    paths = Paths.at(tmp_path)
    for make in (check_run_id, paths.run_dir, paths.export_dir, paths.run_file):
        with pytest.raises(PathRefusedError, match="run id"):
            make(run_id)


@given(st.text(max_size=30))
def test_whatever_passes_as_a_run_id_lies_directly_below_the_runs(text: str) -> None:
    paths = Paths.at("/nowhere/home")
    try:
        folder = paths.run_dir(text)
    except PathRefusedError:
        return
    assert folder.parent == Path("/nowhere/home/artifacts/summaries/runs")


@pytest.mark.parametrize("name", ["..", ".hidden", "a/b", "", "a\x00b", "a..b", "/etc/passwd"])
def test_file_names_are_bare(name: str) -> None:
    with pytest.raises(PathRefusedError):
        check_file_name(name)


@pytest.mark.parametrize("name", ["../x", "A", "x.y", ""])
def test_scanner_names_of_another_form_are_refused(name: str) -> None:
    with pytest.raises(PathRefusedError, match="scanner"):
        check_scanner_name(name)


def test_a_link_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.mkdir()
    (base / "out").symlink_to(tmp_path)
    with pytest.raises(PathRefusedError, match="is not inside"):
        inside(base, "out", "secret")
    with pytest.raises(PathRefusedError):
        inside(base, "..", "base")
    assert inside(base, "a", "b") == base.resolve() / "a" / "b"


def test_by_default_everything_is_below_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "CATALOG", "DATA", "EXTENSIONS"):
        monkeypatch.delenv(f"LAKEFOLIO_{name}", raising=False)
    monkeypatch.chdir(tmp_path)
    paths = Paths.at()
    assert paths.root == tmp_path.resolve()
    assert paths.catalog == f"sqlite:{paths.root}/data/lakehouse/catalog.sqlite"
    assert paths.data == f"{paths.root}/data/lakehouse/files"
    assert paths.extensions == paths.root / "data" / "extensions"
    monkeypatch.setenv("LAKEFOLIO_HOME", str(tmp_path / "other"))
    assert Paths.at().root == (tmp_path / "other").resolve()


def test_the_environment_moves_catalog_and_data_and_describes_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKEFOLIO_CATALOG", "ducklake:postgres:dbname=lake host=db")
    monkeypatch.setenv("LAKEFOLIO_DATA", "s3://bucket/lake")
    paths = Paths.at(tmp_path)
    assert (paths.catalog, paths.catalog_kind, paths.catalog_file) == ("postgres:dbname=lake host=db", "postgres", None)
    assert (paths.data, paths.data_dir) == ("s3://bucket/lake", None)
    monkeypatch.setenv("LAKEFOLIO_CATALOG", "sqlite:elsewhere/c.sqlite")
    monkeypatch.setenv("LAKEFOLIO_DATA", "files")
    paths = Paths.at(tmp_path)
    assert paths.catalog_file == tmp_path.resolve() / "elsewhere" / "c.sqlite"
    for name, value in paths.environment().items():
        monkeypatch.setenv(name, value)
    assert Paths.at() == paths


def test_a_catalog_of_an_unknown_kind_is_refused_without_repeating_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKEFOLIO_CATALOG", "mysql:password=hunter2")
    with pytest.raises(PathRefusedError, match="mysql") as refused:
        Paths.at(tmp_path)
    assert "hunter2" not in str(refused.value)


def test_an_export_is_named_after_its_scanner(tmp_path: Path) -> None:
    assert Paths.at(tmp_path).export_file("run-1", "equity_trend_long") == (
        tmp_path.resolve() / "export" / "run-1" / "universe_selector_equity_trend_long.json"
    )
