"""Check the data of a source, write them to the raw tables, and plan what to request next."""
