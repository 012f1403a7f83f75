"""Evaluate return series: metrics, confidence intervals and overfitting.

See docs/method/09-tournament.md#9.5.
"""
