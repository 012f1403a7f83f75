from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from ingest.errors import NotATableError, ScanUnsupportedError, UnknownVenueError
from ingest.reference.calendars import as_of_clock
from ingest.reference.venues import Venues
from ingest.screening.scanners import load_scanner
from ingest.sources.files import FilesSource
from ingest.sources.protocol import BarBatch, BarRequest, Source

AS_OF = dt.date(2024, 3, 8)
HEADER = "symbol,venue,asset_class,date,open,high,low,close,volume\n"


def source_of(folder: Path, venues: Venues, **files: str) -> FilesSource:
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return FilesSource(folder, venues)


def requested(source: FilesSource, *symbols: str, first: dt.date | None = None) -> BarBatch:
    known = symbols or tuple(source.instruments(as_of=AS_OF)["symbol"])
    request = BarRequest(known, first, AS_OF, as_of_clock(AS_OF), dt.datetime.fromisoformat("2024-06-01"))
    (batch,) = source.bars(request)
    return batch


def test_the_source_keeps_the_protocol(tmp_path: Path, venues: Venues, configs: Path) -> None:
    source = FilesSource(tmp_path, venues)
    assert isinstance(source, Source)
    with pytest.raises(ScanUnsupportedError, match="scanned from its bars"):
        source.scan(load_scanner(configs, "equity_trend_long"), as_of=AS_OF)


def test_a_csv_becomes_symbols_of_venue_and_ticker(tmp_path: Path, venues: Venues) -> None:
    text = (
        HEADER
        + "AAPL,NASDAQ,equity,2024-03-07,1,2,0.5,1.5,10\nBTCUSDT.P,BINANCE_USDM,crypto_perp,2024-03-07,1,2,1,2,3\n"
    )
    source = source_of(tmp_path, venues, bars=text)
    result = source.instruments(as_of=AS_OF)
    assert result["symbol"].to_list() == ["BINANCE_USDM:BTCUSDT.P", "NASDAQ:AAPL"]
    assert result.select("asset_class", "product", "base", "quote", "currency", "country").rows() == [
        ("crypto", "perp", "BTC", "USDT", "USDT", None),
        ("equity", "cash", None, None, "USD", "US"),
    ]
    batch = requested(source)
    assert batch.bars.sort("symbol").select("open", "high", "low", "close", "volume", "session_date").rows() == [
        (1.0, 2.0, 1.0, 2.0, 3.0, dt.date(2024, 3, 7)),
        (1.0, 2.0, 0.5, 1.5, 10.0, dt.date(2024, 3, 7)),
    ]
    assert batch.refused.is_empty()


def test_a_pair_that_reads_in_two_ways_is_not_cut_here(tmp_path: Path, venues: Venues) -> None:
    head = "symbol,venue,asset_class,date,open,high,low,close,volume,currency\n"
    pairs = (
        "BNBUSD,YAHOO_CCC", "BTCB-USD,YAHOO_CCC", "DOTUSD,YAHOO_CCC", "XXBTZUSD,KRAKEN", "ETHBTC,BINANCE", "SOLUSD,COINBASE"
    )  # fmt: skip
    rows = "".join(f"{pair},crypto,2024-03-07,1,2,0.5,1.5,10,{'BTC' if 'ETH' in pair else ''}\n" for pair in pairs)
    result = source_of(tmp_path, venues, bars=head + rows).instruments(as_of=AS_OF)
    assert {ticker: (base, quote) for ticker, base, quote in result.select("ticker", "base", "quote").rows()} == {
        "BNBUSD": (None, None),
        "BTCB-USD": (None, None),
        "DOTUSD": (None, None),
        "XXBTZUSD": (None, None),
        "ETHBTC": (None, "BTC"),
        "SOLUSD": ("SOL", "USD"),
    }


