"""The front door: what happens, in what order, and may it be published (house.md 1, 3)."""
