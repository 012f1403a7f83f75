"""The command line of `python -m ingest`, and the options that it shares with `lakefolio`."""

from ingest.cli.app import command_tree, main

__all__ = ["command_tree", "main"]
