"""Declare the tables of the schemas raw and results."""
