"""The guide's page about the envelope says what the code says."""

from __future__ import annotations

import datetime as dt
from dataclasses import fields
from pathlib import Path

import polars as pl
import pytest

from ingest.cli import main
from ingest.envelope_page import envelope_page, keep_page, uses
from ingest.errors import EnvelopePageError
from ingest.landing.envelope import ROW_COLUMNS, ROW_MEANINGS, Meta, ScanProvenance, envelope
from ingest.screening.scanners import load_scanners
from lakehouse.schema.tables import CONTRACTS

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "guide" / "envelope.md"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with a guide and one module of each kind."""
    (tmp_path / "docs" / "guide").mkdir(parents=True)
    for folder in ("ingest", "lakefolio", "tests"):
        (tmp_path / folder).mkdir()
    (tmp_path / "ingest" / "news.py").write_text(
        'def tell(paths):\n    """Write the news.\n\n    At length.\n    """\n    write_envelope(paths)\n',
        encoding="utf-8",
    )
    (tmp_path / "lakefolio" / "broom.py").write_text(
        "def sweep(paths):\n    paths.export_dir('a').rmdir()\n\n\ndef rest():\n    return 1\n", encoding="utf-8"
    )
    (tmp_path / "tests" / "test_news.py").write_text(
        "def test_the_news_are_read():\n    write_envelope(1)\n\n\ndef test_other(paths):\n    paths.export_dir('a')\n",
        encoding="utf-8",
    )
    return tmp_path


def test_the_page_is_what_the_code_says(configs: Path) -> None:
    assert PAGE.read_text(encoding="utf-8") == envelope_page(configs), "run `python -m ingest envelope --write`"


def test_every_scanner_is_on_the_page_with_its_direction(configs: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    scanners = load_scanners(configs)
    assert len(scanners) >= 28
    for scanner in scanners:
        assert page.count(f"\n| `{scanner.name}` | {scanner.direction} | {scanner.strategy} |") == 1
    assert "`lakefolio/steps/market_data.py`, `discovery`" in page.split("## Consumers")[0]
    assert "`lakefolio/cli/maintain_commands.py`, `clean`" in page.split("## Consumers")[1]


def test_what_is_written_has_the_declared_fields_and_types(configs: Path) -> None:
    scanner = load_scanners(configs, ["crypto_spot_trend_long"])[0]
    day = dt.date(2026, 1, 15)
    types = {"VARCHAR": pl.String, "DATE": pl.Date, "DOUBLE": pl.Float64, "BIGINT": pl.Int64, "TIMESTAMP": pl.Datetime}
    contract = CONTRACTS["raw.scans"].columns
    values = {"VARCHAR": "x", "DATE": day, "DOUBLE": 1.5, "BIGINT": 1, "TIMESTAMP": dt.datetime.combine(day, dt.time())}
    row = {column.name: values[column.type] for column in contract} | {"scanner": scanner.name}
    found = pl.DataFrame([row], schema={column.name: types[column.type] for column in contract})
    clock = dt.datetime.combine(day, dt.time())
    told = envelope(scanner, found, ScanProvenance("run-1", "sample", is_simulated=True, as_of=day, generated_at=clock))
    python_types = {"str": str, "int": int, "bool": bool, "str | None": str, "tuple[str, ...]": list}
    assert {name: type(value) for name, value in told["meta"].items()} == {
        one.name: python_types[str(one.type)] for one in fields(Meta)
    }
    json_types = {"VARCHAR": str, "DATE": str, "DOUBLE": float, "BIGINT": int}
    assert {name: type(value) for name, value in told["data"][0].items()} == {
        column.name: json_types[column.type] for column in ROW_COLUMNS
    }
    assert list(ROW_MEANINGS) == [column.name for column in ROW_COLUMNS]
    assert set(CONTRACTS["raw.scans"].names) - set(ROW_MEANINGS) == {"run_id", "scanner", "payload", "scanned_at"}


def test_writers_and_takers_are_found_by_what_they_call(checkout: Path) -> None:
    assert [(use.module, use.function, use.says, use.is_writer) for use in uses(checkout)] == [
        ("ingest/news.py", "tell", "Write the news", True),
        ("lakefolio/broom.py", "sweep", "sweep", False),
        ("tests/test_news.py", "test_the_news_are_read", "the news are read", False),
    ]


def test_a_page_that_was_written_passes_and_a_stale_one_is_refused(configs: Path, checkout: Path) -> None:
    with pytest.raises(EnvelopePageError, match=r"envelope\.md is stale: run `python -m ingest envelope --write`"):
        keep_page(configs, must_write=False, code=checkout)
    page = keep_page(configs, must_write=True, code=checkout)
    assert keep_page(configs, must_write=False, code=checkout) == page
    (checkout / "ingest" / "more.py").write_text("def more():\n    write_envelope()\n", encoding="utf-8")
    with pytest.raises(EnvelopePageError, match="stale"):
        keep_page(configs, must_write=False, code=checkout)


def test_without_a_guide_there_is_no_place_for_the_page(configs: Path, tmp_path: Path) -> None:
    with pytest.raises(EnvelopePageError, match="in a checkout"):
        keep_page(configs, must_write=True, code=tmp_path)


def test_the_command_checks_the_page_of_this_checkout(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["envelope", "--check", "--home", str(ROOT)]) == 0
    assert main(["envelope", "--home", str(ROOT)]) == 2
    assert "--write" in capsys.readouterr().err
