"""Solve one long-only allocation problem and certify the solution.

See docs/method/08-allocation.md#8.2, 8.3.
"""
