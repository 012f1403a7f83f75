from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from ingest.errors import NotATableError
from ingest.sources.bar_files import missing_columns, normalized, read_metadata, read_table, table_files

EMPTY = pl.DataFrame({"symbol": ["NYSE:A"], "date": ["2024-03-08"], "close": ["1"]})


def opened_at(*dates: object) -> list[dt.datetime | None]:
    frame = pl.DataFrame({"symbol": ["NYSE:A"] * len(dates), "date": list(dates), "close": [1.0] * len(dates)})
    return normalized(frame)["opened_at"].to_list()


def test_the_tables_of_a_folder_are_sorted_and_its_metadata_are_none_of_them(tmp_path: Path) -> None:
    for name in ("b.csv", "A.PARQUET", "c.txt", "symbols.csv"):
        (tmp_path / name).touch()
    assert [file.name for file in table_files(tmp_path)] == ["A.PARQUET", "b.csv"]
    assert table_files(tmp_path / "b.csv") == (tmp_path / "b.csv",)
    with pytest.raises(NotATableError, match=r"c\.txt is no table: give a \.parquet or \.csv file"):
        table_files(tmp_path / "c.txt")


def test_column_names_are_read_in_any_case_and_may_not_repeat(tmp_path: Path) -> None:
    file = tmp_path / "bars.csv"
    file.write_text(" Symbol ,DATE,Close\nNYSE:A,2024-03-08,1\n", encoding="utf-8")
    assert read_table(file).columns == ["symbol", "date", "close"]
    file.write_text("symbol,date,close,Close\nNYSE:A,2024-03-08,1,2\n", encoding="utf-8")
    with pytest.raises(NotATableError, match="two columns have the same name: close, close, date, symbol"):
        read_table(file)


@pytest.mark.parametrize(
    ("columns", "missing"),
    [
        (["symbol", "date", "close"], ()),
        (["symbol", "session_date", "close"], ()),
        (["symbol", "timestamp", "close"], ()),
        (["symbol", "close"], ("date",)),
        (["date", "open"], ("symbol", "close")),
    ],
)
def test_missing_columns_are_those_that_every_bar_needs(columns: list[str], missing: tuple[str, ...]) -> None:
    assert missing_columns(pl.DataFrame({name: ["x"] for name in columns})) == missing


def test_dates_are_utc_and_what_is_no_date_is_unknown() -> None:
    noon = dt.datetime.fromisoformat("2024-03-08T12:00")
    midnight = dt.datetime.fromisoformat("2024-03-08T00:00")
    texts = (" 2024-03-08 ", "2024-03-08 12:00:00", "2024-03-08T12:00:00.0", "2024-03-08T13:00:00+01:00",
             "2024-03-08T12:00:00Z", "08.03.2024", "2024-02-30", "")  # fmt: skip
    assert opened_at(*texts) == [midnight, noon, noon, noon, noon, None, None, None]
    assert opened_at(midnight.date()) == [midnight]
    assert opened_at(noon.replace(tzinfo=dt.UTC)) == [noon]
    assert opened_at(20240308) == [None]


def test_a_symbol_takes_its_venue_from_the_column_unless_it_has_one() -> None:
    frame = pl.DataFrame({"symbol": ["A", "NYSE:B", "C", " "], "venue": ["NASDAQ", "NASDAQ", " ", "NASDAQ"]})
    frame = frame.with_columns(pl.lit("2024-03-08").alias("date"), pl.lit("1").alias("close"))
    assert normalized(frame)["symbol"].to_list() == ["NASDAQ:A", "NYSE:B", "C", None]


def test_a_number_that_cannot_be_read_is_nan_and_an_empty_one_is_unknown() -> None:
    frame = pl.DataFrame({"close": [" 1.5 ", "1e3", "many", "", None, "inf"]}).with_columns(
        pl.lit("NYSE:A").alias("symbol"), pl.lit("2024-03-08").alias("date")
    )
    closes = normalized(frame)["close"]
    assert closes.is_nan().to_list() == [False, False, True, None, None, False]
    assert closes.fill_nan(-1.0).to_list() == [1.5, 1000.0, -1.0, None, None, float("inf")]
    whole = normalized(EMPTY.with_columns(pl.lit(3).alias("volume")))
    assert whole["volume"].to_list() == [3.0]
    assert whole.schema["volume"] == pl.Float64


def test_metadata_are_one_row_for_each_symbol_with_what_is_known_of_it(tmp_path: Path) -> None:
    assert read_metadata(tmp_path) is None
    (tmp_path / "symbols.csv").write_text(
        "symbol,venue,name,sector,quote_currency\nA,NYSE,,Technology,USD\nA,NYSE,Alpha,Energy,\n", encoding="utf-8"
    )
    for path in (tmp_path, tmp_path / "bars.csv"):
        rows = read_metadata(path)
        assert rows is not None
        assert rows.select("symbol", "name", "sector", "quote").rows() == [("NYSE:A", "Alpha", "Technology", "USD")]
    (tmp_path / "symbols.csv").write_text("name,sector\nAlpha,Energy\n", encoding="utf-8")
    with pytest.raises(NotATableError, match="column symbol is missing"):
        read_metadata(tmp_path)
