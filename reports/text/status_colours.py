"""Assign a tone to each status, used by the HTML page and the terminal."""

from __future__ import annotations

from typing import Literal

Tone = Literal["good", "note", "caution", "bad", "plain"]

_TONES: dict[Tone, str] = {
    "good": "ok pass optimal closed_form solved success done achieved maintain quiet green",
    "note": "short skipped unsupported insufficient normal",
    "caution": "stale gaps turbulent rebalance amber optimal_inaccurate no_positive_excess_return missed",
    "bad": "missing invalid fail failed infeasible urgent crisis red error",
}
_BY_WORD: dict[str, Tone] = {word: tone for tone, words in _TONES.items() for word in words.split()}

# rich style of each health status, worst first (docs/method/01-time-sessions-bars.md#1.6).
HEALTH_STYLES = {
    "MISSING": "bold white on red",
    "INVALID": "bold red",
    "STALE": "dark_orange",
    "GAPS": "yellow",
    "SHORT": "cyan",
    "OK": "green",
}


def tone(state: object) -> Tone:
    """Return the tone of a status, regime, action or outcome; `plain` for other words."""
    if isinstance(state, bool):
        return "good" if state else "bad"
    return _BY_WORD.get(str(state).strip().lower().replace(" ", "_"), "plain")
