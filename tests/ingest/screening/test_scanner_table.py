from __future__ import annotations

from pathlib import Path

import pytest

from ingest.errors import ScannerConfigError
from ingest.screening.scanner_table import COLUMNS, read_table
from ingest.screening.scanners import load_scanner, load_scanners, scanner_names

HEADER = ",".join(COLUMNS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Layers for a table: two markets, overrides, and two presets."""
    for name, text in {
        "base/equity": "asset_classes: [equity]\nvalue_traded_min_usd: 5.0",
        "base/on_nyse": "venues: [NYSE]",
        "base/quiet": "thresholds: {perf_1m_min_pct: 0.25}",
        "presets/trend": "strategy: trend_momentum\nthresholds: {perf_1m_min_pct: 0.5, perf_3m_min_pct: 1.0}",
        "presets/price_momentum": "strategy: price_momentum",
    }.items():
        file = tmp_path / f"{name}.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text + "\n", encoding="utf-8")
    return tmp_path


def write(folder: Path, *rows: str, header: str = HEADER) -> None:
    (folder / "scanners.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")


def test_a_row_gives_a_scanner_for_each_strategy_and_direction(folder: Path) -> None:
    write(folder, "nyse,equity on_nyse,trend price_momentum,,long short,New York")
    assert scanner_names(folder) == (
        "nyse_price_momentum_long",
        "nyse_price_momentum_short",
        "nyse_trend_long",
        "nyse_trend_short",
    )
    scanner = load_scanner(folder, "nyse_trend_short")
    assert (scanner.direction, scanner.strategy, scanner.venues) == ("SHORT", "trend_momentum", ("NYSE",))
    assert (scanner.asset_classes, scanner.value_traded_min_usd) == (("equity",), 5.0)
    assert scanner.title == "New York, trend momentum, short"


def test_overrides_stand_over_the_preset(folder: Path) -> None:
    write(folder, "calm,equity,trend,quiet,long,Calm", "plain,equity,trend,,long,Plain")
    assert load_scanner(folder, "calm_trend_long").thresholds == {"perf_1m_min_pct": 0.25, "perf_3m_min_pct": 1.0}
    assert load_scanner(folder, "plain_trend_long").thresholds == {"perf_1m_min_pct": 0.5, "perf_3m_min_pct": 1.0}


def test_two_rows_may_share_a_name_when_their_strategies_differ(folder: Path) -> None:
    write(folder, "calm,equity,trend,quiet,long,Calm", "calm,equity,price_momentum,,long,Calm")
    assert scanner_names(folder) == ("calm_price_momentum_long", "calm_trend_long")


def test_blank_lines_spaces_quotes_and_a_byte_order_mark_are_read(folder: Path) -> None:
    row = 'nyse, equity  on_nyse ,trend,,long,"New York, main"'
    (folder / "scanners.csv").write_bytes(b"\xef\xbb\xbf" + f"{HEADER}\r\n\r\n{row}\r\n".encode())
    assert load_scanner(folder, "nyse_trend_long").title == "New York, main, trend momentum, long"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("a,equty,trend,,long,A", "line 2 (a), column market: unknown word 'equty': did you mean 'equity'?"),
        ("a,equity,trnd,,long,A", "line 2 (a), column strategies: unknown word 'trnd': did you mean 'trend'?"),
        ("a,equity,trend,quite,long,A", "line 2 (a), column overrides: unknown word 'quite': did you mean 'quiet'?"),
        ("a,equity,trend,,lnog,A", "line 2 (a), column directions: unknown word 'lnog': did you mean 'long'?"),
        ("a,equity,trend,,LONG,A", "line 2 (a), column directions: unknown word 'LONG': valid: long, short"),
        ("a,equity,trend,,long long,A", "line 2 (a), column directions: 'long' is given twice: keep one of them"),
        ("a,,trend,,long,A", "line 2 (a), column market: the cell is empty: fill it; only overrides may be empty"),
        ("a,equity,,,long,A", "line 2 (a), column strategies: the cell is empty"),
        ("a,equity,trend,,,A", "line 2 (a), column directions: the cell is empty"),
        ("a,equity,trend,,long,", "line 2 (a), column title: the cell is empty"),
        ("A-b,equity,trend,,long,A", "line 2 (A-b), column name: 'A-b_trend_long' is not a valid name of a scanner"),
        (",equity,trend,,long,A", "line 2 (), column name: the cell is empty"),
        ("a,equity,trend,,long,A,B", "line 2 (a): 7 cells where the header has 6: put a title with a comma"),
        ("a,equity,trend,long,A", "line 2 (a): 5 cells where the header has 6"),
        ('a,equity,trend,,long,"A', "line 2: not readable as CSV"),
    ],
)
def test_a_bad_cell_is_refused_with_row_column_and_the_nearest_word(folder: Path, row: str, expected: str) -> None:
    write(folder, row)
    for load in (scanner_names, load_scanners):
        with pytest.raises(ScannerConfigError) as caught:
            load(folder)
        assert str(caught.value).startswith(f"{folder / 'scanners.csv'}: {expected}")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("name,market,stratgies,overrides,directions,title", "unknown column 'stratgies': did you mean 'strategies'?"),
        ("name,market,strategies,overrides,title", "column 'directions' is missing"),
        (f"{HEADER},name", "column 'name' is given twice"),
        ("", "column 'name' is missing"),
    ],
)
def test_a_header_with_other_columns_is_refused(folder: Path, header: str, expected: str) -> None:
    write(folder, "a,equity,trend,,long,A", header=header)
    with pytest.raises(ScannerConfigError) as caught:
        load_scanners(folder)
    assert str(caught.value).startswith(f"{folder / 'scanners.csv'}: line 1: {expected}")


def test_a_file_that_is_no_text_is_refused_with_its_line(folder: Path) -> None:
    (folder / "scanners.csv").write_bytes(f"{HEADER}\na,equity,trend,,long,".encode() + b"\xff\n")
    with pytest.raises(ScannerConfigError, match="line 2: not readable as text: save the file as UTF-8"):
        load_scanners(folder)


def test_all_problems_of_a_table_are_found_at_once_and_its_good_rows_are_kept(folder: Path) -> None:
    write(folder, "a,equity,trend,,long,A", "b,equty,trnd,,long,B", "a,equity,trend,,long,Again")
    table = read_table(folder)
    assert [one.where for one in table.problems] == [
        "line 3 (b), column market",
        "line 3 (b), column strategies",
        "line 4 (a), column name",
    ]
    assert table.problems[2].message == "scanner 'a_trend_long' has another row already"
    assert set(table.layers) == {"scanners/a_trend_long"}


def test_a_file_may_extend_a_scanner_of_the_table(folder: Path) -> None:
    write(folder, "a,equity,trend,,long,A")
    (folder / "scanners").mkdir()
    settings = "extends: [scanners/a_trend_long]\ntitle: Few\nlimit: 5\n"
    (folder / "scanners" / "few_trend_long.yaml").write_text(settings, encoding="utf-8")
    scanner = load_scanner(folder, "few_trend_long")
    assert (scanner.title, scanner.limit, scanner.direction, scanner.value_traded_min_usd) == ("Few", 5, "LONG", 5.0)


def test_a_name_in_the_table_and_in_a_file_is_refused_and_the_others_load(folder: Path) -> None:
    write(folder, "a,equity,trend,,long short,A")
    (folder / "scanners").mkdir()
    file = folder / "scanners" / "a_trend_long.yaml"
    file.write_text("extends: [base/equity, presets/trend]\ndirection: LONG\ntitle: Mine\n", encoding="utf-8")
    assert scanner_names(folder) == ("a_trend_long", "a_trend_short")
    assert load_scanner(folder, "a_trend_short").title == "A, trend momentum, short"
    with pytest.raises(ScannerConfigError) as caught:
        load_scanner(folder, "a_trend_long")
    assert str(caught.value) == (
        f"{file}: {folder / 'scanners.csv'}: line 2 (a) defines the same scanner: "
        "rename the file, or take the scanner out of the table"
    )


def test_the_shipped_table_gives_a_hundred_scanners_in_pairs_of_directions(configs: Path) -> None:
    table = read_table(configs)
    assert table.problems == ()
    assert len(table.layers) == 100
    shorts = {name.removesuffix("_short") for name in table.layers if name.endswith("_short")}
    assert {name.removesuffix("_long") for name in table.layers if name.endswith("_long")} == shorts
    bond, fx = (load_scanner(configs, name) for name in ("etf_bond_trend_short", "fx_multi_timeframe_long"))
    assert bond.thresholds == {
        "adx_min": 15.0,
        "recommend_all_min": 0.1,
        "perf_w_min_pct": 0.0,
        "perf_1m_min_pct": 0.25,
        "perf_3m_min_pct": 0.5,
    }
    assert [(one.left, one.right) for one in bond.filters] == [("fund_class", "fixed_income")]
    assert bond.columns == ("change", "perf_6m", "sma50", "sma200", "plus_di", "minus_di", "macd")
    assert (fx.thresholds, fx.title) == ({}, "Currency pairs, weekly trend confirmed daily, long")
