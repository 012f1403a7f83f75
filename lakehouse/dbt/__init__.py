"""Run dbt in process on the lake."""
