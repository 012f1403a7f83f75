"""Steps 7 and 10 to 12: select, cluster, judge the regime, allocate."""
