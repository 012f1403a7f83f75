"""Tables and reports in the width of a line."""
