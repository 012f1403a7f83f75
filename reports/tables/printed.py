"""Lay out printed tables: heading, format and alignment of each column as dbt's YAML declares them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import overload

from lakehouse.dbt.declarations import ModelColumn, declared_models
from reports.text import formats
from reports.text.formats import Field, Formatter, Kind

SCHEMA = "reports"

FORMATS: Mapping[str, tuple[Kind, Formatter]] = {
    "text": ("text", formats.plain),
    "words": ("text", formats.word),
    "label": ("text", formats.cluster_label),
    "code": ("code", formats.plain),
    "digest": ("code", formats.digest),
    "id": ("text", formats.whole),
    "yes_no": ("text", formats.yes_no),
    "status": ("status", formats.word),
    "outcome": ("status", formats.outcome),
    "level": ("level", formats.plain),
    "direction": ("direction", formats.side),
    "date": ("date", formats.day),
    "time": ("text", formats.moment),
    "count": ("number", formats.whole),
    "ratio": ("number", formats.ratio),
    "score": ("number", formats.score),
    "fraction": ("number", formats.percent),
    "signed_fraction": ("number", formats.signed_percent),
    "value": ("number", formats.general),
    "residual": ("number", formats.scientific),
    "usd": ("number", formats.money),
    "quantity": ("number", formats.quantity),
    "seconds": ("number", formats.seconds),
}
"""Typography and formatter of each `meta.format`."""

_OF_TYPE = {
    "bigint": "count",
    "double": "ratio",
    "boolean": "yes_no",
    "date": "date",
    "timestamp": "time",
    "varchar": "text",
}
_OF_ENDING = {"bigint": {"id": "id"}, "varchar": {"symbol": "code", "sha256": "digest", "id": "code", "label": "label"}}
_DROPPED_FIRST, _DROPPED_LAST = frozenset({"n", "is"}), frozenset({"id", "sha256"})
_ABBREVIATIONS = {"correlation": "corr.", "ok": "OK", "subcluster": "sub-cluster", "subclusters": "sub-clusters"}


def heading_of(name: str) -> str:
    """Return the heading that follows from the name of a column: `n_members` is `Members`, `cluster_id` is `Cluster`."""
    words = name.split("_")
    first = 1 if len(words) > 1 and words[0] in _DROPPED_FIRST else 0
    last = -1 if len(words) > 1 and words[-1] in _DROPPED_LAST else None
    return formats.heading("_".join(_ABBREVIATIONS.get(word, word) for word in words[first:last]))


def format_of(column: ModelColumn) -> str:
    """Return the name of a column's format: `meta.format`, else that of its type and the last word of its name."""
    by_ending = _OF_ENDING.get(column.type, {})
    return column.format or by_ending.get(column.name.rpartition("_")[2]) or _OF_TYPE[column.type]


def field_of(column: ModelColumn, chosen: str = "") -> Field:
    """Return a column as it is printed, in a chosen format or in its own."""
    kind, write = FORMATS[chosen or format_of(column)]
    return Field(column.name, heading_of(column.name) if column.heading is None else column.heading, write, kind)


@dataclass(frozen=True, slots=True)
class PrintedTable(Sequence[Field]):
    """Columns of one printed table; the YAML files are read when the first column is needed.

    Parameters
    ----------
    model : str
        Model name, `rpt_*`.
    columns : str
        Names in printing order, separated by spaces; `name:format` prints a column in another format than its own.
    """

    model: str
    columns: str

    @overload
    def __getitem__(self, index: int) -> Field: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Field]: ...
    def __getitem__(self, index: int | slice) -> Field | Sequence[Field]:
        return _fields(self.model, self.columns)[index]

    def __iter__(self) -> Iterator[Field]:
        return iter(_fields(self.model, self.columns))

    def __len__(self) -> int:
        return len(_fields(self.model, self.columns))


@cache
def _fields(model: str, columns: str) -> tuple[Field, ...]:
    declared = declared_models(SCHEMA)[model].columns
    names = (entry.partition(":") for entry in columns.split())
    return tuple(field_of(declared[name], chosen) for name, _, chosen in names)
