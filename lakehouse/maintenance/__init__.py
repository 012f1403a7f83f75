"""Compact, expire, back up and verify the lake."""
