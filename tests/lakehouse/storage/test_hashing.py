"""The content hash depends on every value, name and type, and on no order.

See docs/method/11-audit.md#11.2.
"""

from __future__ import annotations

import hashlib
import math
import random
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.errors import UnhashableFrameError
from lakehouse.storage.hashing import content_hash, file_hash

SCHEMA = {"name": pl.String, "day": pl.Date, "at": pl.Datetime("us"), "x": pl.Float64, "n": pl.Int64, "ok": pl.Boolean}

rows = st.lists(
    st.tuples(
        st.none() | st.text(max_size=5),
        st.none() | st.dates(date(1990, 1, 1), date(2030, 1, 1)),
        st.none() | st.datetimes(datetime(1990, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001
        st.none() | st.floats(),
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.booleans(),
    ),
    max_size=12,
)


def frame_of(values: list[tuple[object, ...]]) -> pl.DataFrame:
    return pl.DataFrame(values, schema=SCHEMA, orient="row")


@settings(max_examples=60, deadline=None)
@given(rows, st.integers(0, 2**32))
def test_neither_row_order_nor_column_order_matters(values: list[tuple[object, ...]], seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - an order, not a secret
    shuffled = rng.sample(values, len(values))
    columns = rng.sample(list(SCHEMA), len(SCHEMA))
    assert content_hash(frame_of(values)) == content_hash(frame_of(shuffled).select(columns))


@settings(max_examples=60, deadline=None)
@given(rows.filter(bool), st.data())
def test_every_single_value_matters(values: list[tuple[object, ...]], data: st.DataObject) -> None:
    row = data.draw(st.integers(0, len(values) - 1))
    column = data.draw(st.integers(0, len(SCHEMA) - 1))
    old = values[row][column]
    new: object
    if isinstance(old, bool):
        new = not old
    elif isinstance(old, float):
        new = None if math.isnan(old) or math.isinf(old) else math.nextafter(old, math.inf)
    elif isinstance(old, int):
        new = old - 1 if old > -(2**63) else old + 1
    elif isinstance(old, datetime):
        new = old + timedelta(microseconds=1)
    elif isinstance(old, date):
        new = old + timedelta(days=1)
    elif isinstance(old, str):
        new = old + "\x00"
    else:
        new = ("", date(2000, 1, 1), datetime(2000, 1, 1), 0.0, 0, False)[column]  # noqa: DTZ001
    if isinstance(old, float) and isinstance(new, float) and old == new:
        return  # the step from -0.0 to 0.0 is no step
    changed = [
        tuple(new if (i, j) == (row, column) else value for j, value in enumerate(v)) for i, v in enumerate(values)
    ]
    assert content_hash(frame_of(values)) != content_hash(frame_of(changed))


def test_one_close_changed_by_a_billionth_changes_the_hash() -> None:
    frame = pl.DataFrame({"symbol": ["A", "B"], "close": [101.25, 7.0]})
    moved = frame.with_columns(close=pl.Series([101.25 + 1e-9, 7.0]))
    assert content_hash(frame) != content_hash(moved)


def test_values_may_not_wander_between_columns_rows_or_neighbours() -> None:
    hashes = [
        content_hash(pl.DataFrame({"a": ["x", "y"], "b": ["y", "x"]})),
        content_hash(pl.DataFrame({"a": ["x", "y"], "b": ["x", "y"]})),
        content_hash(pl.DataFrame({"a": ["xy", ""], "b": ["x", "y"]})),
        content_hash(pl.DataFrame({"a": ["", "xy"], "b": ["x", "y"]})),
        content_hash(pl.DataFrame({"ab": ["x", "y"], "b": ["x", "y"]})),
        content_hash(pl.DataFrame({"a": ["x", "y", "y"], "b": ["x", "y", "y"]})),
        content_hash(pl.DataFrame({"a": ["x", "x", "y"], "b": ["x", "x", "y"]})),
    ]
    assert len(set(hashes)) == len(hashes)


def test_null_nan_zero_and_the_empty_text_are_four_things() -> None:
    numbers = [
        content_hash(pl.DataFrame({"x": [value]}, schema={"x": pl.Float64}))
        for value in (None, math.nan, 0.0, math.inf)
    ]
    texts = [content_hash(pl.DataFrame({"x": [value]}, schema={"x": pl.String})) for value in (None, "", "null")]
    assert len({*numbers, *texts}) == 7


def test_name_and_type_matter() -> None:
    base = pl.DataFrame({"x": [1, 2]})
    others = [base.rename({"x": "y"}), base.cast(pl.Int32), base.cast(pl.Float64), base.cast(pl.String)]
    times = pl.DataFrame({"x": [datetime(2024, 1, 1)]})  # noqa: DTZ001
    others += [times, times.cast(pl.Datetime("ms")), times.cast(pl.Date), times.cast(pl.Int64)]
    assert len({content_hash(frame) for frame in [base, *others]}) == 9


def test_the_two_zeros_are_one_and_every_nan_is_one() -> None:
    odd_nan = pl.Series("x", [0x7FF8000000000001], dtype=pl.UInt64).reinterpret(dtype=pl.Float64)
    assert content_hash(pl.DataFrame({"x": [-0.0]})) == content_hash(pl.DataFrame({"x": [0.0]}))
    assert content_hash(odd_nan.to_frame()) == content_hash(pl.DataFrame({"x": [math.nan]}))


def test_the_hash_is_the_published_recipe_and_stays_so() -> None:
    # Recomputed by hand: version, shape, headers, then nulls and little-endian values of the sorted rows.
    def sized(data: bytes) -> bytes:
        return len(data).to_bytes(8, "little") + data

    recipe = hashlib.sha256(b"lakefolio-content-1" + b"2:1" + sized(b"n\x00Int64"))
    recipe.update(sized(bytes([0b11000000])) + sized((1).to_bytes(8, "little") + (2).to_bytes(8, "little")))
    assert content_hash(pl.DataFrame({"n": [2, 1]})) == recipe.hexdigest()


def test_only_the_asked_columns_count_and_they_must_exist() -> None:
    one = pl.DataFrame({"x": [1.0], "fetched_at": [1]})
    two = pl.DataFrame({"x": [1.0], "fetched_at": [2]})
    assert content_hash(one, ["x"]) == content_hash(two, ["x"])
    assert content_hash(one) != content_hash(two)
    with pytest.raises(UnhashableFrameError, match="nope"):
        content_hash(one, ["x", "nope"])


def test_a_type_without_canonical_bytes_is_refused_by_name() -> None:
    with pytest.raises(UnhashableFrameError, match="'parts'"):
        content_hash(pl.DataFrame({"parts": [[1, 2]]}))


def test_empty_frames_hash_by_their_columns() -> None:
    empty = frame_of([])
    assert content_hash(empty) == content_hash(empty.select(sorted(SCHEMA)))
    assert content_hash(empty) != content_hash(empty.drop("x"))


def test_a_file_hashes_by_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"abc")
    # FIPS 180-2, appendix B.1
    assert file_hash(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
