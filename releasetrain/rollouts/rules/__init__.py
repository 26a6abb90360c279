"""Decide what a rollout does next, from values alone."""
