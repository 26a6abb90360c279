"""Say which headers travel on, and what is added on the way."""

from collections.abc import Iterable, Mapping

from multidict import CIMultiDict

SHADOW_HEADER = "X-Release-Train-Shadow"
# RFC 9110 7.6.1: they speak of one connection. "Expect" was answered by us.
HOP_BY_HOP = frozenset(
    {
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
OF_SOCKETS = frozenset(
    {
        "sec-websocket-accept",
        "sec-websocket-extensions",
        "sec-websocket-key",
        "sec-websocket-protocol",
        "sec-websocket-version",
    }
)


def end_to_end(headers: Mapping[str, str], besides: frozenset[str] = frozenset()) -> CIMultiDict[str]:
    """Return the headers that are meant for the other end, those that `Connection` names left out."""
    named = {
        word.strip().lower()
        for name, value in headers.items()
        if name.lower() == "connection"
        for word in value.split(",")
    }
    hidden = HOP_BY_HOP | besides | (named - {"content-length", "host"})
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in hidden)


def onward(
    headers: Mapping[str, str], *, client: str, scheme: str, besides: frozenset[str] = frozenset()
) -> CIMultiDict[str]:
    """Return a request's headers for the server behind: end to end, and who asked us for what."""
    kept = end_to_end(headers, besides | {SHADOW_HEADER.lower()})
    _add_to_list(kept, "X-Forwarded-For", client)
    kept.setdefault("X-Forwarded-Proto", scheme)
    if host := kept.get("Host"):
        kept.setdefault("X-Forwarded-Host", host)
    return kept


def _add_to_list(headers: CIMultiDict[str], name: str, value: str) -> None:
    before: Iterable[str] = headers.popall(name, [])
    headers[name] = ", ".join([*before, value] if value else before)
