"""Group instruments that move together, label the groups and measure how stable they are."""
