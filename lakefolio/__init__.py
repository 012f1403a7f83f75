"""Command line, configuration, pipeline, audit and portfolio state.

See docs/architecture.md#packages, docs/architecture.md#run.
"""
