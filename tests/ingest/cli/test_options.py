from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import typer

from ingest.cli.command_line import CommandLineError
from ingest.cli.options import (
    check_source,
    one_of,
    paths_of,
    read_date,
    read_home,
    read_run_id,
    symbols_of,
    text_of,
    whole_number,
)


def test_a_date_lies_between_1970_and_tomorrow() -> None:
    today = datetime.now(UTC).date()
    assert read_date("1970-01-01") == date(1970, 1, 1)
    assert read_date(today.isoformat()) == today
    with pytest.raises(typer.BadParameter, match="'1969-12-31' is before 1970-01-01"):
        read_date("1969-12-31")
    with pytest.raises(typer.BadParameter, match="is in the future"):
        read_date((today + timedelta(days=3)).isoformat())


@pytest.mark.parametrize("text", ["20240308", "2024-3-8", "2024-02-30", "", "today"])
def test_another_form_of_a_date_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="is not a date YYYY-MM-DD"):
        read_date(text)


def test_a_whole_number_keeps_its_limits() -> None:
    read = whole_number(minimum=1, maximum=10)
    assert [read("1"), read("10"), read(5)] == [1, 10, 5]
    for text in ("0", "11", "9" * 40):
        with pytest.raises(typer.BadParameter, match="is not between 1 and 10"):
            read(text)
    for text in ("1.5", "ten", ""):
        with pytest.raises(typer.BadParameter, match="is not a whole number"):
            read(text)


def test_a_word_that_is_none_of_the_valid_ones_names_the_nearest_or_all() -> None:
    read = one_of("interval", lambda: ("1d", "1W", "1M"))
    assert read("1W") == "1W"
    with pytest.raises(typer.BadParameter, match=r"'1w' is no interval; did you mean '1W'\?"):
        read("1w")
    with pytest.raises(typer.BadParameter, match="give one of 1d, 1W, 1M"):
        read("yearly")


def test_empty_text_a_file_as_home_and_a_run_id_with_a_path_are_refused(tmp_path: Path) -> None:
    assert text_of("profile", hint="name one")("demo") == "demo"
    with pytest.raises(typer.BadParameter, match="' ' is no profile; name one"):
        text_of("profile", hint="name one")(" ")
    file = tmp_path / "file"
    file.touch()
    assert read_home(str(tmp_path)) == tmp_path
    with pytest.raises(typer.BadParameter, match="is a file"):
        read_home(str(file))
    with pytest.raises(CommandLineError, match="is a file; name a folder"):
        paths_of(file)
    assert read_run_id("demo-1") == "demo-1"
    with pytest.raises(typer.BadParameter, match=r"'\.\./x' is no run id"):
        read_run_id("../x")


def test_symbols_are_separated_by_commas_and_checked() -> None:
    assert symbols_of(None) is None
    assert symbols_of("NYSE:A, NYSE:B") == ("NYSE:A", "NYSE:B")
    for text in ("", "NYSE:A,", "NYSE", "NYSE:A,../x"):
        with pytest.raises(CommandLineError, match="--symbols: "):
            symbols_of(text)


def test_a_path_belongs_to_files_and_holds_tables(tmp_path: Path) -> None:
    check_source("sample", None)
    with pytest.raises(CommandLineError, match="--source files needs --path"):
        check_source("files", None)
    with pytest.raises(CommandLineError, match="belongs to --source files, not to --source yahoo"):
        check_source("yahoo", "bars.csv")
    with pytest.raises(CommandLineError, match="no such file or folder"):
        check_source("files", str(tmp_path / "absent"))
    with pytest.raises(CommandLineError, match=r"holds no \.parquet or \.csv file"):
        check_source("files", str(tmp_path))
    (tmp_path / "bars.csv").touch()
    check_source("files", str(tmp_path))
