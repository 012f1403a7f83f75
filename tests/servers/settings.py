"""Settings of the loopback exchange without faults."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """Limits and clocks of the exchange.

    Attributes
    ----------
    now : datetime or None
        The exchange's clock, naive UTC: bars that open later are not served, the bar that is open at `now` is the
        unfinished one. None stands for one day after the last bar opened, so every bar is final.
    heartbeat_seconds : float
        Pause between heartbeats; a client that has not echoed one by the next is disconnected.
    latency_seconds : float
        Pause before every reply.
    max_bars : int
        Bars a websocket series may hold, as without a paid plan.
    max_sessions : int
        Chart sessions per websocket connection.
    max_connections : int or None
        Open websocket connections; a further handshake is answered with 429.
    tokens : frozenset of str
        Accepted by `set_auth_token`.
    spot_weight_limit, futures_weight_limit : int
        Request weight per window before 429, and 418 after `patience` refusals.
    lifetime_seconds : float
        The exchange stops by itself after this long, whoever forgot it.
    """

    now: dt.datetime | None = None
    heartbeat_seconds: float = 5.0
    latency_seconds: float = 0.0
    max_bars: int = 5000
    max_sessions: int = 8
    max_connections: int | None = None
    tokens: frozenset[str] = frozenset({"unauthorized_user_token"})
    spot_weight_limit: int = 6000
    futures_weight_limit: int = 2400
    weight_window_seconds: float = 60.0
    refusals_before_ban: int = 3
    lifetime_seconds: float = 900.0
