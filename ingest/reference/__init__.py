"""Reference data that every source shares: venues and trading calendars."""
