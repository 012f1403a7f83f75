"""What would have worked, after costs and luck.

See docs/method/09-tournament.md.
"""
