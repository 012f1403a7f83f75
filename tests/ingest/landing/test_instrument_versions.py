from __future__ import annotations

import datetime as dt

import polars as pl

from ingest.landing.instrument_versions import content_hashes, next_versions
from ingest.sources.instruments import instrument_row
from ingest.sources.protocol import INSTRUMENT_SCHEMA
from lakehouse.schema.tables import CONTRACTS

MARCH, APRIL, MAY = (dt.datetime(2024, month, 1) for month in (3, 4, 5))  # noqa: DTZ001 - naive UTC
GRAIN = list(CONTRACTS["raw.instruments"].grain)
Span = tuple[dt.datetime, dt.datetime | None]


def described(**names: str) -> pl.DataFrame:
    """Instruments `NYSE:KEY`, each with its name."""
    rows = [instrument_row(f"NYSE:{ticker}", "equity", "cash", name=name) for ticker, name in names.items()]
    return pl.DataFrame(rows, schema=INSTRUMENT_SCHEMA)


def landed(held: pl.DataFrame, now: pl.DataFrame, at: dt.datetime, *, is_complete: bool = False) -> pl.DataFrame:
    """The table after a landing: changed versions replace those of the same key, removed ones are gone."""
    changed, removed = next_versions(now, held, source="files", at=at, is_complete=is_complete)
    assert changed.select(GRAIN).is_unique().all()
    kept = held.join(changed, on=GRAIN, how="anti").join(removed, on=GRAIN, how="anti")
    return pl.concat([kept, changed])


def empty() -> pl.DataFrame:
    changed, removed = next_versions(described(), no_versions(), source="files", at=MARCH, is_complete=True)
    assert changed.is_empty()
    assert removed.is_empty()
    return changed


def no_versions() -> pl.DataFrame:
    clocks = {"valid_from": pl.Datetime("us"), "valid_to": pl.Datetime("us")}
    return pl.DataFrame(schema={**INSTRUMENT_SCHEMA, "source": pl.String(), "content_hash": pl.String(), **clocks})


def spans(table: pl.DataFrame, ticker: str = "A") -> dict[str, Span]:
    own = table.filter(pl.col("symbol") == f"NYSE:{ticker}").sort("valid_from")
    return {row["name"]: (row["valid_from"], row["valid_to"]) for row in own.to_dicts()}


def test_a_new_instrument_is_valid_from_the_landing_on() -> None:
    assert spans(landed(empty(), described(A="one"), MARCH)) == {"one": (MARCH, None)}


def test_the_same_content_makes_no_version() -> None:
    first = landed(empty(), described(A="one"), MARCH)
    changed, removed = next_versions(described(A="one"), first, source="files", at=APRIL, is_complete=True)
    assert (changed.height, removed.height) == (0, 0)


def test_other_content_closes_the_version_and_starts_another() -> None:
    table = landed(landed(empty(), described(A="one"), MARCH), described(A="two"), APRIL)
    assert spans(table) == {"one": (MARCH, APRIL), "two": (APRIL, None)}


def test_a_correction_at_the_same_clock_replaces_the_version() -> None:
    table = landed(landed(empty(), described(A="one"), MARCH), described(A="two"), MARCH)
    assert spans(table) == {"two": (MARCH, None)}


def test_an_earlier_landing_after_a_later_one_ends_where_the_later_begins() -> None:
    later = landed(empty(), described(A="new"), MAY)
    assert spans(landed(later, described(A="old"), MARCH)) == {"old": (MARCH, MAY), "new": (MAY, None)}
    between = landed(
        landed(landed(empty(), described(A="one"), MARCH), described(A="three"), MAY), described(A="two"), APRIL
    )
    assert spans(between) == {"one": (MARCH, APRIL), "two": (APRIL, MAY), "three": (MAY, None)}


def test_only_a_complete_list_closes_what_it_does_not_name() -> None:
    both = landed(empty(), described(A="one", B="other"), MARCH)
    assert spans(landed(both, described(B="other"), APRIL)) == {"one": (MARCH, None)}
    closed = landed(both, described(B="other"), APRIL, is_complete=True)
    assert spans(closed) == {"one": (MARCH, APRIL)}
    assert spans(closed, "B") == {"other": (MARCH, None)}
    # A version that would be valid at no time is removed.
    assert spans(landed(both, described(B="other"), MARCH, is_complete=True)) == {}


def test_the_hash_is_that_of_all_metadata_and_of_nothing_else() -> None:
    one = described(A="one", B="one")
    hashes = content_hashes(one)
    assert hashes[0] != hashes[1]
    assert content_hashes(one.reverse()) == hashes[::-1]
    assert content_hashes(one.with_columns(pl.lit("x").alias("row"))) == hashes
    for column in ("name", "sector", "lot_size", "first_session", "is_close_only"):
        other = pl.Series(column, [None, None], dtype=one.schema[column])
        filled = {"name": "two", "sector": "x", "lot_size": 1.0, "first_session": MARCH.date(), "is_close_only": True}
        changed = one.with_columns(other.fill_null(filled[column]) if other.null_count() else other)
        assert content_hashes(changed)[0] != hashes[0], column
