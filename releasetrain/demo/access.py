"""Keep the demonstration to this machine: whoever may press its buttons needs no password."""

import ipaddress

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest
from django.http.request import split_domain_port

from releasetrain.lib.errors import NotAllowed

HEADERS_OF_PROXIES = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via")


def is_loopback(host: str) -> bool:
    """Tell whether a name or address means the machine itself."""
    if host in {"localhost", "localhost."}:
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def why_not_here(request: HttpRequest) -> str:
    """Return why this request may not use the demonstration's doors, or "".

    The address of the sender is not enough: a proxy on this machine would lend its own to the whole world.
    """
    if not settings.DEMO:
        return "This house is no demonstration: people come in by their own name."
    try:
        host = split_domain_port(request.get_host())[0]
    except DisallowedHost:
        host = ""
    is_near = is_loopback(request.META.get("REMOTE_ADDR", "")) and is_loopback(host) and settings.IS_LOOPBACK
    if not is_near or any(name in request.headers for name in HEADERS_OF_PROXIES):
        return "The demonstration can be used only from a browser on the machine that it runs on."
    return ""


def refuse_elsewhere(request: HttpRequest) -> None:
    """Refuse whoever is not at this machine, and everybody where the house is no demonstration.

    :raises NotAllowed: with the reason
    """
    if why := why_not_here(request):
        raise NotAllowed(why, who="whoever runs this house")
