"""The window: reads rpt_* models and renders them; computes nothing (house.md 1)."""
