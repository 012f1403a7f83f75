"""Read the commands and options of both command lines."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import click

from ingest.cli import _parser as ingest_parser
from lakefolio.cli.app import build_parser


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
    """Both command lines; only this function knows by which library they are built."""
    return (
        from_argparse("lakefolio", build_parser()),
        from_argparse("python -m ingest", ingest_parser()),
    )


def from_click(name: str, root: click.Command) -> CommandLine:
    """Read a program built with click or typer (give `typer.main.get_command(app)`)."""
    return CommandLine(name, root.get_short_help_str(300), tuple(_of_click(name, root)))


def _of_click(name: str, command: click.Command) -> Iterator[Command]:
    context = click.Context(command, info_name=name)
    arguments, options = [], []
    for parameter in command.params:
        if getattr(parameter, "hidden", False):
            continue
        if isinstance(parameter, click.Argument):
            arguments.append(parameter.make_metavar(context))
        elif isinstance(parameter, click.Option):
            options.append(_click_option(parameter, context))
    yield Command(name, command.get_short_help_str(300), tuple(arguments), tuple(options))
    if isinstance(command, click.Group):
        for word in command.list_commands(context):
            below = command.get_command(context, word)
            if below is not None and not below.hidden:
                yield from _of_click(f"{name} {word}", below)


def _click_option(option: click.Option, context: click.Context) -> Option:
    names = ", ".join(option.opts) + (f" / {', '.join(option.secondary_opts)}" if option.secondary_opts else "")
    if not option.is_flag:
        names += f" {option.make_metavar(context)}"
    default = option.get_default(context, call=False)
    is_shown = default not in (None, (), [], "") and not (option.is_flag and not default) and not callable(default)
    return Option(names, str(default) if is_shown else "", option.help or "")


def from_argparse(name: str, root: argparse.ArgumentParser) -> CommandLine:
    """Read a program built with argparse."""
    return CommandLine(name, root.description or "", tuple(_of_argparse(name, root, root.description or "")))


def _of_argparse(name: str, parser: argparse.ArgumentParser, summary: str) -> Iterator[Command]:
    arguments, options, below = [], [], []
    for action in parser._actions:  # argparse has no public way to list them
        if isinstance(action, argparse._SubParsersAction):
            helps = {choice.dest: choice.help or "" for choice in action._choices_actions}
            below = [(word, sub, helps.get(word, "")) for word, sub in action.choices.items()]
        elif action.option_strings:
            if not isinstance(action, argparse._HelpAction):
                options.append(_argparse_option(action))
        else:
            arguments.append(_argument(action))
    yield Command(name, summary, tuple(arguments), tuple(options))
    for word, sub, text in below:
        yield from _of_argparse(f"{name} {word}", sub, text)


def _argparse_option(action: argparse.Action) -> Option:
    placeholder = "" if action.nargs == 0 else f" {_placeholder(action)}"
    is_shown = action.default not in (None, [], False, argparse.SUPPRESS)
    meaning = (action.help or "") % {"default": action.default} if action.help else ""
    return Option(", ".join(action.option_strings) + placeholder, str(action.default) if is_shown else "", meaning)


def _argument(action: argparse.Action) -> str:
    name = _placeholder(action)
    optional: tuple[Any, ...] = ("?", "*", argparse.REMAINDER)
    return f"[{name}]" if action.nargs in optional else name


def _placeholder(action: argparse.Action) -> str:
    if action.metavar:
        return str(action.metavar)
    if action.choices:
        return "{" + ",".join(map(str, action.choices)) + "}"
    return action.dest.upper()
