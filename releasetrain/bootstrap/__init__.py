"""What runs before any library is installed: the standard library only."""
