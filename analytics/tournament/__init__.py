"""Compare portfolio engines and risk profiles out of sample, after costs, by walk-forward analysis.

See docs/method/09-tournament.md.
"""
