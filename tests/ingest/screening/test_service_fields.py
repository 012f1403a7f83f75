"""Fields of the scanners against a copy of the service's list of fields, where there is one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from ingest.reference.venues import Venues
from ingest.screening.scanners import load_scanners
from ingest.screening.service_fields import CODES, FIELDS, UNLISTED, is_country, lacking, markets_of, venues_of
from ingest.screening.service_query import build_query

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def catalogue() -> dict[str, dict[str, Any]]:
    """Allowed values by field, by group of markets."""
    data = Path(os.environ.get("LAKEFOLIO_REAL_DATA", ROOT.parent / "shared" / "data"))
    folder = data / "scanner" / "metainfo"
    if not folder.is_dir():
        pytest.skip(f"no field catalogue at {folder}: set LAKEFOLIO_REAL_DATA to the folder that holds scanner/")
    result = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.json"))}
    return {name: {one["n"]: one["r"] for one in fields} for name, fields in result.items()}


def test_every_field_of_every_payload_is_listed(
    catalogue: dict[str, dict[str, Any]], configs: Path, venues: Venues
) -> None:
    blind = set()
    for scanner in load_scanners(configs):
        for asset_class in scanner.asset_classes:
            names = venues_of(scanner, asset_class, venues)
            for market in markets_of(asset_class, names, venues, ("US",)):
                known = frozenset(catalogue["stocks" if is_country(market) else market])
                query = build_query(scanner, market, asset_class, names, known)
                assert {lacking(column, market) for column in query.missing} <= {True}, (scanner.name, query.missing)
                if query.missing:
                    blind.add(scanner.name)
                    continue
                requested = {*query.columns, *(one.left for one in query.filters)}
                assert requested - known <= UNLISTED, scanner.name
    assert {name.split("_")[0] for name in blind} == {"bond"}


def test_what_markets_lack_is_what_their_catalogues_lack(catalogue: dict[str, dict[str, Any]]) -> None:
    for market in ("crypto", "forex", "futures", "cfd", "bond"):
        for column in ("adx", "rsi", "recommend_all", "perf_w", "stoch_k"):
            assert lacking(column, market) == (FIELDS[column] not in catalogue[market]), (market, column)
        assert lacking("rsi|1W", market) == ("RSI|1W" not in catalogue[market])


def test_words_are_values_that_the_service_has(catalogue: dict[str, dict[str, Any]]) -> None:
    stocks = catalogue["stocks"]
    for column, codes in CODES.items():
        assert set(codes.values()) <= set(stocks[FIELDS[column]]), column
    assert {"Metals", "Indexes"} <= set(catalogue["futures"]["sector"])
