"""Read which tickets a change names, as trackers and code hosts write them."""

import re

# PROJ-123 as Jira and YouTrack write it, T123456 as Phabricator does, “Bug 1234567” as Bugzilla does,
# and #123 where a word says that it is an issue.
KEY = re.compile(r"\b[A-Z][A-Z0-9]{1,9}-[1-9]\d{0,6}\b")
TASK = re.compile(r"\bT[1-9]\d{2,6}\b")
BUG = re.compile(r"\b[Bb]ug[ :#]+([1-9]\d{2,8})\b")
ISSUE = re.compile(
    r"\b(?:fix(?:e[sd])?|clos(?:e[sd]?)|resolv(?:e[sd]?)|issue|refs?|see):?\s+#([1-9]\d{0,6})\b",
    re.IGNORECASE,
)
# What looks like a key and is the name of a standard.
STANDARDS = frozenset({"UTF", "ISO", "SHA", "RFC", "CVE", "AES", "TLS", "HTTP", "MD", "PEP", "WCAG"})
MOST = 10


def tickets_in(*texts: str) -> tuple[str, ...]:
    """Return the tickets that texts name, in the order in which they come, each once; at most ten."""
    found: dict[str, None] = {}
    for text in texts:
        said = [(match.start(), match.group()) for match in KEY.finditer(text) if not _is_standard(match)]
        said += [(match.start(), match.group()) for match in TASK.finditer(text)]
        said += [(match.start(), f"bug {match.group(1)}") for match in BUG.finditer(text)]
        said += [(match.start(), f"#{match.group(1)}") for match in ISSUE.finditer(text)]
        found.update(dict.fromkeys(ticket for _, ticket in sorted(said)))
    return tuple(found)[:MOST]


def _is_standard(match: re.Match[str]) -> bool:
    return match.group().partition("-")[0] in STANDARDS
