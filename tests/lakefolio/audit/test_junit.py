"""Health and gate as a build server reads them: the file is parsed back and counted again."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from xml.etree import ElementTree as ET

import polars as pl
import pytest

from lakefolio.audit.checks import Check
from lakefolio.audit.junit import Suite, checks_of, gate_suite, health_suite, write_junit
from lakefolio.errors import UsageError

AT = dt.datetime(2026, 1, 15, 8, 30)  # noqa: DTZ001 - the lake's timestamps are naive UTC
STATUSES = ["OK", "SHORT", "GAPS", "STALE", "INVALID", "MISSING"]
CHECKS = [
    Check("weights_sum", "hrp", 0.0, 1e-6, passed=True, detail="distance of the sum of weights from 1"),
    Check("cluster_cap", "hrp", 0.31, 0.25, passed=False, detail='largest cluster: <3> & "four" \x00\x1b'),
    Check("data_health", "all", 0.0, float("inf"), passed=True),
]


def health(stage: str = "full", statuses: list[str] = STATUSES) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "stage": stage, "symbol": f"SIMX:{status}", "status": status, "n_expected": 20, "n_present": 18,
                "n_gaps": 2, "n_quarantined": 1, "n_stale_sessions": 3, "last_session": AT.date(), "is_judged": True,
            }
            for status in statuses
        ]
    )  # fmt: skip


def written(folder: Path, *suites: Suite) -> ET.Element:
    path = folder / "health.xml"
    write_junit(path, "run-a", AT, suites)
    assert [file.name for file in folder.iterdir()] == ["health.xml"]
    return ET.fromstring(path.read_bytes())  # noqa: S314 - what was just written


def test_the_document_has_the_usual_shape_and_counts_that_agree(tmp_path: Path) -> None:
    root = written(tmp_path, health_suite(health()), gate_suite(CHECKS))
    assert root.tag == "testsuites"
    assert [child.tag for child in root] == ["testsuite", "testsuite"]
    assert [suite.get("name") for suite in root] == ["health", "gate"]
    for node in (root, *root):
        cases = node.findall(".//testcase")
        assert node.get("tests") == str(len(cases))
        assert node.get("failures") == str(len(node.findall(".//failure")))
        assert (node.get("errors"), node.get("skipped")) == ("0", "0")
        assert float(str(node.get("time"))) == 0.0
    assert (root.get("tests"), root.get("failures")) == ("9", "5")
    for suite in root:
        assert suite.get("timestamp") == "2026-01-15T08:30:00"
        assert {child.tag for child in suite} == {"properties", "testcase"}
        assert [one.attrib for one in suite.iter("property")] == [{"name": "run_id", "value": "run-a"}]
        for case in suite.iter("testcase"):
            assert {"classname", "name", "time"} == set(case.attrib)
            assert {child.tag for child in case} <= {"failure", "system-out"}
    named = [(case.get("classname"), case.get("name")) for case in root.iter("testcase")]
    assert len(set(named)) == len(named)


def test_every_judged_symbol_is_a_case_and_only_ok_and_short_pass(tmp_path: Path) -> None:
    unjudged = health(statuses=["GAPS"]).with_columns(symbol=pl.lit("SIMX:OUT"), is_judged=pl.lit(value=False))
    (suite,) = written(tmp_path, health_suite(pl.concat([health(), unjudged, health("light", ["STALE"])])))
    failures = {case.get("name"): case.find("failure") for case in suite.iter("testcase")}
    assert set(failures) == {f"SIMX:{status}" for status in STATUSES}
    assert {name for name, failure in failures.items() if failure is None} == {"SIMX:OK", "SIMX:SHORT"}
    failure = failures["SIMX:GAPS"]
    assert failure is not None
    assert failure.get("type") == "GAPS"
    assert failure.get("message") == (
        "SIMX:GAPS GAPS: 18 of 20 sessions, 2 gaps, 1 quarantined, 3 stale, last session 2026-01-15"
    )
    assert {case.get("classname") for case in suite.iter("testcase")} == {"health.full"}


def test_before_the_full_depth_the_light_one_is_judged(tmp_path: Path) -> None:
    (suite,) = written(tmp_path, health_suite(health("light", ["OK", "STALE"])))
    assert [case.get("classname") for case in suite.iter("testcase")] == ["health.light"] * 2
    assert suite.get("failures") == "1"


def test_a_failed_check_says_value_and_limit_and_no_character_breaks_the_file(tmp_path: Path) -> None:
    (suite,) = written(tmp_path, gate_suite(CHECKS))
    cases = {case.get("name"): case for case in suite.iter("testcase")}
    assert set(cases) == {"weights_sum", "cluster_cap", "data_health"}
    failure = cases["cluster_cap"].find("failure")
    assert failure is not None
    assert failure.get("message") == (
        'cluster_cap [hrp] failed: value 0.31, limit 0.25. largest cluster: <3> & "four" \ufffd\ufffd'
    )
    assert [name for name, case in cases.items() if case.find("failure") is not None] == ["cluster_cap"]
    assert cases["weights_sum"].get("classname") == "gate.hrp"


def test_recorded_checks_are_read_as_they_were_judged() -> None:
    rows = [
        {
            "check": c.check,
            "risk_profile": c.risk_profile,
            "value": c.value,
            "limit": c.limit,
            "passed": c.passed,
            "detail": c.detail,
        }
        for c in CHECKS
    ]
    assert checks_of(pl.DataFrame(rows)) == CHECKS
    unknown = pl.DataFrame([{**rows[0], "value": None, "passed": None}], schema=pl.DataFrame(rows).schema)
    (check,) = checks_of(unknown)
    assert not check.passed
    assert gate_suite([check]).n_failures == 1


def test_a_place_that_is_no_file_is_refused(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "nowhere" / "health.xml"):
        with pytest.raises(UsageError, match="--junit"):
            write_junit(place, "run-a", AT, [])
    assert list(tmp_path.iterdir()) == []
