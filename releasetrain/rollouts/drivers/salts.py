"""Salt the hash of users with the version, so that each release has other first users."""

import hashlib

NO_SALT = "none"
LENGTH = 12


def salt_of(version: str) -> str:
    """Return the salt of a version, of digits and small letters only."""
    return hashlib.sha256(version.encode()).hexdigest()[:LENGTH]
