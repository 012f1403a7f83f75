"""Find and load the engines of the tournament: the built-in ones, and plugins by entry point.

See docs/method/09-tournament.md#9.3.

A plugin is an installed distribution with an entry point in the group `lakefolio.engines`; the manifest names it in
`tournament.engines` beside the built-in names. docs/guide/own-engine.md shows one.
"""

from __future__ import annotations

import difflib
import importlib.metadata
from collections.abc import Sequence
from dataclasses import replace

from analytics.errors import AnalyticsError
from analytics.settings import BUILT_IN_ENGINES
from analytics.tournament.engines import Decide, Decision, Engine, PastView
from analytics.tournament.errors import PluginError
from analytics.tournament.plugins import PluginContext
from lakefolio.errors import UsageError

GROUP = "lakefolio.engines"


def check_engines(names: Sequence[str]) -> None:
    """Refuse a name that is neither built in nor installed, and a name that stands twice.

    Raises
    ------
    UsageError
        The message offers the nearest name.
    """
    for name in names:
        if name not in BUILT_IN_ENGINES:
            _entry_point(name)
        if names.count(name) > 1:
            raise UsageError(f"tournament.engines names {name!r} twice; name each engine once")


def plugin_packages(names: Sequence[str]) -> dict[str, str]:
    """Distribution and version of every plugin, for the record of what a run depends on."""
    found: dict[str, str] = {}
    for name in names:
        if name not in BUILT_IN_ENGINES:
            distribution = _entry_point(name).dist
            if distribution is not None:
                found[distribution.name] = distribution.version
    return found


def make_plugin(name: str, context: PluginContext) -> Engine:
    """Load a plugin and make its engine, under the name that the manifest knows it by.

    Raises
    ------
    UsageError
        There is no such plugin, it can't be loaded, or what it makes is no engine.
    """
    point = _entry_point(name)
    try:
        engine = point.load()(context)
    except Exception as error:
        raise UsageError(f"engine {name!r} ({point.value}) cannot be made: {type(error).__name__}: {error}") from error
    if not isinstance(engine, Engine):
        raise UsageError(f"engine {name!r} ({point.value}) made a {type(engine).__name__}, not an Engine")
    return replace(
        engine, name=name, decides={risk_profile: _guarded(name, d) for risk_profile, d in engine.decides.items()}
    )


def _guarded(name: str, decide: Decide) -> Decide:
    def guarded(past: PastView) -> Decision:
        try:
            decision = decide(past)
        except AnalyticsError:
            raise
        except Exception as error:
            # A plugin's bug fails its own cells; the others go on (docs/method/09-tournament.md#9.3).
            raise PluginError(f"{name} ended with {type(error).__name__}: {error}") from error
        if not isinstance(decision, Decision):
            raise PluginError(f"{name} answered a {type(decision).__name__}, not a Decision")
        return decision

    return guarded


def _entry_point(name: str) -> importlib.metadata.EntryPoint:
    installed = importlib.metadata.entry_points(group=GROUP)
    found = [point for point in installed if point.name == name]
    if not found:
        known = [*BUILT_IN_ENGINES, *sorted({point.name for point in installed})]
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
        raise UsageError(
            f"tournament.engines: no engine {name!r}; {hint}; others are entry points of the group {GROUP}"
        )
    if len({point.value for point in found}) > 1:
        owners = ", ".join(sorted(point.dist.name if point.dist else point.value for point in found))
        raise UsageError(f"tournament.engines: {name!r} is offered by several packages ({owners}); keep one installed")
    return found[0]
