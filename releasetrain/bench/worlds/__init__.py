"""Lay the rows that a benchmark needs, through the same actions as people do."""
