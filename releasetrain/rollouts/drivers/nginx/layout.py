"""Look through a configuration of nginx for what would hurt users; pure, and no parser of all of nginx."""

import re
from collections.abc import Iterator, Sequence

from releasetrain.rollouts.drivers.base import Finding

COMMENT = re.compile(r"#[^\n]*")
UPSTREAM = re.compile(r"upstream\s+(?P<name>\S+)\s*\{(?P<body>[^{}]*)\}")
SERVER = re.compile(r"\bserver\s+(?P<address>[^\s;]+)(?P<options>[^;]*);")
MIRROR = re.compile(r"^\s*mirror\s+/", re.MULTILINE)
# Longer than this and users on connections that are kept alive notice a slow shadow.
MIRROR_LIMIT = re.compile(r"proxy_read_timeout\s+([1-9]|[1-4]\d|50)ms")


def findings(text: str, baseline: Sequence[str], candidate: Sequence[str]) -> Iterator[Finding]:
    """Say where both arms share a group, where nothing stands in for the candidate, and what mirrors cost."""
    text = COMMENT.sub("", text)
    groups = {found["name"]: _servers(found["body"]) for found in UPSTREAM.finditer(text)}
    with_candidate = {
        name: servers for name, servers in groups.items() if any(one in candidate for one in servers)
    }
    if not with_candidate:
        yield Finding("No “upstream” of the configuration of nginx names a candidate server.")
    for name, servers in with_candidate.items():
        stand_ins = [one for one, options in servers.items() if one in baseline and "backup" in options]
        if any(one in baseline and "backup" not in options for one, options in servers.items()):
            yield Finding(
                f"The upstream {name} balances over both arms: users flip between versions. Give each arm "
                "a group of its own.",
                is_blocking=True,
            )
        elif not stand_ins:
            yield Finding(
                f"The upstream {name} has no baseline server as “backup”: when the candidate dies, its "
                "users get errors."
            )
    if MIRROR.search(text) and not MIRROR_LIMIT.search(text):
        yield Finding("A mirror without a limit of 50 ms makes users wait whose connections are kept alive.")


def _servers(body: str) -> dict[str, list[str]]:
    return {found["address"]: found["options"].split() for found in SERVER.finditer(body)}
