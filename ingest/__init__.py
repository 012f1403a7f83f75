"""Fetch market data from files and services and land it in the lake; the only package that opens connections.

See docs/architecture.md#packages, docs/architecture.md#sources.
"""
