from __future__ import annotations

import copy
import dataclasses
import datetime as dt
import json
import math
import types
import typing
from pathlib import Path
from typing import Any

import jsonschema
import polars as pl
import pytest

from ingest.errors import ScannerInputError
from ingest.landing.envelope import (
    ROW_COLUMNS,
    SCHEMA,
    SCHEMA_FILE,
    VERSION,
    EnvelopeMeta,
    ScanOrigin,
    envelope,
    write_envelope,
)
from ingest.screening.predicates import scan_from_columns
from ingest.screening.scanners import Scanner, load_scanners
from lakehouse.paths import Paths

DAY, AT = dt.date(2024, 3, 8), dt.datetime.fromisoformat("2024-03-09T00:10")
ORIGIN = ScanOrigin("run-1", "sample", is_simulated=True, as_of=DAY, generated_at=AT)
JSON_TYPES = {str: "string", int: "integer", bool: "boolean", tuple[str, ...]: "array", types.NoneType: "null"}
JSON_TYPES_OF_COLUMNS = {"VARCHAR": "string", "DATE": "string", "BIGINT": "integer", "DOUBLE": "number"}


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(document)
    return document


def scanner(name: str = "mine") -> Scanner:
    return Scanner(name=name, title="Mine", strategy="trend_momentum", direction="LONG", asset_classes=("equity",))


def rows_of(of: Scanner, *symbols: str, **values: float) -> pl.DataFrame:
    """Rows of `raw.scans` for instruments that pass the trend rules."""
    passing = {"adx": 25.0, "recommend_all": 0.4, "perf_w": 1.0, "perf_1m": 2.0, "perf_3m": 4.0}
    described = {"session_date": DAY, "asset_class": "equity", "product": "cash", "close": 10.0, "volume": 1e6}
    columns = pl.DataFrame(
        [
            {"symbol": symbol, "venue": symbol.split(":")[0], "value_traded_usd": 1e7 + at, **described, **passing}
            | values
            for at, symbol in enumerate(symbols)
        ]
    )
    return scan_from_columns(of, columns, source="sample", run_id="run-1", scanned_at=AT)


def types_of(properties: dict[str, Any]) -> dict[str, set[str]]:
    """JSON types of every property; a constant has the type of its value."""
    found = {}
    for name, described in properties.items():
        kinds = described["type"] if "const" not in described else JSON_TYPES[type(described["const"])]
        found[name] = {kinds} if isinstance(kinds, str) else set(kinds)
    return found


def test_the_schema_has_the_fields_of_meta_in_their_order_and_with_their_types(schema: dict[str, Any]) -> None:
    declared = schema["properties"]["meta"]
    hints = typing.get_type_hints(EnvelopeMeta)
    expected = {
        field.name: {JSON_TYPES[kind] for kind in typing.get_args(hints[field.name]) if kind in JSON_TYPES}
        if isinstance(hints[field.name], types.UnionType)
        else {JSON_TYPES[hints[field.name]]}
        for field in dataclasses.fields(EnvelopeMeta)
    }
    assert types_of(declared["properties"]) == expected
    assert list(declared["properties"]) == list(expected) == declared["required"]
    assert declared["properties"]["schema"]["const"] == SCHEMA
    assert declared["properties"]["version"]["const"] == VERSION


def test_the_schema_has_the_columns_of_a_row_in_their_order_and_with_their_types(schema: dict[str, Any]) -> None:
    declared = schema["properties"]["data"]["items"]
    expected = {
        column.name: {JSON_TYPES_OF_COLUMNS[column.type], *(["null"] if column.nullable else [])}
        for column in ROW_COLUMNS
    }
    assert types_of(declared["properties"]) == expected
    assert list(declared["properties"]) == list(expected) == declared["required"]


def test_every_field_is_described(schema: dict[str, Any]) -> None:
    for declared in (schema["properties"]["meta"], schema["properties"]["data"]["items"]):
        for name, described in declared["properties"].items():
            assert described["description"].endswith("."), name


def test_a_written_envelope_is_valid(tmp_path: Path, schema: dict[str, Any]) -> None:
    found = rows_of(scanner(), "NYSE:A", "NASDAQ:B", volume=math.inf)
    file = write_envelope(Paths.at(tmp_path), scanner(), found, ORIGIN)
    assert file.relative_to(tmp_path).as_posix() == "export/run-1/universe_selector_mine.json"
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    document = json.loads(file.read_text(encoding="utf-8"), parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
    jsonschema.validate(document, schema)
    assert document["meta"] == {
        "schema": "lakefolio.universe",
        "version": 1,
        "run": "run-1",
        "scanner": "mine",
        "title": "Mine",
        "strategy": "trend_momentum",
        "direction": "LONG",
        "asset_classes": ["equity"],
        "product": None,
        "venues": ["NASDAQ", "NYSE"],
        "source": "sample",
        "is_simulated": True,
        "as_of": "2024-03-08",
        "generated_at": "2024-03-09T00:10:00Z",
        "n_rows": 2,
    }
    assert [(row["symbol"], row["rank"], row["volume"]) for row in document["data"]] == [
        ("NASDAQ:B", 1, None),
        ("NYSE:A", 2, None),
    ]


def test_the_envelope_of_every_shipped_scanner_is_valid_without_rows(configs: Path, schema: dict[str, Any]) -> None:
    nothing = rows_of(scanner(), "NYSE:A").clear()
    for one in load_scanners(configs):
        document = envelope(one, nothing, ORIGIN)
        jsonschema.validate(document, schema)
        assert (document["meta"]["n_rows"], document["meta"]["venues"], document["data"]) == (0, [], [])


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("meta", {"version": 2}),
        ("meta", {"direction": "UP"}),
        ("meta", {"as_of": "8 March 2024"}),
        ("meta", {"generated_at": "2024-03-09T00:10:00"}),
        ("meta", {"n_rows": "1"}),
        ("meta", {"extra": 1}),
        ("data", {"symbol": "A"}),
        ("data", {"close": "10"}),
        ("data", {"rank": 0}),
        ("data", {"run_id": "run-1"}),
    ],
)
def test_the_schema_refuses_what_the_writer_never_writes(
    schema: dict[str, Any], part: str, change: dict[str, object]
) -> None:
    document = envelope(scanner(), rows_of(scanner(), "NYSE:A"), ORIGIN)
    jsonschema.validate(document, schema)
    broken = copy.deepcopy(document)
    (broken["meta"] if part == "meta" else broken["data"][0]).update(change)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, schema)
    for name in document["meta"] if part == "meta" else document["data"][0]:
        shorter = copy.deepcopy(document)
        del (shorter["meta"] if part == "meta" else shorter["data"][0])[name]
        with pytest.raises(jsonschema.ValidationError, match="required"):
            jsonschema.validate(shorter, schema)


def test_rows_of_another_scanner_are_refused() -> None:
    with pytest.raises(ScannerInputError, match="envelope of scanner mine: the rows include those of other"):
        envelope(scanner(), rows_of(scanner("other"), "NYSE:A"), ORIGIN)
