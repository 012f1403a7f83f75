"""Format values for people: numbers, words, Markdown, status colours."""
