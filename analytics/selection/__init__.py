"""Select the instruments of the portfolio from the clustered candidates.

See docs/method/05-discovery-selection.md.
"""
