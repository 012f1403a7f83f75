"""Print the fault matrix as a table of case, service, outcome and seconds: `python -m benchmarks.faults [FILE]`.

It runs the tests of the matrix and reads the properties that each recorded, so a row exists only where its test passed.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

MATRIX = "tests/ingest/live/test_fault_matrix.py"


def rows_of(report: Path) -> list[tuple[str, str, str, float]]:
    """Case, service, outcome and seconds of every test of the matrix that passed and recorded them."""
    rows = []
    for test in ElementTree.parse(report).iter("testcase"):  # noqa: S314 - the file was written a moment ago by pytest
        noted = {one.get("name"): one.get("value") for one in test.iter("property")}
        inside = str(test.get("name")).partition("[")[2].rstrip("]")
        if "outcome" in noted and test.find("failure") is None:
            service, _, case = inside.partition("-")
            where, what = (service, case) if case else ("scanner", service)
            rows.append((what, where, str(noted["outcome"]), float(str(noted["seconds"]))))
    return sorted(rows)


def main(target: Path | None) -> int:
    """Run the matrix and write the table to a file, or to standard output."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "matrix.xml"
        words = ["-q", "-p", "no:cacheprovider", MATRIX, "--junitxml", str(report), "-o", "junit_family=xunit1"]
        code = subprocess.run([sys.executable, "-m", "pytest", *words], check=False, stdout=sys.stderr).returncode  # noqa: S603
        rows = rows_of(report)
    lines = ["| case | service | outcome | seconds |", "| --- | --- | --- | ---: |"]
    lines += [f"| {case} | {service} | {outcome} | {seconds:.2f} |" for case, service, outcome, seconds in rows]
    text = "\n".join(lines) + "\n"
    if target is None:
        sys.stdout.write(text)
    else:
        target.write_text(text, encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else None))
