"""The sequence of steps, the runner that executes it, and reproduction."""
