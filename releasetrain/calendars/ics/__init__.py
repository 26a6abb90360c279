"""Read other people’s iCalendar files, and write our own (RFC 5545)."""
