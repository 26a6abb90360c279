"""Measure the house beside yardsticks; benchmarks print figures and never fail because of them."""
