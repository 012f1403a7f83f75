"""Benchmarks of analytics against peer libraries, and independent solvers for the tests: `python -m benchmarks`."""
