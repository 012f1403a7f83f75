"""The gate: what the source said, and when. The only room with HTTP and websockets (house.md 1, 4)."""
