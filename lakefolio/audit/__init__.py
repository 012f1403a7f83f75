"""Check a portfolio before it is published, and keep the signed ledger of a run."""
