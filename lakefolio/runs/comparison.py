"""Compare two runs: settings, inputs, winners, weights and tournament."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import polars as pl

from lakefolio.audit.ledger import read_entries
from lakefolio.audit.verification import latest_hashes
from lakefolio.runs.run import RESOLVED
from lakefolio.runs.table_differences import TableDifference, compare_table
from lakehouse.connection.catalog import Lake
from lakehouse.paths import Paths

WEIGHT_TOLERANCE = 1e-12
SETTING, INPUT, RESULT, WINNER, WEIGHT = "setting", "input", "result", "selected", "net weight"
TOURNAMENT = {
    "tournament weights": "results.tournament_weights",
    "tournament trades": "results.tournament_trades",
    "tournament sessions": "results.tournament_sessions",
    "tournament metrics": "results.tournament_metrics",
}
"""Tables that are compared row by row, with what their differences are called."""
ROWS = "rows"
_TITLES = {SETTING: "Settings", INPUT: "Inputs", WINNER: "Winners", WEIGHT: "Weights"}

_SCHEMA = {
    "what": pl.String(),
    "name": pl.String(),
    "at": pl.String(),
    "n_rows": pl.Int64(),
    "left": pl.String(),
    "right": pl.String(),
    "difference": pl.Float64(),
}
Row = Mapping[str, object]


def compare(lake: Lake, paths: Paths, left: str, right: str) -> pl.DataFrame:
    """List what differs between two runs.

    Parameters
    ----------
    left, right : str
        Ids of the runs.

    Returns
    -------
    polars.DataFrame
        One row for each difference. `what` is the kind (`setting`, `input`, `result`, `selected`, `net weight`, or a
        table of the tournament), `name` the key, table, symbol or column, `left` and `right` its values in the two runs.
        For a column of a tournament table, `n_rows` rows of the same key differ, and `at` is the key of the one with the
        largest absolute difference. For its `rows`, `left` and `right` count those whose key the other run lacks.
    """
    rows = [
        *_settings(paths, left, right),
        *_hashes(paths, left, right),
        *_winners(lake, left, right),
        *_weights(lake, left, right),
        *_tournament(lake, left, right),
    ]
    return pl.DataFrame(rows, schema=_SCHEMA)


def summarize(differences: pl.DataFrame) -> list[str]:
    """Say in sentences what differs between two runs.

    Parameters
    ----------
    differences : polars.DataFrame
        As `compare` returns it.

    Returns
    -------
    list of str
        One sentence each for settings, inputs, winners, weights and each table of the tournament.

    Examples
    --------
    >>> row = {"what": "setting", "name": "selection.top_n", "left": "3", "right": "2"}
    >>> for sentence in summarize(pl.DataFrame([row], schema=_SCHEMA)):
    ...     print(sentence)
    Settings: selection.top_n is 3 on the left and 2 on the right.
    Inputs: the same.
    Winners: the same.
    Weights: the same.
    Tournament weights: the same.
    Tournament trades: the same.
    Tournament sessions: the same.
    Tournament metrics: the same.
    """
    say: dict[str, Callable[[list[dict[str, Any]]], str]] = {
        SETTING: _say_settings,
        INPUT: _say_inputs,
        WINNER: _say_winners,
        WEIGHT: _say_weights,
        **dict.fromkeys(TOURNAMENT, _say_table),
    }
    sentences = []
    for what, words in say.items():
        rows = differences.filter(pl.col("what") == what).to_dicts()
        sentences.append(f"{_TITLES.get(what, what.capitalize())}: {words(rows) if rows else 'the same'}.")
    return sentences


def _settings(paths: Paths, left: str, right: str) -> Iterator[Row]:
    one, two = (
        dict(_leaves(json.loads(paths.run_file(run, RESOLVED).read_text(encoding="utf-8")))) for run in (left, right)
    )
    for name in sorted(one.keys() | two.keys()):
        if one.get(name) != two.get(name):
            yield {"what": SETTING, "name": name, "left": json.dumps(one.get(name)), "right": json.dumps(two.get(name))}


def _leaves(value: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, f"{at}.{key}" if at else str(key))
    else:
        yield at, value


def _hashes(paths: Paths, left: str, right: str) -> Iterator[Row]:
    one, two = (
        latest_hashes(list(read_entries(paths.run_file(run, "audit.jsonl"))), "outcome", "outputs")
        for run in (left, right)
    )
    for name in sorted(one.keys() | two.keys()):
        first, second = (found[name][0][:16] if name in found else "" for found in (one, two))
        if first != second:
            what = RESULT if name.startswith("results.") else INPUT
            yield {"what": what, "name": name, "left": first, "right": second}


def _winners(lake: Lake, left: str, right: str) -> Iterator[Row]:
    selected = lake.rows(
        "select symbol, bool_or(run_id = ?), bool_or(run_id = ?) from results.selection "
        "where is_selected and run_id in (?, ?) group by symbol order by symbol",
        [left, right, left, right],
    )
    for symbol, in_left, in_right in selected:
        if in_left != in_right:
            yield {"what": WINNER, "name": str(symbol), "left": str(in_left), "right": str(in_right)}


def _weights(lake: Lake, left: str, right: str) -> Iterator[Row]:
    weights = lake.rows(
        "select risk_profile, symbol, coalesce(max(net_weight) filter (run_id = ?), 0), "
        "coalesce(max(net_weight) filter (run_id = ?), 0) from results.weights where run_id in (?, ?) "
        "group by risk_profile, symbol order by risk_profile, symbol",
        [left, right, left, right],
    )
    for risk_profile, symbol, first, second in weights:
        if abs(first - second) > WEIGHT_TOLERANCE:
            values = {"left": f"{first:.9g}", "right": f"{second:.9g}", "difference": abs(first - second)}
            yield {"what": WEIGHT, "name": f"{risk_profile} {symbol}", **values}


def _tournament(lake: Lake, left: str, right: str) -> Iterator[Row]:
    present = set(lake.tables())
    for what, table in TOURNAMENT.items():
        # A lake that an earlier version made, opened for reading, lacks the tables that came later.
        if table in present:
            yield from _table_rows(what, compare_table(lake, table, left, right))


def _table_rows(what: str, found: TableDifference) -> Iterator[Row]:
    if found.n_left_only or found.n_right_only:
        left, right = f"{found.n_left_only} of {found.n_left}", f"{found.n_right_only} of {found.n_right}"
        yield {
            "what": what,
            "name": ROWS,
            "left": left,
            "right": right,
            "n_rows": found.n_left_only + found.n_right_only,
        }
    for column in found.columns:
        yield {
            "what": what,
            "name": column.column,
            "at": column.key,
            "n_rows": column.n_rows,
            "left": column.left,
            "right": column.right,
            "difference": column.difference,
        }


def _say_settings(rows: list[dict[str, Any]]) -> str:
    return "; ".join(f"{row['name']} is {row['left']} on the left and {row['right']} on the right" for row in rows)


def _say_inputs(rows: list[dict[str, Any]]) -> str:
    return f"{', '.join(row['name'] for row in rows)} {'differ' if len(rows) > 1 else 'differs'}"


def _say_winners(rows: list[dict[str, Any]]) -> str:
    in_left = sum(row["left"] == "True" for row in rows)
    return f"{in_left} only on the left, {len(rows) - in_left} only on the right"


def _say_weights(rows: list[dict[str, Any]]) -> str:
    most = max(rows, key=lambda row: row["difference"])
    return f"{_count(len(rows), 'net weight')} not equal, most of all {most['name']} by {most['difference']:.3g}"


def _say_table(rows: list[dict[str, Any]]) -> str:
    parts = [
        f"{row['left']} rows only on the left and {row['right']} rows only on the right"
        for row in rows
        if row["name"] == ROWS
    ]
    columns = [f"{row['name']} in {_count(row['n_rows'], 'row')}" for row in rows if row["name"] != ROWS]
    if columns:
        parts.append(f"common rows differ, {', '.join(columns)}")
    return "; ".join(parts)


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
