"""Draw the demonstration into pages that know nothing of it."""
