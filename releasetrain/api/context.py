"""Read an evaluation context, and say in the protocol's words what is wrong with it."""

import json
from typing import Any, NoReturn

from releasetrain.flags.rules import ErrorCode

LIMIT = 64 * 1024


class BadContext(Exception):
    """Refuse a request that holds no context we can evaluate."""

    def __init__(self, code: ErrorCode, details: str) -> None:
        super().__init__(details)
        self.code = code
        self.details = details


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def context_of(body: bytes) -> dict[str, Any]:
    """Read the context from a request's body; without one it is empty.

    :raises BadContext: the body is not JSON, or the context is not an object
    """
    if not body:
        return {}
    try:
        request = DECODER.decode(body.decode())
    except (ValueError, RecursionError) as error:
        raise BadContext(
            ErrorCode.PARSE_ERROR, 'The body is not JSON such as {"context": {"targetingKey": "…"}}.'
        ) from error
    if not isinstance(request, dict):
        raise BadContext(ErrorCode.PARSE_ERROR, 'The body is not an object such as {"context": {…}}.')
    context = request.get("context", {})
    if not isinstance(context, dict):
        raise BadContext(ErrorCode.INVALID_CONTEXT, "The context is not an object.")
    return context


def targeting_key_of(context: dict[str, Any]) -> str | None:
    """Return who asks; None where the context does not say.

    :raises BadContext: it says so with something that is no text
    """
    key = context.get("targetingKey")
    if key is None:
        return None
    if not isinstance(key, str):
        raise BadContext(ErrorCode.INVALID_CONTEXT, "context.targetingKey must be text.")
    if not key.isascii():
        try:
            key.encode()
        except UnicodeEncodeError as error:
            raise BadContext(
                ErrorCode.INVALID_CONTEXT, "context.targetingKey holds text that is not valid Unicode."
            ) from error
    return key or None
