"""Exposures name every published report with the models that it reads, and the weights with the marts they follow from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl
import pytest
import yaml

from lakefolio.pipeline.sequence import STEPS
from lakehouse.dbt.declarations import declared_models
from lakehouse.paths import shipped_dbt_project
from reports.reader import ReportTables
from reports.render import REPORTS, render_report

FILE = shipped_dbt_project() / "models" / "exposures.yml"
EXPOSURES = {exposure["label"]: exposure for exposure in yaml.safe_load(FILE.read_text(encoding="utf-8"))["exposures"]}


class RecordingTables(ReportTables):
    """Report tables that record which of them are read."""

    def __init__(self, frames: Mapping[str, pl.DataFrame]) -> None:
        super().__init__(frames)
        object.__setattr__(self, "read", set())

    def __getitem__(self, name: str) -> pl.DataFrame:
        self.read.add(name)  # type: ignore[attr-defined]
        return self.frames[name]


def refs(exposure: Mapping[str, Any]) -> Iterator[str]:
    for dependency in exposure["depends_on"]:
        yield from re.findall(r"^ref\('(\w+)'\)$", dependency)


def test_every_report_is_an_exposure() -> None:
    reports = [label for label in EXPOSURES if re.fullmatch(r"\w+\.(md|html)", label)]
    assert reports == list(REPORTS)


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_depends_on_the_models_that_it_reads(
    name: str, tables: ReportTables, provenance: dict[str, Any]
) -> None:
    recording = RecordingTables(tables.frames)
    render_report(name, recording, provenance)
    assert sorted(recording.read) == list(refs(EXPOSURES[name]))  # type: ignore[attr-defined]


def test_the_weights_depend_on_the_marts_that_the_deciding_steps_read() -> None:
    deciding = [
        step for step in STEPS if step.number <= next(s.number for s in STEPS if "results.weights" in s.outputs)
    ]
    read = {table for step in deciding for table in step.inputs if table.startswith("marts.")}
    exposure = EXPOSURES["weights/<risk_profile>.csv"]
    assert [f"marts.{name}" for name in refs(exposure)] == sorted(read)
    assert "source('results', 'weights')" in exposure["depends_on"]


def test_every_exposure_has_an_owner_a_type_and_known_models() -> None:
    models = {name for schema in ("marts", "reports") for name in declared_models(schema)}
    for label, exposure in EXPOSURES.items():
        assert (exposure["owner"], exposure["type"]) in (
            ({"name": "lakefolio"}, "analysis"),
            ({"name": "lakefolio"}, "application"),
        ), label
        assert set(refs(exposure)) <= models, label
