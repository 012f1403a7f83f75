"""Errors of the tournament package.

AnalyticsError (analytics.errors)
└── TournamentError
    ├── WindowError               a split that would test a session twice
    ├── UnsupportedProfileError   an engine does not support a risk profile; its cell stays empty
    ├── PluginError               a plugin engine broke or returned no decision
    └── RuinError                 the simulated wealth fell below zero
"""

from __future__ import annotations

from analytics.errors import AnalyticsError


class TournamentError(AnalyticsError):
    """Root of the errors that only the tournament raises."""


class WindowError(TournamentError, ValueError):
    """Invalid walk-forward split; the message gives train, test and step."""


class UnsupportedProfileError(TournamentError):
    """Raised by an engine for a risk profile that it does not support.

    See docs/method/09-tournament.md#9.3.
    """


class PluginError(TournamentError):
    """Plugin engine that broke; the message gives its name and the error that it raised."""


class RuinError(TournamentError):
    """Simulated wealth below zero; the message gives the session of the window and the wealth."""
