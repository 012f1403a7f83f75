"""Format numbers, words, Markdown tables and status colours."""
