"""Open the lake: extensions, catalog, retries, and read-only SQL for people."""
