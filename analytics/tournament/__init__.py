"""What would have worked, after costs and luck (quant.md 9)."""
