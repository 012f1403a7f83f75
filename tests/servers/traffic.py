"""Log of the requests to the exchange, with times and sizes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(slots=True)
class Traffic:
    """One request (over the websocket: one handshake or one client message).

    Attributes
    ----------
    what : str
        Method and target, or the websocket method and its parameters.
    at : float
        Seconds on the monotonic clock.
    bytes_in, bytes_out : int
        Body bytes received, bytes written in answer.
    status : int
        HTTP status sent, 101 for a websocket; 0 while no header was sent.
    fault : str
        The fault that struck, or empty.
    """

    service: str
    what: str
    body: bytes
    at: float
    bytes_in: int
    bytes_out: int = 0
    status: int = 0
    fault: str = ""


class TrafficLog:
    """The log of an exchange, readable while it grows."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[Traffic] = []

    def add(self, service: str, what: str, body: bytes) -> Traffic:
        """Record a request; the caller adds the response."""
        entry = Traffic(service, what, body, time.monotonic(), len(body))
        with self._lock:
            self._entries.append(entry)
        return entry

    def of(self, service: str, holding: str = "") -> list[Traffic]:
        """Entries of a service whose text holds a string."""
        return [entry for entry in self if entry.service == service and holding in entry.what]

    def clear(self) -> None:
        """Forget all entries."""
        with self._lock:
            self._entries.clear()

    def __iter__(self) -> Iterator[Traffic]:
        with self._lock:
            return iter(list(self._entries))

    def __len__(self) -> int:
        with self._lock:
            return len(self._entries)

    def __getitem__(self, index: int) -> Traffic:
        with self._lock:
            return self._entries[index]
