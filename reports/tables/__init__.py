"""Declare the report tables and the layout in which they are printed."""
