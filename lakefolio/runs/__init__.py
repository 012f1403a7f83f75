"""One run: its identity, clock, lake connection, progress and recorded fingerprints."""
