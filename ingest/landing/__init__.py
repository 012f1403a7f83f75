"""Write what a source returned to the raw tables, and plan what to request next."""
