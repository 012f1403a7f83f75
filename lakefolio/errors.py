"""Errors that end a command, and the exit code of each.

See docs/architecture.md#run.

LakefolioError (1)
├── UsageError (2)          an unknown word on the command line or in a configuration file
│   └── ManifestError (2)
├── GateError (3)           a health or audit gate that did not pass
│   ├── HealthGateError (3)
│   └── AuditGateError (3)
├── LockedError (4)         another run holds the lock
├── VerificationError (5)   a ledger, artifact or table that differs from what was signed
├── ForeignChangeError (5)  a table of record that another program changed
├── ResumeError (1)         an earlier step's outputs are not what the ledger recorded
└── UndeclaredAccessError (1) a step used a table or file that it does not declare: a defect of lakefolio itself
"""

from __future__ import annotations

EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_GATE, EXIT_LOCKED, EXIT_UNVERIFIED, EXIT_INTERRUPTED = 0, 1, 2, 3, 4, 5, 130


class LakefolioError(Exception):
    """Root of the errors of this package."""

    exit_code = EXIT_FAILED


class UsageError(LakefolioError):
    """A command or setting that is not known; the message offers the nearest one."""

    exit_code = EXIT_USAGE


class ManifestError(UsageError):
    """A manifest that cannot be resolved; the message names the key, its place and the nearest valid name."""


class GateError(LakefolioError):
    """A gate that did not pass; the message names check, value and limit."""

    exit_code = EXIT_GATE


class HealthGateError(GateError):
    """Data too unhealthy to build a portfolio on; the message names symbols and sessions."""


class AuditGateError(GateError):
    """A portfolio that may not be published; the message names check, risk profile, value and limit."""


class LockedError(LakefolioError):
    """Another run holds the lock; the message names it."""

    exit_code = EXIT_LOCKED


class VerificationError(LakefolioError):
    """A signed file or table that has changed; the message names line and file."""

    exit_code = EXIT_UNVERIFIED


class ForeignChangeError(LakefolioError):
    """Tables of record that another program changed; the message names each with its snapshot."""

    exit_code = EXIT_UNVERIFIED


class ResumeError(LakefolioError):
    """Outputs that are missing or changed since they were recorded; the message names the step to start from.

    Attributes
    ----------
    start_step : str or None
        Name of the step to start from, where one would mend it.
    """

    def __init__(self, message: str, start_step: str | None = None) -> None:
        super().__init__(message)
        self.start_step = start_step


class UndeclaredAccessError(LakefolioError):
    """A step that uses what it does not declare: a defect of lakefolio; the message names step and table."""
