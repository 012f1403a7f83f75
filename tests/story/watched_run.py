"""The command line, which afterwards prints the tables and settings that each step used, as JSON.

Called with the words of `lakefolio`, in a process of its own.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from analytics.settings import Settings
from lakefolio.cli.app import main
from lakefolio.config.manifest import Profile
from lakefolio.runs.run import Run
from lakefolio.runs.step_access import StepAccess


def keys_by_section() -> dict[tuple[type[Settings], str], str]:
    """Manifest key of each field of each section."""
    keys: dict[tuple[type[Settings], str], str] = {}
    for name, info in Profile.model_fields.items():
        section = info.annotation
        if isinstance(section, type) and issubclass(section, Settings):
            keys |= {(section, inner): f"{name}.{inner}" for inner in section.model_fields}
        else:
            keys[Profile, name] = name
    return keys


def watch() -> tuple[dict[str, StepAccess], dict[str, set[str]]]:
    """Note from now on what each step uses: its access, and the settings that it reads."""
    accesses: dict[str, StepAccess] = {}
    settings: dict[str, set[str]] = defaultdict(set)
    keys, plain_read, plain_held = keys_by_section(), Settings.__getattribute__, Run.held_to
    under_way: list[str] = []

    def noted_read(self: Settings, name: str) -> object:
        key = keys.get((type(self), name))
        if key is not None and under_way:
            settings[under_way[-1]].add(key)
        return plain_read(self, name)

    @contextmanager
    def noted_held(self: Run, access: StepAccess) -> Iterator[None]:
        accesses[access.step] = access
        under_way.append(access.step)
        try:
            with plain_held(self, access):
                yield
        finally:
            under_way.pop()

    Settings.__getattribute__ = noted_read  # type: ignore[method-assign,assignment]
    Run.held_to = noted_held  # type: ignore[method-assign]
    return accesses, settings


if __name__ == "__main__":
    used, read = watch()
    code = main(sys.argv[1:])
    steps = {
        name: {"reads": sorted(one.reads), "writes": sorted(one.writes), "settings": sorted(read[name])}
        for name, one in used.items()
    }
    sys.stdout.write(json.dumps(steps))
    sys.exit(code)
