# ruff: noqa: S608 (names come from contracts, values are parameters)
"""Compare the rows that two runs wrote to one table of `results`, by content."""

from __future__ import annotations

from dataclasses import dataclass

from lakehouse.connection.catalog import Lake, contract_of
from lakehouse.schema.contracts import FLOAT, INT, Column, TableContract


@dataclass(frozen=True, slots=True)
class ColumnDifference:
    """One column in which rows of two runs differ.

    Attributes
    ----------
    n_rows : int
        Rows of the same key with different values.
    key : str
        Key of the row with the largest absolute difference, without the run; the last such key where several are equal.
    left, right : str or None
        Values of that row, as text.
    difference : float or None
        Largest absolute difference; None where no two numbers differ.
    """

    column: str
    n_rows: int
    key: str
    left: str | None
    right: str | None
    difference: float | None


@dataclass(frozen=True, slots=True)
class TableDifference:
    """Rows and columns in which two runs differ.

    Attributes
    ----------
    n_left, n_right : int
        Rows of either run.
    n_left_only, n_right_only : int
        Those of a key that the other run does not have.
    columns : tuple of ColumnDifference
        Only columns that differ.
    """

    table: str
    n_left: int
    n_right: int
    n_left_only: int
    n_right_only: int
    columns: tuple[ColumnDifference, ...]

    @property
    def is_empty(self) -> bool:
        """True where both runs wrote the same rows."""
        return not (self.n_left_only or self.n_right_only or self.columns)


def compare_table(lake: Lake, table: str, left: str, right: str) -> TableDifference:
    """Compare the rows of two runs in one table, joined by its grain, exactly and without reading them into Python.

    Parameters
    ----------
    table : str
        A table of `results` whose grain begins with the run.
    left, right : str
        Ids of the runs.

    Returns
    -------
    TableDifference
    """
    contract = contract_of(table)
    keys = [name for name in contract.grain if name != "run_id"]
    compared = [column for column in contract.columns if not column.volatile and column.name not in contract.grain]
    row = lake.rows(_query(contract, keys, compared), [left, right])[0]
    found = zip(compared, zip(row[4::2], row[5::2], strict=True), strict=True)
    columns = tuple(
        ColumnDifference(column.name, int(n_rows), most["key"], most["left"], most["right"], most["difference"])
        for column, (n_rows, most) in found
        if n_rows
    )
    n_left, n_right, n_left_only, n_right_only = (int(count) for count in row[:4])
    return TableDifference(table, n_left, n_right, n_left_only, n_right_only, columns)


def _query(contract: TableContract, keys: list[str], compared: list[Column]) -> str:
    """Counts of rows, then for each compared column the number of differing rows and the one that differs most."""
    names = ", ".join(f'"{column.name}"' for column in compared)
    joined = ", ".join(f'"{name}"' for name in keys)
    key = "concat_ws(' ', " + ", ".join(f'"{name}"::varchar' for name in keys) + ")"
    parts = ", ".join(_column_parts(column) for column in compared)
    rows = f"select {joined}, {names}, true as is_present from {contract.qualified_name} where run_id = ?"
    return (
        f"with l as ({rows}), r as ({rows}), joined as (select {key} as key, "
        "l.is_present is not null as in_left, r.is_present is not null as in_right, "
        + ", ".join(
            f'l."{column.name}" as "l_{column.name}", r."{column.name}" as "r_{column.name}"' for column in compared
        )
        + f" from l full outer join r using ({joined})) "
        "select count(*) filter (in_left), count(*) filter (in_right), count(*) filter (not in_right), "
        f"count(*) filter (not in_left), {parts} from joined"
    )


def _column_parts(column: Column) -> str:
    left, right = f'"l_{column.name}"', f'"r_{column.name}"'
    difference = f"abs({left} - {right})" if column.type in (FLOAT, INT) else "null::double"
    differs = f"in_left and in_right and {left} is distinct from {right}"
    most = f"{{'key': key, 'left': {left}::varchar, 'right': {right}::varchar, 'difference': {difference}::double}}"
    order = f"row(coalesce({difference}::double, 0.0), key)"
    return f"count(*) filter ({differs}), arg_max({most}, {order}) filter ({differs})"
