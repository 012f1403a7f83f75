"""What the tournament refuses, and why.

AnalyticsError (analytics.errors)
└── TournamentError
    ├── WindowError               a split of the sessions that would test a session twice, or none
    ├── UnsupportedProfileError   an engine that cannot do a risk profile; its cell says so and stays empty
    ├── PluginError                an engine from outside that broke or answered something else than a decision
    └── RuinError                 a path whose wealth fell below zero: it has no return afterwards
"""

from __future__ import annotations

from analytics.errors import AnalyticsError


class TournamentError(AnalyticsError):
    """Root of every error that only the tournament raises."""


class WindowError(TournamentError, ValueError):
    """A walk-forward split that is refused; the message gives train, test and step."""


class UnsupportedProfileError(TournamentError):
    """Raised by an engine for a risk profile it cannot do.

    See docs/method/09-tournament.md#9.3.
    """


class PluginError(TournamentError):
    """A guest engine that broke; the message names it and what it raised."""


class RuinError(TournamentError):
    """Wealth below zero; the message gives the session of the window and the wealth."""
