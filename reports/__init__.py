"""Render the `rpt_*` models of a run as Markdown, HTML and terminal tables; compute nothing.

See docs/architecture.md#packages.
"""
