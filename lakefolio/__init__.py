"""The front door: what happens, in what order, and may it be published.

See docs/architecture.md#packages, docs/architecture.md#run.
"""
