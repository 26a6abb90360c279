"""Pages: load, one action, render."""
