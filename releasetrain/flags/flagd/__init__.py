"""Write and read flags in flagd's open definition, so that nobody is locked in."""
