"""How a command finds its home and prints its answer: a table for people, JSON for machines."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from lakehouse.paths import Paths

WIDTH = 220
"""Characters in a line of a table, where no terminal says otherwise."""


def paths_of(options: argparse.Namespace) -> Paths:
    """The home that a command was given."""
    home: Path | None = options.home
    return Paths.at(home)


def print_answer(frame: pl.DataFrame, options: argparse.Namespace) -> None:
    """One frame, as JSON where this was asked for."""
    if options.json:
        sys.stdout.write(frame.write_json() + "\n")
    else:
        print_table(frame)


def print_tables(tables: Mapping[str, pl.DataFrame], options: argparse.Namespace) -> None:
    """Several frames, each under its title."""
    if options.json:
        print_json({re.sub(r"[^0-9A-Za-z.]+", "_", title): frame.to_dicts() for title, frame in tables.items()})
    else:
        for title, frame in tables.items():
            print(title)
            print_table(frame)


def print_table(frame: pl.DataFrame) -> None:
    """One frame as a table with all its rows and columns."""
    with pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True,
                   fmt_str_lengths=80, tbl_width_chars=WIDTH, set_tbl_formatting="UTF8_BORDERS_ONLY"):  # fmt: skip
        print(frame)


def print_json(document: Mapping[str, Any] | list[Any]) -> None:
    """One document."""
    sys.stdout.write(json.dumps(document, default=str, indent=2) + "\n")
