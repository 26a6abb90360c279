"""Gather what whole pages show; fragments that also go over the socket are the panels'."""
