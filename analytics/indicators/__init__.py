"""Compute the indicators on which scanners filter, from the bars of each instrument.

See docs/method/05-discovery-selection.md#5.1.
"""
