"""Render the reports of one run and publish them together."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl
from jinja2 import Environment, PackageLoader, StrictUndefined, Template, pass_eval_context, select_autoescape
from jinja2.nodes import EvalContext
from markupsafe import Markup

import reports.tables as layout
from reports.drawing import charts
from reports.errors import IncompleteReportError, UnknownReportError
from reports.reader import ReportTables
from reports.text import formats, markdown
from reports.text.status_colours import tone

REPORTS: tuple[str, ...] = (
    "portfolio_report.md",
    "portfolio_report.html",
    "data_health.md",
    "selection_audit.md",
    "engine_comparison_report.md",
    "backtest_comparison.md",
    "cluster_analysis.md",
)


@dataclass(frozen=True, slots=True)
class ReportProvenance:
    """Hashes, snapshots and versions of a run in printing order: single facts, then one block per nested record."""

    facts: tuple[tuple[str, str], ...]
    blocks: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    notes: tuple[str, ...]

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> ReportProvenance:
        """Split a record into facts, blocks (nested mappings) and `notes` (sentences)."""
        facts = tuple((key, _formatted(value)) for key, value in record.items() if not _is_block(key, value))
        blocks = tuple(
            (key, tuple((str(name), _formatted(entry)) for name, entry in sorted(value.items())))
            for key, value in record.items()
            if isinstance(value, Mapping)
        )
        return cls(facts, blocks, tuple(str(note) for note in record.get("notes", ())))


def render_report(
    name: str, tables: Mapping[str, pl.DataFrame], provenance: Mapping[str, Any], *, is_decay_shown: bool = True
) -> str:
    """Render one report as text.

    Parameters
    ----------
    name : str
        One of `REPORTS`.
    tables : mapping of str to polars.DataFrame
        As from `ReportTables.load`.
    provenance : mapping
        Hashes, snapshot ids, package versions and the like; values are scalars or mappings. `notes` may hold sentences
        about the limits of this run.
    is_decay_shown : bool
        `feat_decay_audit`; False leaves out the decay, idealized minus realized.

    Raises
    ------
    UnknownReportError
        If there is no such report.
    IncompleteReportError
        If a table differs from its declaration, or the provenance is empty.
    """
    if name not in REPORTS:
        raise UnknownReportError(f"there is no report {name!r}: use one of {', '.join(REPORTS)}")
    checked = tables if isinstance(tables, ReportTables) else ReportTables(dict(tables))
    if not provenance:
        raise IncompleteReportError(
            "provenance", "the record of hashes, snapshots and versions is empty; pass at least one fact"
        )
    text = (
        _environment()
        .get_template(f"{name}.j2")
        .render(
            tables=checked,
            run=checked["rpt_summary"].row(0, named=True),
            regime=checked["rpt_regime"].row(0, named=True),
            provenance=ReportProvenance.of(provenance),
            is_decay_shown=is_decay_shown,
        )
    )
    return text.rstrip() + "\n"


def template(name: str) -> Template:
    """Return a template by its name without `.j2`."""
    return _environment().get_template(f"{name}.j2")


def render_all(
    tables: Mapping[str, pl.DataFrame],
    provenance: Mapping[str, Any],
    out_dir: Path,
    *,
    is_decay_shown: bool = True,
) -> tuple[Path, ...]:
    """Render every report and publish them together: if one cannot be written, none is.

    Parameters and errors as for `render_report`; `out_dir` is the run's folder and must exist.

    Returns
    -------
    tuple of Path
        The files in the order of `REPORTS`.
    """
    texts = {name: render_report(name, tables, provenance, is_decay_shown=is_decay_shown) for name in REPORTS}
    partial = {out_dir / f".{name}.partial": out_dir / name for name in texts}
    try:
        for (path, target), text in zip(partial.items(), texts.values(), strict=True):
            _write_partial(path, text, target)
        for path, target in partial.items():
            path.replace(target)
    finally:
        for path in partial:
            path.unlink(missing_ok=True)
    return tuple(partial.values())


def _write_partial(path: Path, text: str, target: Path) -> None:
    """Write and sync the temporary file of a report that will be renamed to `target`."""
    with path.open("w", encoding="utf-8", newline="\n") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    if target.is_dir():
        raise IsADirectoryError(f"{target} is a folder; a report of this name cannot be written")


def _is_block(key: str, value: object) -> bool:
    return key == "notes" or isinstance(value, Mapping)


def _formatted(value: object) -> str:
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, sort_keys=True, default=str)
    return formats.plain(value)


@pass_eval_context
def _finalize(context: EvalContext, value: Any) -> Any:
    """Replace missing values by an en dash and escape Markdown; Jinja itself escapes HTML."""
    if value is None:
        return formats.MISSING
    return value if context.autoescape or isinstance(value, Markup) else markdown.escape(value)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("reports"),
        autoescape=select_autoescape(enabled_extensions=("html.j2", "css.j2"), default=False),
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals.update(
        charts=charts,
        layout=layout,
        groups=charts.groups,
        only=charts.only,
        md_table=markdown.table,
    )
    environment.filters.update(
        tone=tone,
        minus=lambda text: str(text).replace("-", "\N{MINUS SIGN}"),
        percent=formats.percent,
        ratio=formats.ratio,
        score=formats.score,
        whole=formats.whole,
        plain=formats.plain,
        cluster_label=formats.cluster_label,
        word=formats.word,
        heading=formats.heading,
        day=formats.day,
        moment=formats.moment,
        yes_no=formats.yes_no,
    )
    return environment
