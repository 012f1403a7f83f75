"""Estimate correlations, covariances and the risk of single instruments from past returns.

See docs/method/03-dependence.md, docs/method/06-risk.md.
"""
