"""Classify the state of the market from returns that are known at the close.

See docs/method/07-regime.md.
"""
