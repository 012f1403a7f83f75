"""The manifest, the settings made from it, and tournament engine plugins."""
