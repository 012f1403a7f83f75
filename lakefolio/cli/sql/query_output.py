"""Write the rows of a query: as a table for people, or whole as CSV, JSON or Parquet."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from lakefolio.cli.output import Output

if TYPE_CHECKING:
    import polars as pl

    from lakehouse.connection.user_sql import QueryResult

SCREEN_ROWS = 1000
"""Rows of a table on a terminal, unless `--limit` says otherwise."""
_COUNT_SECONDS = 2.0
_JSON_ENDS = ("[", "]\n")


def print_table(result: QueryResult, limit: int | None, *, wide: bool = False) -> None:
    """Print a table; one that is cut says how many rows there are, and how to get them all."""
    is_terminal = sys.stdout.isatty()
    most = limit if limit is not None or not is_terminal else SCREEN_ROWS
    if most is None:
        import polars as pl

        frame = pl.concat([result.schema, *result.batches])
    else:
        frame = result.first(most)
    Output(wide=wide).frame(frame)
    more = None if most is None else describe_cut(result, frame.height)
    if more:
        print(more, file=sys.stdout if is_terminal else sys.stderr)


def write_rows(result: QueryResult, fmt: str, limit: int | None, output: Path | None) -> None:
    """Write every row, or the first `limit`, in the format csv, json or parquet, to a file or to standard output."""
    shown = [0]
    batches = _counted(result, limit, shown)
    if output is None:
        _write(result, batches, fmt, None)
    else:
        with _replaced(output) as file:
            _write(result, batches, fmt, file)
    more = None if limit is None else describe_cut(result, shown[0])
    if more:
        print(more, file=sys.stderr)


def describe_cut(result: QueryResult, n_shown: int) -> str | None:
    """Say how many rows there are beyond those shown; None where there is none.

    The rest is counted for two seconds at most.
    """
    n_rows, deadline, is_counted = n_shown + result.n_unread, time.monotonic() + _COUNT_SECONDS, True
    for batch in result.batches:
        n_rows += batch.height
        if time.monotonic() > deadline:
            is_counted = False
            break
    if n_rows == n_shown and is_counted:
        return None
    of = f"{n_rows:,}" if is_counted else f"more than {n_rows:,}"
    return f"first {n_shown:,} of {of} rows; --format csv without --limit writes all"


def _counted(result: QueryResult, limit: int | None, shown: list[int]) -> Iterator[pl.DataFrame]:
    """Pass on the batches up to `limit` rows, and count the rows in `shown`."""
    if limit is not None:
        frame = result.first(limit)
        shown[0] = frame.height
        yield frame
        return
    for batch in result.batches:
        shown[0] += batch.height
        yield batch


def _write(result: QueryResult, batches: Iterator[pl.DataFrame], fmt: str, file: IO[bytes] | None) -> None:
    if fmt == "parquet":
        import pyarrow.parquet as pq

        if file is None:  # pragma: no cover - the command requires --output
            raise TypeError("parquet needs a file")
        with pq.ParquetWriter(file, result.schema.to_arrow().schema, compression="zstd") as writer:
            for batch in batches:
                writer.write_table(batch.to_arrow().cast(writer.schema))
        return

    def put(text: str) -> None:
        if file is None:
            sys.stdout.write(text)
        else:
            file.write(text.encode())

    if fmt == "csv":
        put(result.schema.write_csv())
        for batch in batches:
            put(batch.write_csv(include_header=False))
        return
    put(_JSON_ENDS[0])
    separator = ""
    for batch in batches:
        if batch.height:
            put(separator + _with_numbers(batch).write_json()[1:-1])
            separator = ","
    put(_JSON_ENDS[1])


def _with_numbers(frame: pl.DataFrame) -> pl.DataFrame:
    """Turn decimals, such as DuckDB's sums of whole numbers, into numbers: JSON would write them as texts."""
    import polars as pl

    return frame.with_columns(
        pl.col(name).cast(pl.Int128 if kind.scale == 0 else pl.Float64)
        for name, kind in frame.schema.items()
        if isinstance(kind, pl.Decimal)
    )


@contextmanager
def _replaced(path: Path) -> Iterator[IO[bytes]]:
    """Write a file beside `path` and move it there once it is whole."""
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
