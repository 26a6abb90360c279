"""Decide which addresses anything may be fetched from: public ones, and those that were named as ours."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

LONGEST = 500
NAT64 = IPv6Network("64:ff9b::/96")


def read_address(text: str) -> str:
    """Return an address as it is kept; webcal, which calendars like to be called by, is https."""
    text = text.strip()
    scheme, colon, rest = text.partition("://")
    return f"https://{rest}" if colon and scheme.lower() in {"webcal", "webcals"} else text


def why_not_address(url: str) -> str | None:
    """Return why nothing is fetched from an address, whatever it resolves to, or None."""
    if len(url) > LONGEST:
        return f"The address is longer than {LONGEST} characters."
    try:
        parts = urlsplit(url)
        is_web = parts.scheme in {"http", "https"} and bool(parts.hostname) and _port(parts) > 0
    except ValueError:
        is_web = False
    if not is_web or any(sign.isspace() or not sign.isprintable() for sign in url):
        return "This is no address such as https://calendar.example.org/freezes.ics."
    if parts.username or parts.password:
        return "The address holds a name or a password, which would be kept here; leave them out."
    return None


def _port(parts: SplitResult) -> int:
    return parts.port if parts.port is not None else 443 if parts.scheme == "https" else 80


def host_and_port(url: str) -> tuple[str, int]:
    """Return the host in small letters, and the port, of an address that may be fetched from."""
    parts = urlsplit(url)
    return (parts.hostname or "").rstrip("."), _port(parts)


def why_not_hosts(host: str, found: Iterable[str], internal: frozenset[str]) -> str | None:
    """Return why a host is not asked, given all the numbers that its name stands for, or None.

    One number that is not public is enough: whoever names us one of each chooses where we go.
    """
    if host in internal:
        return None
    if all(map(_is_public, found)):
        return None
    return (
        f"{host} lies inside a network, not on the public internet. "
        "Whoever runs this house can allow it (RELEASETRAIN_INTERNAL_HOSTS)."
    )


def _is_public(number: str) -> bool:
    address = ip_address(number.partition("%")[0])
    if isinstance(address, IPv6Address) and (inner := _inner(address)):
        address = inner
    return address.is_global and not address.is_multicast and not address.is_reserved


def _inner(address: IPv6Address) -> IPv4Address | None:
    """Return the old address that a new one stands for."""
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
