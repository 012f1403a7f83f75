"""The cellar: where everything is kept, and whether it is whole (house.md 1, 2)."""
