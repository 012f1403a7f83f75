"""Time and size of whole runs on generated markets: `python -m benchmarks.lake`."""