def test_csv_and_parquet_with_a_timestamp_say_the_same(tmp_path: Path, venues: Venues) -> None:
    frame = pl.DataFrame(
        {
            "Symbol": ["FX_IDC:EURUSD"] * 3,
            "Timestamp": [
                dt.datetime.fromisoformat("2024-03-03T22:00"),
                dt.datetime.fromisoformat("2024-03-04T22:00"),
                dt.datetime.fromisoformat("2024-03-05T22:00"),
            ],
            "Close": [1.08, 1.09, 1.1],
        }
    )
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    frame.write_csv(tmp_path / "a" / "bars.csv")
    frame.with_columns(
        pl.col("Timestamp").dt.replace_time_zone("UTC").dt.convert_time_zone("America/New_York")
    ).write_parquet(tmp_path / "b" / "bars.parquet")
    from_csv, from_parquet = (requested(FilesSource(tmp_path / name, venues)).bars for name in "ab")
    assert from_csv.equals(from_parquet)
    assert from_csv["session_date"].to_list() == [dt.date(2024, 3, 4), dt.date(2024, 3, 5), dt.date(2024, 3, 6)]


def test_a_series_without_open_high_low_is_close_only(tmp_path: Path, venues: Venues) -> None:
    source = source_of(
        tmp_path, venues, bars="symbol,date,close\nECB:EURUSD,2024-03-07,1.09\nECB:EURUSD,2024-03-08,1.1\n"
    )
    assert source.instruments(as_of=AS_OF)["is_close_only"].to_list() == [True]
    assert requested(source).bars["open"].null_count() == 2


def test_metadata_beside_the_bars_fill_missing_fields(tmp_path: Path, venues: Venues) -> None:
    bars = "symbol,venue,date,close,name\nAAPL,NASDAQ,2024-03-07,1,\nMSFT,NASDAQ,2024-03-07,1,Given\n"
    listed = (
        "symbol,venue,name,sector,industry,quote_currency\n"
        "AAPL,NASDAQ,Apple,Technology,Hardware,USD\nMSFT,NASDAQ,Other,Technology,Software,USD\n"
    )
    result = source_of(tmp_path, venues, bars=bars, symbols=listed).instruments(as_of=AS_OF)
    assert result.select("symbol", "name", "sector", "industry").rows() == [
        ("NASDAQ:AAPL", "Apple", "Technology", "Hardware"),
        ("NASDAQ:MSFT", "Given", "Technology", "Software"),
    ]


def test_instruments_are_those_known_at_the_as_of(tmp_path: Path, venues: Venues) -> None:
    text = "symbol,date,close\nNASDAQ:OLD,2024-03-07,1\nNASDAQ:NEW,2024-03-11,1\n"
    source = source_of(tmp_path, venues, bars=text)
    assert source.instruments(as_of=AS_OF)["symbol"].to_list() == ["NASDAQ:OLD"]
    assert source.instruments(as_of=dt.date(2024, 3, 11)).height == 2


def test_a_file_without_a_required_column_is_refused_row_by_row(tmp_path: Path, venues: Venues) -> None:
    good = "symbol,date,close\nNASDAQ:GOOD,2024-03-07,1\n"
    no_close = "symbol,date,open\nNASDAQ:BAD,2024-03-07,1\nNASDAQ:BAD,2024-03-08,1\n"
    no_symbol = "date,close\n2024-03-07,1\n"
    batch = requested(source_of(tmp_path, venues, a_good=good, b_no_close=no_close, c_no_symbol=no_symbol))
    assert batch.bars["symbol"].to_list() == ["NASDAQ:GOOD"]
    assert batch.refused.select("symbol", "reason").rows() == [
        ("NASDAQ:BAD", "missing_column"),
        ("NASDAQ:BAD", "missing_column"),
        ("FILES:UNKNOWN", "missing_column"),
    ]
    assert batch.refused["detail"][0] == "b_no_close.csv has no column close"


