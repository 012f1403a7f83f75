"""Retry requests that failed in a transient way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import stamina

from ingest.errors import RemoteError, ThrottledError

KEPT = "complete results are kept, the next run continues there"
"""End of an error message about a fetch that can be resumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryLimits:
    """Number of attempts of one request, and the waits between them.

    Attributes
    ----------
    wait_initial_s, wait_max_s, wait_jitter_s : float
        Exponential backoff: first wait, longest wait, and random part of each wait.
    retry_after_cap_s : float
        Longest pause demanded by a service that is waited for; a longer one ends the request.
    """

    attempts: int = 4
    wait_initial_s: float = 0.5
    wait_max_s: float = 10.0
    wait_jitter_s: float = 0.5
    retry_after_cap_s: float = 60.0


def retrying(limits: RetryLimits) -> AsyncIterator[stamina.Attempt]:
    """Yield the attempts of one request; each is a context that swallows a transient `RemoteError` until the last."""
    return stamina.retry_context(
        on=_retry_wait,
        attempts=limits.attempts,
        timeout=None,
        wait_initial=limits.wait_initial_s,
        wait_max=limits.wait_max_s,
        wait_jitter=limits.wait_jitter_s,
    )


def _retry_wait(error: Exception) -> bool | float:
    """Return whether to try again, or the seconds to wait first where the service demands a pause."""
    if isinstance(error, ThrottledError) and error.is_transient and error.retry_after_s is not None:
        return error.retry_after_s
    return isinstance(error, RemoteError) and error.is_transient
