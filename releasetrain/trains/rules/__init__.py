"""Decide schedules, boarding and go/no-go from values alone."""
