"""Compute the chain of hashes the way the database does, so that anybody can check an export."""

import hashlib

GENESIS = "0" * 64


def link_hash(previous: str, position: int, payload: str) -> str:
    """Return the hash of one link.

    :param payload: the event as the database writes it: its columns in table order as a JSON array's text
    """
    return hashlib.sha256(f"{previous}|{position}|{payload}".encode()).hexdigest()
