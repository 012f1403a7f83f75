"""`python -m lakefolio`."""

from lakefolio.cli.app import script

script()
