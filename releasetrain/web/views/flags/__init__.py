"""Show flags and segments, and let people say who gets what."""
