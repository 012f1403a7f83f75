"""What stops a command, and the exit code it ends with.

See docs/architecture.md#run.

LakefolioError (1)
├── UsageError (2)          a word of the command line or of a configuration file that means nothing here
│   └── ManifestError (2)
├── GateError (3)           a health or audit gate that did not pass
│   ├── HealthGateError (3)
│   └── AuditGateError (3)
├── LockedError (4)         another run holds the lock
├── VerificationError (5)   a ledger, artifact or table that is not what was signed
└── ResumeError (1)         an earlier step's outputs are not what the ledger recorded
"""

from __future__ import annotations

EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_GATE, EXIT_LOCKED, EXIT_UNVERIFIED, EXIT_INTERRUPTED = 0, 1, 2, 3, 4, 5, 130


class LakefolioError(Exception):
    """Root of what the front door raises."""

    exit_code = EXIT_FAILED


class UsageError(LakefolioError):
    """A command or setting that means nothing here; the message offers the nearest that does."""

    exit_code = EXIT_USAGE


class ManifestError(UsageError):
    """A manifest that cannot be resolved; the message names the key, its place and the nearest valid name."""


class GateError(LakefolioError):
    """A gate that did not pass; the message names check, value and limit."""

    exit_code = EXIT_GATE


class HealthGateError(GateError):
    """Data health that may not be built upon; the message names symbols and sessions."""


class AuditGateError(GateError):
    """A portfolio that may not be published; the message names check, risk profile, value and limit."""


class LockedError(LakefolioError):
    """Another run holds the lock; the message names it."""

    exit_code = EXIT_LOCKED


class VerificationError(LakefolioError):
    """Something signed that has changed; the message names line and file."""

    exit_code = EXIT_UNVERIFIED


class ResumeError(LakefolioError):
    """Outputs that are missing or changed since they were recorded; the message names the step to start from."""
