"""Solve one allocation problem: convex programs, recipes on a tree, and certificates of their answers."""
