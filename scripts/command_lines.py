"""Read the commands and options of both command lines from their trees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ingest.cli import app as ingest_app
from lakefolio.cli import app as lakefolio_app


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its spellings with the placeholder of its value, its default and its meaning."""

    names: str
    default: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Command:
    """One command: all its words, its arguments as usage shows them, and its options."""

    name: str
    summary: str
    arguments: tuple[str, ...]
    options: tuple[Option, ...]

    @property
    def spellings(self) -> frozenset[str]:
        """Every spelling of every option."""
        words = (word for option in self.options for word in option.names.replace(",", " ").replace("/", " ").split())
        return frozenset(word for word in words if word.startswith("-"))


@dataclass(frozen=True, slots=True)
class CommandLine:
    """One program: its name, what it is for, and its commands; the first is the program with its own options."""

    name: str
    summary: str
    commands: tuple[Command, ...]


def command_lines() -> tuple[CommandLine, ...]:
    """Both command lines."""
    return (
        from_tree("lakefolio", lakefolio_app.command_tree()),
        from_tree("python -m ingest", ingest_app.command_tree()),
    )


def from_tree(name: str, root: Any) -> CommandLine:
    """Read a program from the command at the root of its tree."""
    return CommandLine(name, _summary(root), tuple(_commands_below(name, root)))


def _commands_below(name: str, command: Any) -> Iterator[Command]:
    context = command.make_context(name, [], resilient_parsing=True)
    arguments, options = [], []
    for parameter in command.params:
        if getattr(parameter, "hidden", False):
            continue
        if parameter.param_type_name == "argument":
            arguments += parameter.get_usage_pieces(context)
        else:
            options.append(_option(parameter, context))
    yield Command(name, _summary(command), tuple(arguments), tuple(options))
    for word, below in getattr(command, "commands", {}).items():
        if not below.hidden:
            yield from _commands_below(f"{name} {word}", below)


def _option(option: Any, context: Any) -> Option:
    names = str(option.get_help_record(context)[0])
    default = option.default
    is_shown = default not in (None, (), [], "") and not (option.is_flag and not default) and not callable(default)
    return Option(names, str(default) if is_shown else "", option.help or "")


def _summary(command: Any) -> str:
    """First paragraph of a command's help."""
    return " ".join((command.help or "").split("\n\n")[0].split())
