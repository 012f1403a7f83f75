"""What each command does, by what it is for: running, looking, proving, maintaining. Nothing else writes to stdout."""
