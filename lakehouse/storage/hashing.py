"""Hash the content of frames and files.

See docs/method/11-audit.md#11.2.

The hash of a frame is the SHA-256 of its columns sorted by name and its rows sorted by value, so the original order
does not matter, while every value, name and type does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from lakehouse.errors import UnhashableFrameError

_VERSION = b"lakefolio-content-1"
_CHUNK_BYTES = 1 << 20


def _canonical(series: pl.Series) -> pl.Series:
    """Convert a column so that its sort order and bytes are unambiguous; floats become their bits."""
    kind = series.dtype
    if kind in (pl.Float64, pl.Float32):
        values = series.fill_null(0.0).to_numpy().copy()
        values[np.isnan(values)] = np.nan  # the same bits for every NaN
        values += 0.0  # -0.0 becomes 0.0, since engines replace one by the other
        bits = pl.Series(series.name, values.view(np.uint64 if kind == pl.Float64 else np.uint32))
        return bits.set(series.is_null(), None)
    if kind in (pl.String, pl.Boolean) or kind.is_integer():
        return series
    if kind.is_temporal() and kind != pl.Time:
        return series.to_physical()
    raise UnhashableFrameError(
        f"column {series.name!r} has type {kind}: content hashes cover text, numbers, flags, dates and timestamps; "
        "cast it first"
    )


def _bytes(series: pl.Series) -> list[bytes]:
    """Encode a sorted column from `_canonical`: a mask of nulls, then the values."""
    present = series.is_not_null().to_numpy()
    parts = [np.packbits(present).tobytes()]
    if series.dtype == pl.String:
        filled = series.fill_null("")
        parts.append(filled.str.len_bytes().cast(pl.UInt64).to_numpy().astype("<u8").tobytes())
        parts.append("".join(filled.to_list()).encode())
    elif series.dtype == pl.Boolean:
        parts.append(np.packbits(series.fill_null(value=False).to_numpy()).tobytes())
    else:
        values = series.fill_null(0).to_numpy()
        parts.append(values.astype(values.dtype.newbyteorder("<")).tobytes())
    return parts


def content_hash(frame: pl.DataFrame, columns: Sequence[str] | None = None) -> str:
    """Hash the rows of a frame, independent of their order.

    See docs/method/11-audit.md#11.2.

    Parameters
    ----------
    frame : polars.DataFrame
        Columns of text, number, flag, date or timestamp type.
    columns : sequence of str, optional
        Columns to hash; all by default. `hashed_columns` of a contract leaves out volatile columns.

    Returns
    -------
    str
        64 hexadecimal digits. Repeated rows change the hash. Floats are compared by their bits, except that -0.0 equals
        0.0 and all NaN are equal; null, NaN, 0 and the empty text differ from each other.

    Raises
    ------
    UnhashableFrameError
        For a column of another type, or a name in `columns` that the frame does not have.
    """
    names = sorted(frame.columns if columns is None else set(columns))
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise UnhashableFrameError(f"columns {missing} are to be hashed and the frame has only {sorted(frame.columns)}")
    digest = hashlib.sha256(_VERSION)
    # A frame without columns has no rows.
    digest.update(f"{frame.height if names else 0}:{len(names)}".encode())
    for name in names:
        header = f"{name}\x00{frame.schema[name]}".encode()
        digest.update(len(header).to_bytes(8, "little") + header)
    if not names:
        return digest.hexdigest()
    rows = pl.DataFrame([_canonical(frame.get_column(name)) for name in names]).sort(names, nulls_last=False)
    for name in names:
        for part in _bytes(rows.get_column(name)):
            digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
