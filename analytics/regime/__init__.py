"""Classify the state of the market from returns that are known at the close."""
