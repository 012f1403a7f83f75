"""The window: reads rpt_* models and renders them; computes nothing.

See docs/architecture.md#packages.
"""
