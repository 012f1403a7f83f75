"""Steps 7 and 10 to 12: select, cluster, detect the regime, allocate."""
