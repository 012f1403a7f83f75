"""Measure the regime on real markets and on simulated noise, beside simpler rules.

See docs/method/07-regime.md#7.4, docs/decisions/0013-regime-by-level.md.
"""
