"""What the window refuses.

ReportError
├── IncompleteReportError    a table or record that a report stands on is missing, malformed or empty
└── UnknownReportError       a report was asked for by a name that does not exist
"""

from __future__ import annotations


class ReportError(Exception):
    """Root of everything this room raises."""


class IncompleteReportError(ReportError):
    """A report is complete or it is not published.

    Parameters
    ----------
    table : str
        The table (or `provenance`) that is not as declared.
    reason : str
        What is wrong with it, and what to do next.
    """

    def __init__(self, table: str, reason: str) -> None:
        self.table = table
        self.reason = reason
        super().__init__(f"{table}: {reason}")


class UnknownReportError(ReportError):
    """The name is none of the reports that can be rendered."""
