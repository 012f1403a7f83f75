"""Choose the columns of the printed tables, one module per theme."""

from reports.tables import clusters, correlations, data_health, portfolio, run, tournament

__all__ = ["clusters", "correlations", "data_health", "portfolio", "run", "tournament"]
