"""Describe a table by a contract: its columns, their types and its grain.

See docs/architecture.md#lake.

DuckLake enforces only NOT NULL, so the grain is checked for each written batch, and by dbt tests for the whole table.
A `volatile` column records a time or a duration; content hashes leave it out, so that two runs of the same data have
equal hashes (docs/method/11-audit.md#11.2).
"""

from __future__ import annotations

from dataclasses import dataclass, field

SYMBOL, DATE, TIME, TEXT = "VARCHAR", "DATE", "TIMESTAMP", "VARCHAR"
FLOAT, INT, FLAG = "DOUBLE", "BIGINT", "BOOLEAN"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a contract; `type` is a DuckDB type name.

    An upsert of an existing key leaves the stored value of a `kept` column unchanged.
    """

    name: str
    type: str
    nullable: bool = True
    volatile: bool = False
    kept: bool = False


@dataclass(frozen=True, slots=True)
class TableContract:
    """One table: its columns in order, and its grain, the columns that make a row unique.

    An empty grain means that rows are events without a key.
    """

    schema: str
    name: str
    columns: tuple[Column, ...]
    grain: tuple[str, ...] = ()
    names: tuple[str, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(column.name for column in self.columns))

    @property
    def qualified_name(self) -> str:
        """`schema.table`, as SQL inside the lake names it."""
        return f"{self.schema}.{self.name}"

    @property
    def hashed_columns(self) -> tuple[str, ...]:
        """Columns that a content hash covers."""
        return tuple(column.name for column in self.columns if not column.volatile)

    @property
    def ddl(self) -> str:
        """Column list of CREATE TABLE."""
        return ", ".join(
            f'"{column.name}" {column.type}{"" if column.nullable else " not null"}' for column in self.columns
        )


RUN = Column("run_id", TEXT, nullable=False, volatile=True)


def table(schema: str, name: str, grain: str, *columns: Column) -> TableContract:
    """Return a contract, its grain given as one text of names."""
    return TableContract(schema, name, columns, tuple(grain.split()))


def key(name: str, kind: str = TEXT) -> Column:
    """Return a column that is never null."""
    return Column(name, kind, nullable=False)


def many(kind: str, names: str) -> tuple[Column, ...]:
    """Return nullable columns of one type, given as one text of names."""
    return tuple(Column(name, kind) for name in names.split())
