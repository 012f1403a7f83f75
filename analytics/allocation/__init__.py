"""How much of each cluster and instrument to hold (quant.md 8)."""
