"""The cellar: where everything is kept, and whether it is whole.

See docs/architecture.md#packages, docs/architecture.md#lake.
"""
