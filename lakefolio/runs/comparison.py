"""Compare two runs: settings, hashes, winners and weights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import polars as pl

from lakefolio.audit.ledger import read_entries
from lakefolio.audit.verification import latest_hashes
from lakefolio.runs.run import RESOLVED
from lakehouse.connection.catalog import Lake
from lakehouse.paths import Paths

WEIGHT_TOLERANCE = 1e-12


def compare(lake: Lake, paths: Paths, left: str, right: str) -> pl.DataFrame:
    """One row for each thing that differs: what it is, its name, and what it is in either run."""
    rows = [*_settings(paths, left, right), *_hashes(paths, left, right), *_tables(lake, left, right)]
    return pl.DataFrame(
        rows, schema={"what": pl.String, "name": pl.String, "left": pl.String, "right": pl.String}, orient="row"
    )


def _settings(paths: Paths, left: str, right: str) -> Iterator[tuple[str, str, str, str]]:
    one, two = (
        dict(_leaves(json.loads(paths.run_file(run, RESOLVED).read_text(encoding="utf-8")))) for run in (left, right)
    )
    for name in sorted(one.keys() | two.keys()):
        if one.get(name) != two.get(name):
            yield "setting", name, json.dumps(one.get(name)), json.dumps(two.get(name))


def _leaves(value: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, f"{at}.{key}" if at else str(key))
    else:
        yield at, value


def _hashes(paths: Paths, left: str, right: str) -> Iterator[tuple[str, str, str, str]]:
    one, two = (
        latest_hashes(list(read_entries(paths.run_file(run, "audit.jsonl"))), "outcome", "outputs")
        for run in (left, right)
    )
    for name in sorted(one.keys() | two.keys()):
        first, second = (found[name][0][:16] if name in found else "" for found in (one, two))
        if first != second:
            yield "hash", name, first, second


def _tables(lake: Lake, left: str, right: str) -> Iterator[tuple[str, str, str, str]]:
    selected = lake.rows(
        "select symbol, bool_or(run_id = ?), bool_or(run_id = ?) from results.selection "
        "where is_selected and run_id in (?, ?) group by symbol order by symbol",
        [left, right, left, right],
    )
    for symbol, in_left, in_right in selected:
        if in_left != in_right:
            yield "selected", str(symbol), str(in_left), str(in_right)
    weights = lake.rows(
        "select risk_profile, symbol, coalesce(max(net_weight) filter (run_id = ?), 0), "
        "coalesce(max(net_weight) filter (run_id = ?), 0) from results.weights where run_id in (?, ?) "
        "group by risk_profile, symbol order by risk_profile, symbol",
        [left, right, left, right],
    )
    for risk_profile, symbol, first, second in weights:
        if abs(first - second) > WEIGHT_TOLERANCE:
            yield "net weight", f"{risk_profile} {symbol}", f"{first:.6f}", f"{second:.6f}"
