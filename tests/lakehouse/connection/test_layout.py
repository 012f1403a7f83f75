"""A lake of another layout is refused with what to do, and one without a record is taken for what its tables say."""

from __future__ import annotations

import pytest

from lakehouse.connection.catalog import Lake, LakeSettings
from lakehouse.connection.layout import LAYOUT, read_fact, write_fact
from lakehouse.errors import LakeVersionError
from lakehouse.paths import Paths


def test_a_new_lake_records_its_layout_and_a_path_below_its_home(lake: Lake) -> None:
    assert read_fact(lake.connection, "lakefolio_layout") == str(LAYOUT)
    assert read_fact(lake.connection, "data_path") == "data/lakehouse/files/"
    assert read_fact(lake.connection, "unknown") is None


@pytest.mark.parametrize("read_only", [True, False])
def test_a_newer_lake_is_refused_with_what_to_install(
    lake: Lake, paths: Paths, settings: LakeSettings, read_only: bool
) -> None:
    write_fact(lake.connection, "lakefolio_layout", str(LAYOUT + 1))
    lake.close()
    with pytest.raises(LakeVersionError, match=f"layout {LAYOUT + 1} .* install the version"):
        Lake.open(paths, settings=settings, read_only=read_only)


@pytest.mark.parametrize("read_only", [True, False])
def test_an_older_lake_is_refused_with_the_command_that_migrates_it(
    lake: Lake, paths: Paths, settings: LakeSettings, read_only: bool
) -> None:
    lake.rows("create table lake.results.runs as from lake.scope.runs")
    lake.rows("drop table lake.scope.runs")
    lake.rows("delete from __ducklake_metadata_lake.ducklake_metadata where key = 'lakefolio_layout'")
    lake.close()
    with pytest.raises(LakeVersionError, match=r"layout 1 .*`lakefolio lake migrate`"):
        Lake.open(paths, settings=settings, read_only=read_only)


def test_a_lake_without_a_record_and_with_the_tables_of_today_is_taken_over(
    lake: Lake, paths: Paths, settings: LakeSettings
) -> None:
    lake.rows("delete from __ducklake_metadata_lake.ducklake_metadata where key = 'lakefolio_layout'")
    lake.close()
    with Lake.open(paths, settings=settings) as opened:
        assert read_fact(opened.connection, "lakefolio_layout") == str(LAYOUT)
