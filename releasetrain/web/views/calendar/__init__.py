"""Show the calendar, its windows, and where they come from."""
