"""Simulate a market with a known structure; none of its numbers is real."""
