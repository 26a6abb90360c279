"""Gather what the calendar pages show."""
