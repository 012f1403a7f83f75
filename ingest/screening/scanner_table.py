"""Read the scanner table: one row for several scanners that share market, settings and title.

`configs/scanners.csv` has a row for each market. A row stands for one scanner of each of its strategies in each of its
directions, named NAME_STRATEGY_DIRECTION. Cells with several words separate them by spaces.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ingest.errors import nearest
from ingest.screening.layers import Layer
from ingest.screening.strategies import NAMED, TITLES
from lakehouse.errors import PathRefusedError
from lakehouse.paths import check_scanner_name

FILE_NAME = "scanners.csv"
COLUMNS = ("name", "market", "strategies", "overrides", "directions", "title")
DIRECTIONS = {"long": "LONG", "short": "SHORT"}
_OPTIONAL = "overrides"


@dataclass(frozen=True, slots=True)
class TableProblem:
    """Problem of one cell or row of the table.

    Attributes
    ----------
    where : str
        Row and column: `line 3 (bond), column market`.
    message, fix : str
        Problem, and the nearest valid word or another way to fix it.
    """

    where: str
    message: str
    fix: str

    def __str__(self) -> str:
        """Return one sentence with all three parts."""
        return f"{self.where}: {self.message}: {self.fix}"


@dataclass(frozen=True, slots=True)
class ScannerTable:
    """Scanners of the table by layer name, and the problems of its rows; faulty rows give no scanners."""

    layers: dict[str, Layer]
    problems: tuple[TableProblem, ...]


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    cells: dict[str, str]

    @property
    def where(self) -> str:
        return f"line {self.line} ({self.cells['name']})"

    def words(self, column: str) -> tuple[str, ...]:
        return tuple(self.cells[column].split())


def read_table(configs: Path) -> ScannerTable:
    """Read `scanners.csv` of a `configs` folder; without the file the table is empty.

    Every row is checked against the layers that exist, so a word that no layer has is found before any scanner loads.

    Returns
    -------
    ScannerTable
        Its problems name row, column and the nearest valid word.
    """
    path = configs / FILE_NAME
    if not path.is_file():
        return ScannerTable({}, ())
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        return ScannerTable({}, (TableProblem(f"line {line}", "not readable as text", "save the file as UTF-8"),))
    base, presets = (_stems(configs / folder) for folder in ("base", "presets"))
    valid = {"market": base, "overrides": base, "strategies": presets, "directions": tuple(DIRECTIONS)}
    problems: list[TableProblem] = []
    layers: dict[str, Layer] = {}
    for row in _rows(text, problems):
        faults = list(_faults(row, valid)) or list(_names_given_before(row, layers))
        problems += faults
        if not faults:
            layers.update({scanner.name: scanner for scanner in _scanners_of(row, path)})
    return ScannerTable(layers, tuple(problems))


def _stems(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in folder.glob("*.yaml")))


def _rows(text: str, problems: list[TableProblem]) -> Iterator[_Row]:
    """Yield the rows with one cell for each column; append a problem for each other row."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True)
    try:
        header = [cell.strip() for cell in next(reader, [])]
        faults = list(_header_faults(header))
        problems += faults
        for cells in () if faults else reader:
            if not cells:
                continue
            if len(cells) != len(header):
                where = f"line {reader.line_num} ({cells[0]})"
                message = f"{len(cells)} cells where the header has {len(header)}"
                problems.append(TableProblem(where, message, 'put a title with a comma into "quotes"'))
                continue
            yield _Row(reader.line_num, dict(zip(header, (cell.strip() for cell in cells), strict=True)))
    except csv.Error as error:
        problems.append(TableProblem(f"line {reader.line_num}", f"not readable as CSV: {error}", "check the quotes"))


def _header_faults(header: list[str]) -> Iterator[TableProblem]:
    for column in header:
        if column not in COLUMNS:
            yield TableProblem("line 1", f"unknown column {column!r}", nearest(column, COLUMNS))
    for column in COLUMNS:
        if header.count(column) != 1:
            count = "missing" if column not in header else "given twice"
            yield TableProblem("line 1", f"column {column!r} is {count}", f"the columns are {', '.join(COLUMNS)}")


def _faults(row: _Row, valid: dict[str, tuple[str, ...]]) -> Iterator[TableProblem]:
    for column in COLUMNS:
        where = f"{row.where}, column {column}"
        if not row.cells[column] and column != _OPTIONAL:
            yield TableProblem(where, "the cell is empty", f"fill it; only {_OPTIONAL} may be empty")
        if column not in valid:
            continue
        words = row.words(column)
        for index, word in enumerate(words):
            if word not in valid[column]:
                yield TableProblem(where, f"unknown word {word!r}", nearest(word, valid[column]))
            elif word in words[:index]:
                yield TableProblem(where, f"{word!r} is given twice", "keep one of them")
    for name in _names(row):
        try:
            check_scanner_name(name)
        except PathRefusedError:
            message = f"{name!r} is not a valid name of a scanner"
            yield TableProblem(f"{row.where}, column name", message, "use lower-case letters, digits and _, at most 64")
            return


def _names_given_before(row: _Row, layers: dict[str, Layer]) -> Iterator[TableProblem]:
    for name in _names(row):
        if f"scanners/{name}" in layers:
            message = f"scanner {name!r} has another row already"
            yield TableProblem(f"{row.where}, column name", message, "keep one of them")


def _names(row: _Row) -> list[str]:
    return [
        f"{row.cells['name']}_{preset}_{direction}"
        for preset in row.words("strategies")
        for direction in row.words("directions")
    ]


def _scanners_of(row: _Row, path: Path) -> Iterator[Layer]:
    """Yield the settings that a file of each scanner would hold."""
    market, overrides = ([f"base/{word}" for word in row.words(column)] for column in ("market", "overrides"))
    for preset in row.words("strategies"):
        strategy_title = TITLES.get(NAMED.get(preset, ""), preset.replace("_", " "))
        for direction in row.words("directions"):
            yield Layer(
                f"scanners/{row.cells['name']}_{preset}_{direction}",
                f"{path}: {row.where}",
                {
                    "extends": [*market, f"presets/{preset}", *overrides],
                    "direction": DIRECTIONS[direction],
                    "title": f"{row.cells['title']}, {strategy_title}, {direction}",
                },
            )
