"""Estimate correlations, covariances and instrument risk from past returns."""
