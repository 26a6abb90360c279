"""Serve fixed flag evaluations from a bare ASGI callable: what the server itself costs."""

import json
from typing import Any

ITEM = {"key": "bench-flag-0", "value": True, "reason": "SPLIT", "variant": "on"}
SINGLE = json.dumps(ITEM).encode()
BULK = json.dumps({"flags": [{**ITEM, "key": f"bench-flag-{number}"} for number in range(50)]}).encode()


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Read the whole request, look at nothing but whether one flag is wanted, answer."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    body = BULK if scope["path"].endswith("/flags") else SINGLE
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
