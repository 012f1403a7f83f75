"""The first check of a run: there is something to run on."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakefolio.errors import UsageError
from lakefolio.runs.progress import Reporter
from lakefolio.runs.run import Run
from lakefolio.runs.start import RunRequest, new_run
from lakefolio.steps.setup import env_check
from lakehouse.paths import Paths


def run_on(root: Path, csv: str) -> Run:
    file = root / "prices.csv"
    file.write_text(csv, encoding="utf-8")
    return new_run(Paths.at(root / "home"), RunRequest("demo", source="files", path=str(file)), Reporter())


@pytest.mark.parametrize(
    ("csv", "message"),
    [
        ("symbol,date,price\nAMEX:SPY,2024-01-02,470\n", "columns found: date, price, symbol"),
        ("symbol,date,close\nAMEX:SPY,2999-01-02,470\n", "no instrument with a bar up to"),
    ],
)
def test_a_file_without_an_instrument_is_refused_before_anything_is_written(
    tmp_path: Path, csv: str, message: str
) -> None:
    run = run_on(tmp_path, csv)
    with pytest.raises(UsageError, match=message) as refusal:
        env_check(run)
    assert str(tmp_path / "prices.csv") in str(refusal.value)
    assert "Bars need symbol (VENUE:TICKER), date and close" in str(refusal.value)
    assert not (tmp_path / "home" / "data" / "lakehouse").exists()
