"""Pure functions on arrays and frames: no clock, disk, network or environment.

See docs/architecture.md#packages.
"""
