"""A declaration accepts every type of its family, and names columns of other types."""

from __future__ import annotations

import polars as pl

from reports.tables.declarations import columns, table
from reports.tables.index import TABLES


def test_only_columns_of_another_family_are_misfits() -> None:
    declared = table("toy", "run_id", "run_id", columns(text="run_id", whole="n", real="x", flag="is_used"))
    assert declared.qualified_name == "reports.rpt_toy"
    frame = pl.DataFrame(
        {"run_id": ["a"], "n": [1], "x": ["0.5"], "is_used": [None]},
        schema={"run_id": pl.Categorical, "n": pl.Int16, "x": pl.String, "is_used": pl.Null},
    )
    assert declared.misfits(frame) == ("x",)


def test_every_table_has_a_grain_of_its_columns_that_begins_with_the_run() -> None:
    assert len(TABLES) == 43
    for name, declared in TABLES.items():
        assert declared.grain[0] == "run_id", name
        assert set(declared.grain) <= set(declared.columns), name
