"""The command that queries the lake, and its shell."""
