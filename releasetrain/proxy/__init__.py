"""A small reverse proxy that moves users between two arms by hash and threshold; it needs no Django."""
