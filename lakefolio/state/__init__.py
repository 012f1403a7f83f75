"""The portfolios that a person accepted."""
