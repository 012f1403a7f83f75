"""Compact, expire, back up and check the lake."""
