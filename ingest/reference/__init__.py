"""Venues and trading calendars, which all sources share."""
