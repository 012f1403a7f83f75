"""Health and gate as JUnit XML, the form in which a build server shows what failed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import polars as pl

from lakefolio.audit.checks import Check
from lakefolio.errors import UsageError
from lakehouse.connection.catalog import Lake

PASSING = ("OK", "SHORT")
_NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Case:
    """One test case; `failure` is None where it passed."""

    group: str
    name: str
    kind: str
    failure: str | None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Suite:
    """Test cases of one kind on one run."""

    name: str
    cases: tuple[Case, ...]

    @property
    def n_failures(self) -> int:
        """Number of cases that failed."""
        return sum(case.failure is not None for case in self.cases)


def junit_of_run(lake: Lake, run_id: str, path: Path, checks: Sequence[Check] | None = None) -> None:
    """Write health and gate of a run: the checks given, or those that its audit recorded.

    Raises
    ------
    UsageError
        When there is no folder to write into.
    """
    health = lake.query("select * from reports.rpt_health where run_id = ?", [run_id])
    (started_at,) = lake.query("select started_at from scope.runs where run_id = ?", [run_id]).row(0)
    if checks is None:
        checks = checks_of(
            lake.query('select * from results.audit_checks where run_id = ? order by risk_profile, "check"', [run_id])
        )
    write_junit(path, run_id, started_at, [health_suite(health), gate_suite(checks)])


def health_suite(health: pl.DataFrame) -> Suite:
    """One case for each symbol that the health gate checks: at full depth, or at light depth before there is any other.

    Parameters
    ----------
    health : polars.DataFrame
        Rows of `rpt_health` of one run. OK and SHORT pass (docs/method/01-time-sessions-bars.md#1.6).
    """
    stages = health["stage"].unique().to_list()
    stage = "full" if "full" in stages else "light"
    rows = health.filter((pl.col("stage") == stage) & pl.col("is_judged")).sort("symbol")
    return Suite("health", tuple(_health_case(row, stage) for row in rows.iter_rows(named=True)))


def gate_suite(checks: Sequence[Check]) -> Suite:
    """One case for each check of the gate.

    See docs/method/11-audit.md#11.1.
    """
    return Suite(
        "gate",
        tuple(
            Case(f"gate.{check.risk_profile}", check.check, "gate", None if check.passed else str(check), str(check))
            for check in checks
        ),
    )


def checks_of(frame: pl.DataFrame) -> list[Check]:
    """Read rows of `results.audit_checks` as checks; a value that was not recorded is not a number, and not passed."""
    return [
        Check(
            row["check"],
            row["risk_profile"],
            float("nan") if row["value"] is None else row["value"],
            float("nan") if row["limit"] is None else row["limit"],
            bool(row["passed"]),
            row["detail"] or "",
        )
        for row in frame.iter_rows(named=True)
    ]


def write_junit(path: Path, run_id: str, started_at: datetime, suites: Sequence[Suite]) -> None:
    """Write the suites of one run; the file appears whole or not at all.

    Raises
    ------
    UsageError
        When there is no folder to write into.
    """
    if not path.parent.is_dir() or path.is_dir():
        raise UsageError(f"--junit {path}: name a file in a folder that exists")
    root = ET.Element("testsuites", {"name": f"lakefolio {run_id}", **_counts(suites)})
    for suite in suites:
        attributes = {"timestamp": started_at.isoformat(timespec="seconds"), "hostname": "lakefolio"}
        node = ET.SubElement(root, "testsuite", {"name": suite.name, **_counts([suite]), **attributes})
        properties = ET.SubElement(node, "properties")
        ET.SubElement(properties, "property", name="run_id", value=run_id)
        for case in suite.cases:
            _add_case(node, case)
    ET.indent(root)
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n")
    partial.replace(path)


def _add_case(suite: ET.Element, case: Case) -> None:
    node = ET.SubElement(suite, "testcase", classname=_clean(case.group), name=_clean(case.name), time="0")
    if case.failure is not None:
        ET.SubElement(node, "failure", message=_clean(case.failure), type=case.kind).text = _clean(case.detail)
    elif case.detail:
        ET.SubElement(node, "system-out").text = _clean(case.detail)


def _health_case(row: dict[str, object], stage: str) -> Case:
    status = str(row["status"])
    detail = (
        f"{row['symbol']} {status}: {row['n_present']} of {row['n_expected']} sessions, {row['n_gaps']} gaps, "
        f"{row['n_quarantined']} quarantined, {row['n_stale_sessions']} stale, last session {row['last_session']}"
    )
    return Case(f"health.{stage}", str(row["symbol"]), status, None if status in PASSING else detail, detail)


def _counts(suites: Sequence[Suite]) -> dict[str, str]:
    return {
        "tests": str(sum(len(suite.cases) for suite in suites)),
        "failures": str(sum(suite.n_failures for suite in suites)),
        "errors": "0",
        "skipped": "0",
        "time": "0",
    }


def _clean(text: str) -> str:
    """Replace what XML 1.0 cannot hold, whichever way it came into a message."""
    return _NO_XML.sub("\ufffd", text)
