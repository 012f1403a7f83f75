"""What a table contract is: columns, types, grain.

See docs/architecture.md#lake.

DuckLake enforces NOT NULL and nothing else, so a grain is checked at the write path for each batch and by dbt tests on
the whole table. A column is `volatile` when it tells when or how fast, not what: content hashes leave it out, since two
runs of the same data must hash alike (docs/method/11-audit.md#11.2).
"""

from __future__ import annotations

from dataclasses import dataclass, field

SYMBOL, DATE, TIME, TEXT = "VARCHAR", "DATE", "TIMESTAMP", "VARCHAR"
FLOAT, INT, FLAG = "DOUBLE", "BIGINT", "BOOLEAN"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a contract; `type` is a DuckDB type name.

    An upsert leaves the stored value of a `kept` column as it is when the key already stands.
    """

    name: str
    type: str
    nullable: bool = True
    volatile: bool = False
    kept: bool = False


@dataclass(frozen=True, slots=True)
class TableContract:
    """One table: its columns in order and the columns that make a row unique.

    An empty grain means that rows are events and need no key.
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
        """The columns that a content hash covers."""
        return tuple(column.name for column in self.columns if not column.volatile)

    @property
    def ddl(self) -> str:
        """The column list of CREATE TABLE."""
        return ", ".join(
            f'"{column.name}" {column.type}{"" if column.nullable else " not null"}' for column in self.columns
        )


RUN = Column("run_id", TEXT, nullable=False, volatile=True)


def table(schema: str, name: str, grain: str, *columns: Column) -> TableContract:
    """Write a contract down with its grain as words."""
    return TableContract(schema, name, columns, tuple(grain.split()))


def key(name: str, kind: str = TEXT) -> Column:
    """A column that is never null."""
    return Column(name, kind, nullable=False)


def many(kind: str, names: str) -> tuple[Column, ...]:
    """Columns of one type that may be null, named as words."""
    return tuple(Column(name, kind) for name in names.split())
