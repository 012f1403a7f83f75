"""A printed column has the heading, format and alignment that dbt's YAML declares, or those that follow from it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from lakehouse.dbt.declarations import ModelColumn
from reports import tables
from reports.reader import report_models
from reports.tables.printed import FORMATS, PrintedTable, field_of, format_of, heading_of
from reports.text.formats import ASSET_CLASSES


def printed_tables() -> Iterator[tuple[str, PrintedTable]]:
    for theme in tables.__all__:
        for name, value in vars(getattr(tables, theme)).items():
            if isinstance(value, PrintedTable):
                yield f"{theme}.{name}", value


@pytest.mark.parametrize(
    ("name", "heading"),
    [
        ("n_members", "Members"),
        ("is_selected", "Selected"),
        ("cluster_id", "Cluster"),
        ("inputs_sha256", "Inputs"),
        ("mean_correlation", "Mean corr."),
        ("n_subclusters", "Sub-clusters"),
        ("cvar95", "CVaR 95"),
        ("id", "Id"),
    ],
)
def test_a_heading_follows_from_the_name(name: str, heading: str) -> None:
    assert heading_of(name) == heading


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("n_bars", "bigint", "count"),
        ("cluster_id", "bigint", "id"),
        ("other_symbol", "varchar", "code"),
        ("run_id", "varchar", "code"),
        ("inputs_sha256", "varchar", "digest"),
        ("label", "varchar", "label"),
        ("beta", "double", "ratio"),
        ("is_used", "boolean", "yes_no"),
        ("session_date", "date", "date"),
        ("started_at", "timestamp", "time"),
    ],
)
def test_a_format_follows_from_type_and_name(name: str, kind: str, expected: str) -> None:
    assert format_of(ModelColumn(name, kind, "")) == expected


def test_a_declared_heading_and_format_come_first() -> None:
    field = field_of(ModelColumn("net_weight", "double", "", heading="Net", format="signed_fraction"))
    assert (field.heading, field.write(0.125), field.is_right_aligned) == ("Net", "+12.50 %", True)
    assert field_of(ModelColumn("weight", "double", "", format="fraction"), "ratio").write(0.125) == "0.12"


def test_every_declared_format_is_known() -> None:
    unknown = {
        f"{model.name}.{column.name}: {column.format}"
        for model in report_models().values()
        for column in model.columns.values()
        if format_of(column) not in FORMATS
    }
    assert not unknown


def test_a_heading_is_declared_only_where_it_does_not_follow() -> None:
    repeated = {
        f"{model.name}.{column.name}"
        for model in report_models().values()
        for column in model.columns.values()
        if column.heading == heading_of(column.name)
    }
    assert not repeated


@pytest.mark.parametrize(("name", "table"), [pytest.param(*pair, id=pair[0]) for pair in printed_tables()])
def test_every_printed_column_is_declared_once_and_has_a_heading(name: str, table: PrintedTable) -> None:
    names = [field.name for field in table]
    assert set(names) <= set(report_models()[table.model].columns)
    assert len(set(names)) == len(table) == len(table.columns.split())
    assert all(field.heading for field in table)


def test_asset_classes_are_ordered_as_the_charts_stack_them() -> None:
    listed = re.findall(r"'(\w+)'", report_models()["rpt_asset_classes"].order_by)
    assert tuple(listed) == ASSET_CLASSES
