"""Group positions that move together, label the groups and measure how stable they are.

See docs/method/04-clusters.md.
"""
