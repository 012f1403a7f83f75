"""Score the candidate pool and pick the winners of every cluster."""
