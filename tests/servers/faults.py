"""Switch faults on and off at run time, and record those that fired."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from tests.servers.fault_cases import ALL, ANSWER, BODY, CASES, HISTORY, LISTENER, PAGES, ROWS

Option = float | int | str | bool


@dataclass(slots=True)
class Fault:
    """One active fault; `times` counts down, None never ends."""

    service: str
    case: str
    times: int | None = None
    match: str | None = None
    options: dict[str, Option] = field(default_factory=dict)

    def number(self, name: str, default: float) -> float:
        """A numeric option."""
        return float(self.options.get(name, default))


@dataclass(frozen=True, slots=True)
class Fired:
    """Record of a fault that fired, with the request or symbol."""

    service: str
    case: str
    text: str


class Faults:
    """Faults switchable at run time, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._fired: list[Fired] = []
        self._listeners: list[Callable[[], None]] = []

    def set(
        self, service: str, case: str, *, times: int | None = None, match: str | None = None, **options: Option
    ) -> Fault:
        """Switch a fault on, or replace it if it is on with the same `match`.

        Parameters
        ----------
        service : str
            scanner, history, binance_spot, binance_futures or yahoo.
        case : str
            One of `cases.CASES`.
        times : int, optional
            How often it strikes before it switches itself off; not for `refuse`, which no one can count.
        match : str, optional
            Strike only requests whose text holds it, and only rows or series of this symbol.
        options : number or str
            seconds (Retry-After, or the pause of drip), size (bytes), depth, at (index of the bar), delta (bad_length).

        Raises
        ------
        ValueError
            The switch could never fire: unknown case, or not for this service.
        """
        if service not in ALL:
            raise ValueError(f"no service {service!r}: choose from {sorted(ALL)}")
        known = CASES.get(case)
        if known is None:
            raise ValueError(f"no fault {case!r}: choose from {sorted(CASES)}")
        if service not in known.services:
            raise ValueError(f"{case} makes no sense for {service}: choose from {sorted(known.services)}")
        if known.stage == LISTENER and (times is not None or match is not None):
            raise ValueError(f"{case} is on until cleared: a refused connection can be neither counted nor matched")
        if service == HISTORY and known.stage == ANSWER and match is not None:
            raise ValueError(f"{case} strikes the handshake, which names no symbol: leave match out")
        fault = Fault(service, case, times, match, options)
        with self._lock:
            self._faults = [one for one in self._faults if (one.service, one.case, one.match) != (service, case, match)]
            self._faults.append(fault)
        self._announce()
        return fault

    def clear(self, service: str | None = None, case: str | None = None) -> None:
        """Switch off all faults, or those of a service, or one case."""
        with self._lock:
            self._faults = [
                one
                for one in self._faults
                if (service is not None and one.service != service) or (case is not None and one.case != case)
            ]
        self._announce()

    def take(self, service: str, stage: str, text: str, cases: frozenset[str] | None = None) -> Fault | None:
        """Return the fault that applies here, counted as fired; None if there is none.

        `text` is the request in words, or for rows and packets the symbol they belong to.
        """
        with self._lock:
            for fault in self._faults:
                if fault.service != service or CASES[fault.case].stage != stage:
                    continue
                if cases is not None and fault.case not in cases:
                    continue
                if fault.match is not None and not _applies(fault.match, stage, text):
                    continue
                self._count(fault, text)
                return fault
        return None

    def take_rows(self, service: str, symbols: Collection[str], *, pages: bool) -> list[Fault]:
        """Return all faults of rows, or of pages, that apply to one of the symbols, counted as fired."""
        with self._lock:
            struck = [
                fault
                for fault in self._faults
                if fault.service == service
                and CASES[fault.case].stage == (PAGES if pages else ROWS)
                and (fault.match is None or fault.match in symbols)
            ]
            for fault in struck:
                self._count(fault, fault.match or " ".join(symbols))
        return struck

    def is_on(self, service: str, case: str) -> bool:
        """Return whether a fault is on, without counting it."""
        with self._lock:
            return any(one.service == service and one.case == case for one in self._faults)

    @property
    def fired(self) -> list[Fired]:
        """Return the faults fired so far, oldest first."""
        with self._lock:
            return list(self._fired)

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener` after every switch."""
        self._listeners.append(listener)

    def _count(self, fault: Fault, text: str) -> None:
        self._fired.append(Fired(fault.service, fault.case, text[:200]))
        if fault.times is None:
            return
        fault.times -= 1
        if fault.times <= 0:
            self._faults.remove(fault)

    def _announce(self) -> None:
        for listener in self._listeners:
            listener()


def _applies(match: str, stage: str, text: str) -> bool:
    if stage not in {ANSWER, BODY}:
        return match == text
    # As a whole word: NASDAQ:MADE1 is not in a request for NASDAQ:MADE10, nor BTCUSDT in one for BTCUSDT.P.
    return re.search(re.escape(match) + r"(?![A-Za-z0-9.])", text) is not None
