"""Declare the report tables and their printed columns, one module per theme."""