def test_bad_symbols_and_unknown_classes_are_refused_and_the_rest_continues(tmp_path: Path, venues: Venues) -> None:
    rows = "../../etc,NASDAQ,equity,2024-03-07,,,,1,\nX,,equity,2024-03-07,,,,1,\nY,NASDAQ,spaceship,2024-03-07,,,,1,\n"
    batch = requested(source_of(tmp_path, venues, bars=HEADER + rows + "AAPL,NASDAQ,equity,2024-03-07,,,,1,\n"))
    assert batch.bars["symbol"].to_list() == ["NASDAQ:AAPL"]
    assert set(batch.refused["reason"]) == {"bad_symbol"}
    assert batch.refused["symbol"].to_list() == ["NASDAQ:../../etc", "X", "NASDAQ:Y"]


def test_a_number_that_cannot_be_read_is_not_taken_for_a_missing_one(tmp_path: Path, venues: Venues) -> None:
    text = HEADER + "AAPL,NASDAQ,equity,2024-03-07,,,,1.5,many\nAAPL,NASDAQ,equity,2024-03-08,,,,1.5,\n"
    volumes = requested(source_of(tmp_path, venues, bars=text)).bars.sort("session_date")["volume"]
    assert volumes.is_nan().to_list() == [True, None]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("noise.parquet", b"PAR1 this is not a table", "no table"),
        ("noise.csv", b"\x00\xff\xfe\x00garbage", "no table"),
        ("prose.csv", b"once upon a time\nthere was a file\n", "none of symbol, date, close"),
        ("empty.csv", b"", "no table"),
        ("note.txt", b"symbol,date,close\n", "no table"),
        ("twice.csv", b"symbol,Close,close\nX,1,2\n", "two columns"),
    ],
)
def test_what_is_no_table_is_an_error(tmp_path: Path, venues: Venues, name: str, content: bytes, message: str) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(NotATableError, match=message) as caught:
        FilesSource(file, venues).instruments(as_of=AS_OF)
    assert name in str(caught.value)


def test_a_path_without_tables_is_an_error(tmp_path: Path, venues: Venues) -> None:
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(NotATableError, match=path.name):
            FilesSource(path, venues).instruments(as_of=AS_OF)


def test_an_unknown_venue_stops_the_source(tmp_path: Path, venues: Venues) -> None:
    source = source_of(tmp_path, venues, bars="symbol,date,close\nNASDQA:AAPL,2024-03-07,1\n")
    with pytest.raises(UnknownVenueError, match="did you mean 'NASDAQ'"):
        source.instruments(as_of=AS_OF)


def test_rows_without_a_readable_date_and_symbols_of_the_future_are_refused(tmp_path: Path, venues: Venues) -> None:
    text = "symbol,date,close\nNASDAQ:A,2024-03-07,1\nNASDAQ:B,07.03.2024,1\nNASDAQ:C,2099-01-05,1\nNASDAQ:D,,1\n"
    batch = requested(source_of(tmp_path, venues, bars=text))
    assert batch.bars["symbol"].to_list() == ["NASDAQ:A"]
    assert sorted(batch.refused.select("symbol", "reason").rows()) == [
        ("NASDAQ:B", "missing_column"),
        ("NASDAQ:C", "future_session"),
        ("NASDAQ:D", "missing_column"),
    ]


def test_only_requested_and_future_bars_are_returned(tmp_path: Path, venues: Venues) -> None:
    days = ("2024-03-05", "2024-03-07", "2024-03-11", "2099-01-05")
    text = "symbol,date,close\n" + "".join(f"NASDAQ:{one},{day},1\n" for one in ("A", "B") for day in days)
    batch = requested(source_of(tmp_path, venues, bars=text), "NASDAQ:A", "NASDAQ:Z", first=dt.date(2024, 3, 6))
    assert [str(day) for day in batch.bars["session_date"]] == ["2024-03-07", "2099-01-05"]
    assert set(batch.bars["symbol"]) == {"NASDAQ:A"}
    assert batch.failures == {"NASDAQ:Z": "the files have no such symbol"}
