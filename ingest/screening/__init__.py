"""Load scanner definitions, check them, and express them as queries of a service, or as SQL conditions on bars."""
