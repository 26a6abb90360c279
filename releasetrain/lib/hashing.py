"""Give equal content equal digests."""

import hashlib
import json
from typing import Any


def canonical(value: Any) -> bytes:
    """Write a JSON value in its one canonical form: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(value: Any) -> str:
    """Return the SHA-256 of a JSON value's canonical form, in hexadecimal."""
    return hashlib.sha256(canonical(value)).hexdigest()


def token_digest(token: str) -> str:
    """Return what is stored of a secret token: its SHA-256, in hexadecimal."""
    return hashlib.sha256(token.encode()).hexdigest()
