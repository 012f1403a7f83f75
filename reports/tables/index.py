"""Every report table by name.

A test compares the declarations with the YAML of the dbt models, so that a renamed column is found before a report is
rendered.
"""

from __future__ import annotations

from reports.tables import clusters, correlations, data_health, portfolio, run, tournament
from reports.tables.declarations import ReportTable

TABLES: dict[str, ReportTable] = {
    table.name: table
    for theme in (run, data_health, clusters, correlations, portfolio, tournament)
    for table in theme.TABLES
}
