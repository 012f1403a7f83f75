"""`python -m lakefolio`."""

from lakefolio.cli import script

script()
