"""Steps 3 to 6, 8 and 9: find candidates, fetch prices, build the price models, check health."""
