"""Errors of the reports, all derived from `ReportError`.

ReportError
├── IncompleteReportError    a table or record that a report needs is missing, malformed or empty
└── UnknownReportError       no report has the requested name
"""

from __future__ import annotations


class ReportError(Exception):
    """Root of the errors that `reports` raises."""


class IncompleteReportError(ReportError):
    """A table or record that a report needs is missing, malformed or empty, so nothing is published.

    Parameters
    ----------
    table : str
        Table (or `provenance`) that differs from its declaration.
    reason : str
        Description of the problem and the next thing to do.
    """

    def __init__(self, table: str, reason: str) -> None:
        self.table = table
        self.reason = reason
        super().__init__(f"{table}: {reason}")


class UnknownReportError(ReportError):
    """No report has the requested name."""
